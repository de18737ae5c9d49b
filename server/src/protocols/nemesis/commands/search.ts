import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { lostRace, retry } from '../../../core/kernel/retry.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { isJsonType } from '../../../core/values/content-type.ts'
import { parseJsonText } from '../../json/json-text.ts'
import { JsonTextError } from '../../json/json-text-error.ts'
import { JsonTreeError, parseTree, printTree } from '../../json/json-tree.ts'
import { jsonType } from '../../json/json-value.ts'
import { JsonPathError } from '../../json/path/error.ts'
import { compilePath, type JsonPath, PathWork } from '../../json/path/json-path.ts'
import { LongWork } from '../work/long-work.ts'
import { batchesOf } from './batches.ts'
import { type Answer, assertKeys, inSession, type NemesisCall, type Session } from './call.ts'
import { assertDeclared, given, keyTextOf, optional, required } from './parameters.ts'
import { status } from './status.ts'
import { allKeys, assertCount, bytesToRead, textOf, workOf } from './values.ts'
import { answer, assertReplyLength, CommandError, invalidParameter, valuesAtOnce } from './wire.ts'

const findParameters = [
  optional('keys', 'array'),
  required('path', 'string'),
  required('rsp', 'string'),
]
const updateParameters = [
  required('key', 'string'),
  required('path', 'string'),
  required('value', 'any'),
]
const results = ['keys', 'paths', 'kv'] as const
type Result = (typeof results)[number]

interface Found {
  readonly key: string
  readonly text: string
  readonly locations: readonly string[]
}

/** KV_FIND: finds the values in which a JSONPath matches something. */
export async function find(call: NemesisCall): Promise<Answer> {
  const { parameters } = call
  assertDeclared(parameters, findParameters)
  const path = given(parameters, 'path').string()
  if (path === '') throw invalidParameter(status.valueSize, 'path')
  const wanted = given(parameters, 'rsp').string()
  const result = results.find((one) => one === wanted)
  if (result === undefined) throw invalidParameter(status.commandSyntax, 'rsp')
  const only = wantedKeys(call, result)
  return inSession(call, 'read', async ({ store, token }) => {
    assertKeys(call, only)
    try {
      const members = await membersOf(call, search(call, { store, path, only }), result)
      return answer(call.command, `{"tkn":${token},"st":1,${members}}`)
    } catch (error) {
      if (!(error instanceof JsonPathError)) throw error
      return answer(call.command, `{"tkn":${token},"st":${status.pathInvalid}}`)
    }
  })
}

/**
 * A key that is listed twice is found twice, as in NemesisDB, but a whole value is in the answer
 * once.
 */
function wantedKeys(call: NemesisCall, result: Result): readonly string[] {
  const items = call.parameters.get('keys')?.items() ?? []
  assertCount(items.length)
  const keys = items.map(keyTextOf)
  return result === 'kv' ? [...new Set(keys)] : keys
}

/**
 * Keeps only the parts of the answer in memory. Throws StorageError as soon as they are too long
 * for one answer.
 */
async function membersOf(
  { room }: NemesisCall,
  found: AsyncIterable<Found>,
  result: Result,
): Promise<string> {
  const parts: string[] = []
  let length = 0
  for await (const { key, text, locations } of found) {
    const name = JSON.stringify(key)
    const own = { keys: [name], kv: [`${name}:${text}`], paths: locations.map(quoted) }[result]
    const before = length
    for (const part of own) {
      length += part.length + 1
      assertReplyLength(length)
      parts.push(part)
    }
    await room.take(length - before)
  }
  if (result === 'kv') return `"keys":{${parts.join(',')}}`
  return `"${result}":[${parts.join(',')}]`
}

const quoted = (text: string): string => JSON.stringify(text)

interface Searched {
  readonly store: Store
  readonly path: string
  /** The keys of the values; none: all values. */
  readonly only: readonly string[]
}

/**
 * Compiles the path only when there is a value to search, as NemesisDB does: with no value, an
 * invalid path is no error. All values share one bound, and others are served between.
 */
