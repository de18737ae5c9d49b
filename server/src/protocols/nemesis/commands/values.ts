import { type Awaitable, andThen } from '../../../core/kernel/awaitable.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Action } from '../../../core/people/scope.ts'
import type { WholeRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { JsonText } from '../../json/json-text.ts'
import { jsonType } from '../../json/json-value.ts'
import {
  type Answer,
  assertAllKeys,
  assertKeys,
  inSession,
  type NemesisCall,
  type Session,
} from '../call/call.ts'
import {
  allTextsOf,
  assertDeclared,
  given,
  required,
  textsOf,
  tokenOf,
} from '../call/parameters.ts'
import { status } from '../call/status.ts'
import {
  answer,
  answerInPieces,
  assertReplyLength,
  CommandError,
  joinedLengthMax,
  list,
  type Members,
  object,
  objectPieces,
} from '../call/wire.ts'
import { LongWork } from '../turns/long-work.ts'
import { isSetOfOne, setOne } from './updates.ts'
import { keyUnits, readyToRead, type Views, viewsOf } from './views.ts'

const keysObject = [required('keys', 'object')]
const keysArray = [required('keys', 'array')]
/** Keys that are listed at once. */
const keysAtOnce = 125
/** KV_SET: stores values, and overwrites existing ones. KV_SETQ answers only if it fails. */
export function set(call: NemesisCall): Awaitable<Answer> {
  if (isSetOfOne(call)) return setIfExpected(call)
  return write(call, keysObject, async ({ store, token }, records) => {
    const existed = await store.batch.put(records)
    if (call.command === 'KV_SETQ') return undefined
    const keys = statuses(records, existed, { was: status.keyUpdated, not: status.keySet })
    return answer(call.command, `{"tkn":${token},"keys":${object(keys)}}`)
  })
}

function setIfExpected(call: NemesisCall): Awaitable<Answer> {
  assertDeclared(call.parameters, keysObject)
  const [member, ...others] = given(call.parameters, 'keys').members()
  if (!member || others.length > 0) throw new CommandError(status.valueSize, 'keys')
  const [key, value] = member
  return inSession(call, 'write', (session) => {
    assertKeys(call, [key])
    return setOne(call, session, { key, value })
  })
}

/**
 * KV_ADD: stores only values whose keys do not exist yet. KV_ADDQ reports only the keys that
 * existed, and gives no answer if none did.
 */
export function add(call: NemesisCall): Awaitable<Answer> {
  return write(call, keysObject, async ({ store, token }, records) => {
    const existed = await store.batch.add(records)
    const all = statuses(records, existed, { was: status.keyExists, not: status.keySet })
    const keys = call.command === 'KV_ADDQ' ? all.filter((_, index) => existed[index]) : all
    if (call.command === 'KV_ADDQ' && keys.length === 0) return undefined
    return answer(call.command, `{"tkn":${token},"keys":${object(keys)}}`)
  })
}

/** KV_CLEAR_SET: replaces all values of the session by these. */
export function clearSet(call: NemesisCall): Awaitable<Answer> {
  return write(call, keysObject, async ({ store, token }, records) => {
    assertAllKeys(call)
    const cleared = await store.replaceAll(records)
    const keys = object(records.map(({ key }) => [key, status.keySet]))
    return answer(call.command, `{"tkn":${token},"st":1,"cnt":${cleared},"keys":${keys}}`)
  })
}

/** KV_CLEAR */
export async function clear(call: NemesisCall): Promise<Answer> {
  return inSession(call, 'write', async ({ store, token }) => {
    assertAllKeys(call)
    return answer(call.command, `{"st":1,"cnt":${await store.replaceAll([])},"tkn":${token}}`)
  })
}

/**
 * KV_GET: the values; `null` for missing keys and for values that are not JSON. `notJson` lists the
 * keys of the latter. With `"rev":true`, our addition, `revs` has the revisions of existing keys.
 */
export function get(call: NemesisCall): Awaitable<Answer> {
  const wantsRevisions = call.parameters.get('rev')?.kind === 'true'
  return read(call, ({ store, token }, keys) => {
    if (keys.length === 0) return answer(call.command, `{"tkn":${token}}`)
    return andThen(viewsOf(call, store, keys), ({ texts, notJson, length, revisions }) => {
      const members = keys.map((key, index) => [key, texts[index] ?? 'null'] as const)
      const others = notJson.length > 0 ? `,"notJson":${list(notJson)}` : ''
      const revs = wantsRevisions ? `,"revs":${object(revisionsBy(keys, revisions))}` : ''
      const [before, behind] = [`{"tkn":${token},"keys":`, `${others}${revs}}`]
      return length < joinedLengthMax
        ? answer(call.command, before + object(members) + behind)
        : answerInPieces(call.command, [before, ...objectPieces(members), behind])
    })
  })
}

function revisionsBy(keys: readonly string[], revisions: Views['revisions']): Members {
  return keys.flatMap((key, index) => {
    const revision = revisions[index]
    return revision === undefined ? [] : [[key, revision] as const]
  })
}

/**
 * KV_RMV: a status per key, as a member beside `tkn`. A key named `tkn` replaces that member. A key
 * that is listed twice is not there the second time, and that status is the one in the answer.
 */
export function remove(call: NemesisCall): Awaitable<Answer> {
  return read(
    call,
    async ({ store, token }, keys) => {
      // No `await` for what is there: see `roomForWrite`.
      const waiting = roomForWrite(call, keys.length)
      if (waiting) await waiting
      const existed = await store.batch.delete(keys)
      const doubled = doublesIn(allTextsOf(given(call.parameters, 'keys')))
      const members = new Map<string, string | number>([['tkn', token]])
      for (const [index, key] of keys.entries()) {
        const isRemoved = existed[index] && !doubled.has(key)
        members.set(key, isRemoved ? status.keyRemoved : status.keyNotExist)
      }
      return answer(call.command, object([...members]))
    },
    'write',
  )
}

function doublesIn(keys: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const doubled = new Set<string>()
  for (const key of keys) (seen.has(key) ? doubled : seen).add(key)
  return doubled
}

/** KV_CONTAINS */
export function contains(call: NemesisCall): Awaitable<Answer> {
  return read(call, async ({ store, token }, keys) => {
    if (keys.length === 0) return answer(call.command, `{"st":1,"tkn":${token}}`)
    await readyToRead(call, keys.length)
    const existed = await store.batch.has(keys)
    const members = keys.map((key, index) => [key, existed[index] === true] as const)
    return answer(call.command, `{"st":1,"tkn":${token},"keys":${object(members)}}`)
  })
}

/** KV_COUNT */
export async function count(call: NemesisCall): Promise<Answer> {
  return inSession(call, 'read', async ({ store, token }) => {
    assertAllKeys(call)
    return answer(call.command, `{"st":1,"cnt":${await store.batch.count()},"tkn":${token}}`)
  })
}

/** KV_KEYS: all keys, in the order of their bytes. */
export async function keys(call: NemesisCall): Promise<Answer> {
  tokenOf(call.parameters) // NemesisDB looks at the token before the number of parameters
  const others = [...call.parameters.keys()].filter((name) => name !== 'tkn')
  if (others.length > 0) throw new CommandError(status.commandSyntax)
  return inSession(call, 'read', async ({ store, token }) => {
    const found = await keyList(call, store)
    return answerInPieces(call.command, [`{"tkn":${token},"st":1,"keys":`, ...found, '}'])
  })
}

/**
 * All keys as a JSON array in pieces, in the order of their bytes. Keys are counted while they are
 * collected. Throws `value-too-large` as soon as they are too long for one answer.
 */
export async function keyList(call: NemesisCall, store: Store): Promise<string[]> {
  const pieces: string[] = []
  const work = new LongWork(call)
  let length = 1
  await call.room.take(limits.pageBytesMax)
  for await (const page of keyPages(store, work)) {
    if (page.length === 0) continue
    const piece = `${pieces.length > 0 ? ',' : '['}${list(page).slice(1, -1)}`
    length += piece.length
    assertReplyLength(length)
    await call.room.take(piece.length)
    pieces.push(piece)
  }
  return pieces.length === 0 ? ['[]'] : [...pieces, ']']
}

/** All keys, read page by page. Counts as a use of the store, which may renew it. */
export async function* allKeys(store: Store, work: LongWork): AsyncGenerator<string> {
  for await (const page of keyPages(store, work)) yield* page
}

async function* keyPages(store: Store, work: LongWork): AsyncGenerator<readonly string[]> {
  await store.batch.has([]) // a use: in NemesisDB, every command renews the session
  let startAfter: string | undefined
  for (;;) {
    await work.next(keysAtOnce * keyUnits)
    const page = await store.list({ prefix: '', startAfter, limit: keysAtOnce })
    yield page.items.map(({ key }) => key)
    startAfter = page.items.at(-1)?.key
    if (!page.isTruncated) return
  }
}

export function recordOf(key: string, value: JsonText): WholeRecord {
  return recordOfText(key, value.text)
}

/** `text` is strict JSON. */
export function recordOfText(key: string, text: string): WholeRecord {
  return { key, contentType: jsonType, bytes: Buffer.from(text), jsonState: 'sound' }
}

function write(
  call: NemesisCall,
  declared: typeof keysObject,
  use: (session: Session, records: readonly WholeRecord[]) => Promise<Answer>,
): Awaitable<Answer> {
  assertDeclared(call.parameters, declared)
  const keys = given(call.parameters, 'keys')
  assertCount(keys.size)
  const members = keys.members()
  return inSession(call, 'write', (session) => {
    assertKeys(call, members.keys())
    return andThen(roomForWrite(call, members.size), () =>
      use(
        session,
        [...members].map(([key, value]) => recordOf(key, value)),
      ),
    )
  })
}

/**
 * Room for the records before a write. Only a command that runs alone may wait for it: all others
 * must reach the queues of their keys in the order in which they came.
 */
export function roomForWrite(call: NemesisCall, keyCount: number): Awaitable<void> {
  return keyCount > limits.overlappingKeysMax ? readyToRead(call, keyCount) : undefined
}

function read(
  call: NemesisCall,
  use: (session: Session, keys: readonly string[]) => Awaitable<Answer>,
  action: Action = 'read',
): Awaitable<Answer> {
  assertDeclared(call.parameters, keysArray)
  const wanted = textsOf(given(call.parameters, 'keys'))
  assertCount(wanted.length)
  return inSession(call, action, (session) => {
    assertKeys(call, wanted)
    return use(session, wanted)
  })
}

/**
 * Our own limit: NemesisDB takes as many keys as fit into one message. Throws CommandError.
 */
export function assertCount(length: number): void {
  if (length <= limits.batchRecordsMax) return
  throw new CommandError(status.valueSize, `at most ${limits.batchRecordsMax} keys`)
}

function statuses(
  records: readonly WholeRecord[],
  existed: readonly boolean[],
  { was, not }: { was: number; not: number },
): Members {
  return records.map(({ key }, index) => [key, existed[index] ? was : not] as const)
}
