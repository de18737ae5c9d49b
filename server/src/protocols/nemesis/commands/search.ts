import { limits } from '../../../core/kernel/limits.ts'
import { oneByOne } from '../../../core/records/held-records.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { parseJsonText } from '../../json/json-text.ts'
import { JsonTextError } from '../../json/json-text-error.ts'
import { JsonTreeError, parseTree, printTree } from '../../json/json-tree.ts'
import { JsonPathError } from '../../json/path/error.ts'
import { compilePath, type JsonPath, PathWork, pathStepsOf } from '../../json/path/json-path.ts'
import { newValueOf } from '../../json/updates/compute.ts'
import { inBatches } from '../call/batches.ts'
import { type Answer, assertKeys, inSession, type NemesisCall, type Session } from '../call/call.ts'
import { assertDeclared, given, keyTextOf, optional, required } from '../call/parameters.ts'
import { status } from '../call/status.ts'
import {
  answer,
  assertReplyLength,
  CommandError,
  invalidParameter,
  valuesAtOnce,
} from '../call/wire.ts'
import { LongWork } from '../turns/long-work.ts'
import { allKeys, assertCount } from './values.ts'
import { bytesToRead, textOf, workOf } from './views.ts'

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
  const wantedOnly = wantedKeys(call, result)
  const only = [...new Set(wantedOnly)]
  return inSession(call, 'read', async ({ store, token }) => {
    assertKeys(call, only)
    try {
      const found = search(call, { store, path, only })
      const members = await membersOf(call, found, { result, only: wantedOnly })
      return answer(call.command, `{"tkn":${token},"st":1,${members}}`)
    } catch (error) {
      if (!(error instanceof JsonPathError)) throw error
      return answer(call.command, `{"tkn":${token},"st":${status.pathInvalid}}`)
    }
  })
}

/**
 * A key that is listed twice is in the answer twice, as in NemesisDB, but a whole value is in it
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
  { result, only }: { result: Result; only: readonly string[] },
): Promise<string> {
  const parts: string[] = []
  const doubles = new Doubles(only)
  let length = 0
  for await (const { key, text, locations } of found) {
    const name = JSON.stringify(key)
    const own = { keys: [name], kv: [`${name}:${text}`], paths: locations.map(quoted) }[result]
    const before = length
    for (const part of own) {
      length += doubles.timesOf(key) * (part.length + 1)
      assertReplyLength(length)
      parts.push(part)
    }
    doubles.note(key, own)
    await room.take(length - before)
  }
  const all = doubles.inOrder() ?? parts
  if (result === 'kv') return `"keys":{${all.join(',')}}`
  return `"${result}":[${all.join(',')}]`
}

/** Repeats the parts of the answer for keys that are listed several times, but searched once. */
class Doubles {
  readonly #keys: readonly string[]
  readonly #times = new Map<string, number>()
  readonly #partsOf = new Map<string, readonly string[]>()

  constructor(keys: readonly string[]) {
    this.#keys = keys
    for (const key of keys) this.#times.set(key, (this.#times.get(key) ?? 0) + 1)
  }

  /** How many times the key is in the answer. */
  timesOf(key: string): number {
    return this.#times.get(key) ?? 1
  }