async function* search(
  call: NemesisCall,
  { store, path: text, only }: Searched,
): AsyncGenerator<Found> {
  const work = new LongWork(call)
  const searches = new PathWork()
  let path: JsonPath | undefined
  await call.room.take(valuesAtOnce * limits.valueInInfoBytesMax)
  if (only.length === 0) await call.room.take(limits.pageBytesMax)
  for await (const keys of batchesOf(only.length > 0 ? only : allKeys(store, work), valuesAtOnce)) {
    for (const record of await store.batch.get(keys)) {
      if (!record) continue
      await work.next(workOf(record))
      const bytes = bytesToRead(record)
      await call.room.take(bytes)
      const value = await textOf(store, record)
      if (value !== undefined) {
        const before = searches.spent
        path ??= compilePath(text)
        const locations = locationsIn(value, path, searches)
        work.spend(searches.spent - before)
        if (locations.length > 0) yield { key: record.key, text: value, locations }
      }
      call.room.give(bytes)
    }
  }
}

/** Where the path matches in a value; nowhere if the value is nested too deeply to be parsed. */
function locationsIn(value: string, path: JsonPath, searches: PathWork): readonly string[] {
  try {
    return path.find(parseTree(value), searches).map(({ location }) => location)
  } catch (error) {
    if (error instanceof JsonTextError) return []
    throw error
  }
}

/**
 * KV_UPDATE: replaces every match of a JSONPath in one value. As in NemesisDB, an invalid path is
 * an error only if there is a value.
 */
export async function update(call: NemesisCall): Promise<Answer> {
  const { parameters } = call
  assertDeclared(parameters, updateParameters)
  const key = given(parameters, 'key').string()
  const text = given(parameters, 'path').string()
  const value = given(parameters, 'value').text
  let known: JsonPath | undefined
  const path = (): JsonPath => {
    known ??= compiled(text)
    return known
  }
  return inSession(call, 'write', async (session) => {
    assertKeys(call, [key])
    const turn = `${session.store.id}/${key}`
    const wanted = { call, key, path, value }
    const count = await call.updates.run(turn, () => replace(session, wanted))
    const code = count === undefined ? status.keyNotExist : status.ok
    return answer(call.command, `{"tkn":${session.token},"st":${code},"cnt":${count ?? 0}}`)
  })
}

function compiled(text: string): JsonPath {
  try {
    return compilePath(text)
  } catch (error) {
    if (error instanceof JsonPathError) throw new CommandError(status.unknown, error.message)
    throw error
  }
}

function replaced(path: JsonPath, text: string, value: string): { count: number; json: string } {
  try {
    const tree = parseTree(text)
    const count = path.replace(tree, parseJsonText(value))
    return { count, json: printTree(tree) }
  } catch (error) {
    const isTold = [JsonPathError, JsonTextError, JsonTreeError].some((one) => error instanceof one)
    if (isTold && error instanceof Error) throw new CommandError(status.unknown, error.message)
    throw error
  }
}

interface Replacement {
  readonly call: NemesisCall
  readonly key: string
  /** Throws CommandError if the path is invalid. */
  path(): JsonPath
  /** JSON text. */
  readonly value: string
}

/** Returns the number of matches that were replaced; undefined: there is no such key. */
async function replace({ store }: Session, wanted: Replacement): Promise<number | undefined> {
  const attempt = async (): Promise<number | undefined | typeof lostRace> => {
    const record = await store.get(wanted.key)
    return record && replaceIn(store, record, wanted)
  }
  return retry(limits.writeAttemptsMax, attempt, () => {
    throw new StorageError('store-busy', 'Too many clients are changing this value. Try again.')
  })
}

/** Returns the number of matches that were replaced; `lostRace`: the record has changed. */
async function replaceIn(
  store: Store,
  record: StoreRecord,
  { call, key, path, value }: Replacement,
): Promise<number | typeof lostRace> {
  await call.room.take(bytesToRead(record))
  await new LongWork(call).next(workOf(record))
  const text = await textOf(store, record)
  if (text === undefined) throw new CommandError(status.valueTypeInvalid, `${key} is not JSON`)
  const { count, json } = replaced(path(), text, value)
  if (count === 0) return 0
  try {
    await store.put(
      {
        key,
        contentType: isJsonType(record.contentType) ? record.contentType : jsonType,
        contentEncoding: '',
        source: new WholeSource(Buffer.from(json)),
      },
      { kind: 'revision', anyOf: [record.revision] },
    )
    return count
  } catch (error) {
    if (error instanceof StorageError && error.code === 'condition-failed') return lostRace
    throw error
  }
}