  note(key: string, parts: readonly string[]): void {
    if (this.#areAny) this.#partsOf.set(key, parts)
  }

  /** The parts of all keys, in the order of the list; undefined: no key is listed twice. */
  inOrder(): readonly string[] | undefined {
    if (!this.#areAny) return undefined
    return this.#keys.flatMap((key) => this.#partsOf.get(key) ?? [])
  }

  get #areAny(): boolean {
    return this.#times.size < this.#keys.length
  }
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
  // What a search takes is known afterwards, and other commands may be allowed theirs meanwhile.
  // So it is expected to take what the one before took, and the first what compiling takes.
  let expected = pathStepsOf(text)
  await call.room.take(valuesAtOnce * limits.valueInInfoBytesMax)
  if (only.length === 0) await call.room.take(limits.pageBytesMax)
  for await (const keys of inBatches(only.length > 0 ? only : allKeys(store, work), valuesAtOnce)) {
    for (const record of oneByOne(await store.batch.get(keys))) {
      if (!record) continue
      await work.next(workOf(record) + expected)
      const bytes = bytesToRead(record)
      await call.room.take(bytes)
      const value = await textOf(store, record)
      if (value !== undefined) {
        const before = searches.spent
        const locations = counted(work, { searches, expected }, () => {
          path ??= compilePath(text, searches)
          return locationsIn(value, path, searches)
        })
        expected = searches.spent - before
        if (locations.length > 0) yield { key: record.key, text: value, locations }
      }
      call.room.give(bytes)
    }
  }
}

/**
 * Runs a search and counts as long work what it takes beyond the `expected` steps, also if it
 * fails.
 */
function counted<T>(
  work: LongWork,
  { searches, expected }: { searches: PathWork; expected: number },
  run: () => T,
): T {
  const before = searches.spent
  try {
    return run()
  } finally {
    work.spend(Math.max(0, searches.spent - before - expected))
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
  const path = (searches: PathWork): JsonPath => {
    known ??= compiled(text, searches)
    return known
  }
  return inSession(call, 'write', async (session) => {
    assertKeys(call, [key])
    const wanted = { call, key, path, value, expected: pathStepsOf(text) }
    const count = await withRoom(call, (room) => replace(session, { ...wanted, room }))
    const code = count === undefined ? status.keyNotExist : status.ok
    return answer(call.command, `{"tkn":${session.token},"st":${code},"cnt":${count ?? 0}}`)
  })
}

/** A value does not fit into the room that a KV_UPDATE has taken. */
class RoomNeeded extends Error {
  readonly bytes: number

  constructor(bytes: number) {
    super(`This needs room for ${bytes} bytes.`)
    this.bytes = bytes
  }
}

/**
 * Runs `work` with room for a value. As long as it needs more, it is run again with that much. The
 * wait for room is not a part of `work`: others must not wait for it in the queue of the value.
 */
async function withRoom<T>({ room }: NemesisCall, work: (bytes: number) => Promise<T>): Promise<T> {
  let taken = 0
  try {
    for (;;) {
      const done = await work(taken).catch(orRoomNeeded)
      if (!(done instanceof RoomNeeded)) return done
      await room.take(done.bytes - taken)
      taken = done.bytes
    }
  } finally {
    room.give(taken)
  }
}

function orRoomNeeded(error: unknown): RoomNeeded {
  if (error instanceof RoomNeeded) return error
  throw error
}

function compiled(text: string, searches: PathWork): JsonPath {
  try {
    return compilePath(text, searches)
  } catch (error) {
    if (error instanceof JsonPathError) throw new CommandError(status.unknown, error.message)
    throw error
  }
}

function replaced(
  text: string,
  { path, value }: Replacement,
  searches: PathWork,
): { count: number; json: string } {
  const compiledPath = path(searches)
  try {
    const tree = parseTree(text)
    const count = compiledPath.replace(tree, parseJsonText(value), searches)
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
  path(searches: PathWork): JsonPath
  /** How many steps the search is expected to take. */
  readonly expected: number
  /** JSON text. */
  readonly value: string
  /** How many bytes of the value there is room for. */
  readonly room: number
}

/**
 * Returns the number of matches that were replaced; undefined: there is no such key. Throws
 * RoomNeeded.
 */
async function replace({ store }: Session, wanted: Replacement): Promise<number | undefined> {
  let count: number | undefined
  if (Buffer.byteLength(wanted.key) > limits.recordKeyBytesMax) return undefined
  await store.update(wanted.key, async (before) => {
    if (!before) return undefined
    const bytes = bytesToRead(before)
    if (bytes > wanted.room) throw new RoomNeeded(bytes)
    const found = await replacedIn(store, before, wanted)
    count = found.count
    return newValueOf(before, count === 0 ? found.json : undefined, found.json)
  })
  return count
}

async function replacedIn(
  store: Store,
  record: StoreRecord,
  wanted: Replacement,
): Promise<{ count: number; json: string }> {
  const { call, key, expected } = wanted
  const work = new LongWork(call)
  await work.next(workOf(record) + expected)
  const text = await textOf(store, record)
  if (text === undefined) throw new CommandError(status.valueTypeInvalid, `${key} is not JSON`)
  const searches = new PathWork()
  return counted(work, { searches, expected }, () => replaced(text, wanted, searches))
}
