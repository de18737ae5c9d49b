import type { KeyRange, Revision } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'

/**
 * The keys of everything that is stored; `docs/format.md` lists them. DO NOT CHANGE: they are on
 * disk. Each begins with a letter for its kind. Ids have a fixed length, so that nothing needs to
 * be escaped. Times and revisions are 8 bytes, big-endian, so that they sort as numbers.
 */
const letter = {
  activity: 'a',
  audit: 'b',
  counter: 'c',
  ownerCounter: 'd',
  lease: 'e',
  format: 'f',
  garbage: 'g',
  garbageTotal: 'h',
  instance: 'i',
  schema: 'j',
  clock: 'C',
  idempotency: 'I',
  changesTrimmed: 'k',
  change: 'l',
  tokenUse: 'm',
  name: 'n',
  owned: 'o',
  ownedNamed: 'p',
  ownedNewest: 'q',
  ownedNamedNewest: 'y',
  record: 'r',
  store: 's',
  token: 't',
  user: 'u',
  chunk: 'v',
  username: 'w',
  expiry: 'x',
  shared: 'z',
  session: 'S',
  project: 'P',
  ownedProject: 'Q',
  seed: 'R',
} as const

export type KeyKind = keyof typeof letter

/** Bytes of the random ids of contents and values. */
export const innerIdBytes = 12
const storeIdLength = 17
const recordKeyBytesMax = 1 + innerIdBytes + limits.recordKeyBytesMax

export type StoreCounter = 'records' | 'bytes'
export type OwnerCounter = 'stores' | 'named'

export const formatKey = Buffer.from(letter.format)
export const clockKey = Buffer.from(letter.clock)
export const userKey = (userId: string): Buffer => Buffer.from(letter.user + userId)
/** In lower case: usernames that differ only in case are the same. */
export const usernameKey = (username: string): Buffer =>
  Buffer.from(letter.username + username.toLowerCase())
export const tokenKey = (digest: Bytes): Buffer => join(letter.token, digest)
/**
 * The tokens whose digest begins with these bytes. A token's id is the first bytes of its digest.
 */
export const tokenRange = (digestStart: Bytes): KeyRange =>
  prefixRange(join(letter.token, digestStart))
export const tokenDigestOf = (key: Bytes): Bytes => key.subarray(1)
export const tokenUseKey = (digest: Bytes): Buffer => join(letter.tokenUse, digest)
export const instanceKey = (instance: Bytes): Buffer => join(letter.instance, instance)

export const storeKey = (storeId: string): Buffer => Buffer.from(letter.store + storeId, 'latin1')
export const activityKey = (storeId: string): Buffer =>
  Buffer.from(letter.activity + storeId, 'latin1')
export const schemaKey = (storeId: string): Buffer => Buffer.from(letter.schema + storeId, 'latin1')
/** The seed of a store that is a project. */
export const seedKey = (storeId: string): Buffer => Buffer.from(letter.seed + storeId, 'latin1')
export const storeIdOf = (key: Bytes): string => textOf(key.subarray(1, 1 + storeIdLength))

export const nameKey = (ownerId: string, name: string): Buffer =>
  Buffer.from(letter.name + ownerId + name)

/**
 * An order in which an owner's stores are indexed: all of them or the named ones, oldest or newest
 * first.
 */
export interface StoreOrder {
  readonly named: boolean
  readonly newestFirst: boolean
}

const orderLetters = [
  { named: false, newestFirst: false, letter: letter.owned },
  { named: false, newestFirst: true, letter: letter.ownedNewest },
  { named: true, newestFirst: false, letter: letter.ownedNamed },
  { named: true, newestFirst: true, letter: letter.ownedNamedNewest },
] as const

/**
 * The index entries of a store in the lists of its owner. A store has the `named` ones only while
 * it has a name.
 */
export function ownedKeys(
  store: { ownerId: string; createdAt: number; id: string },
  { named }: { named: boolean },
): Buffer[] {
  return orderLetters
    .filter((order) => order.named === named)
    .map(({ newestFirst, letter: kind }) => {
      const createdUs = Math.round(store.createdAt * 1_000)
      const time = newestFirst ? Number.MAX_SAFE_INTEGER - createdUs : createdUs
      return join(kind + store.ownerId, encodeNumber(time), store.id)
    })
}

export function ownedRange(ownerId: string, order: StoreOrder): KeyRange {
  const { named, newestFirst } = order
  const filed = orderLetters.find((one) => one.named === named && one.newestFirst === newestFirst)
  assert(filed !== undefined, 'Every order has its letter.')
  return prefixRange(Buffer.from(filed.letter + ownerId))
}

export const ownedStoreIdOf = (key: Bytes): string => textOf(key.subarray(-storeIdLength))

/** The index entry of a store that is shared with the user. */
export const sharedKey = (userId: string, storeId: string): Buffer =>
  Buffer.from(letter.shared + userId + storeId, 'latin1')
export const sharedRange = (userId: string): KeyRange =>
  prefixRange(Buffer.from(letter.shared + userId, 'latin1'))
export const sharedUserIdOf = (key: Bytes): string => textOf(key.subarray(1, -storeIdLength))

/** Points from a session token of the user to its store. */
export const sessionKey = (ownerId: string, token: bigint): Buffer => {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(token)
  return join(letter.session + ownerId, number)
}
export const sessionRange = (ownerId: string): KeyRange =>
  prefixRange(Buffer.from(letter.session + ownerId, 'latin1'))

/** Points from the channel id of an App Lab project to its store. */
export const projectKey = (channelId: string): Buffer =>
  Buffer.from(letter.project + channelId, 'latin1')
/**
 * The index entry of a project among its owner's projects, ordered by the creation of their stores.
 */
export const ownedProjectKey = (store: { ownerId: string; createdAt: number; id: string }) =>
  join(
    letter.ownedProject + store.ownerId,
    encodeNumber(Math.round(store.createdAt * 1_000)),
    store.id,
  )
/** Without an owner id: the projects of all owners. */
export const ownedProjectRange = (ownerId = ''): KeyRange =>
  prefixRange(Buffer.from(letter.ownedProject + ownerId))
/** The part of a range after `key`, which may lie outside the range. */
export function rangeBehind({ start, end }: KeyRange, key: Bytes): KeyRange {
  const behind = after(key)
  if (Buffer.compare(behind, start) <= 0) return { start, end }
  return { start: Buffer.compare(behind, end) < 0 ? behind : end, end }
}

export const expiryKey = (dueAt: number, storeId: string): Buffer =>
  join(letter.expiry, encodeNumber(dueAt), storeId)
export const dueRange = (now: number): KeyRange => timeRange(letter.expiry, now)
export const expiryOf = (key: Bytes): { dueAt: number; storeId: string } => ({
  dueAt: decodeNumber(key, 1),
  storeId: textOf(key.subarray(9)),
})

/** Allocates only once: every request builds such a key. */
export function recordKey(contentId: Bytes, key: string): Buffer {
  const length = key.length === 0 ? 0 : Buffer.byteLength(key)
  const bytes = Buffer.allocUnsafe(1 + innerIdBytes + length)
  bytes[0] = 0x72
  bytes.set(contentId, 1)
  if (length > 0) bytes.write(key, 1 + innerIdBytes, 'utf8')
  return bytes
}

export const recordNameOf = (key: Bytes): string => textOf(key.subarray(1 + innerIdBytes))
export const contentIdOf = (key: Bytes): Bytes => key.subarray(1, 1 + innerIdBytes)
export const contentRange = (contentId: Bytes): KeyRange =>
  prefixRange(join(letter.record, contentId))

/**
 * The records whose keys begin with `prefix` and come strictly after `startAfter`. A `startAfter`
 * that is longer than any key can be is cut to that length: the same records come after it.
 */
export function recordRange(
  contentId: Bytes,
  { prefix, startAfter }: { prefix: string; startAfter: string | undefined },
): KeyRange {
  const range = prefixRange(recordKey(contentId, prefix))
  if (startAfter === undefined) return range
  const behind = after(recordKey(contentId, startAfter).subarray(0, recordKeyBytesMax))
  if (Buffer.compare(behind, range.start) <= 0) return range
  return Buffer.compare(behind, range.end) < 0
    ? { start: behind, end: range.end }
    : { start: range.end, end: range.end }
}

export function chunkKey(valueId: Bytes, index: number): Buffer {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(index)
  return join(letter.chunk, valueId, number)
}

export const chunkRange = (valueId: Bytes): KeyRange => prefixRange(join(letter.chunk, valueId))
export const chunkValueIdOf = (key: Bytes): Bytes => key.subarray(1, 1 + innerIdBytes)

export const leaseKey = (valueId: Bytes): Buffer => join(letter.lease, valueId)
export const leaseValueIdOf = (key: Bytes): Bytes => key.subarray(1)

/** Marks what the sweeper may remove from `dueAt` on: a value's chunks, or a content's records. */
export const garbageKey = (dueAt: number, id: Bytes): Buffer =>
  join(letter.garbage, encodeNumber(dueAt), id)
/** A counter: the bytes of the chunks that wait for the sweeper. */
export const garbageTotalKey = Buffer.from(letter.garbageTotal)
export const garbageOf = (key: Bytes): { dueAt: number; id: Bytes } => ({
  dueAt: decodeNumber(key, 1),
  id: key.subarray(9),
})

/** A stamped put appends the revision. */
export const changeKey = (storeId: string): Buffer => Buffer.from(letter.change + storeId, 'latin1')
export const changeRevisionOf = (key: Bytes): Revision => decodeNumber(key, 1 + storeIdLength)
export const changesTrimmedKey = (storeId: string): Buffer =>
  Buffer.from(letter.changesTrimmed + storeId, 'latin1')

/** A store's changes after `revision`. */
export function changeRange(storeId: string, revision: Revision): KeyRange {
  const { end } = prefixRange(changeKey(storeId))
  return { start: join(letter.change + storeId, encodeNumber(revision + 1)), end }
}

/** What a request with an `Idempotency-Key` did; `hour` is when that hour began. */
export const idempotencyKey = (hour: number, digest: Bytes): Buffer =>
  join(letter.idempotency, encodeNumber(hour), digest)
/** What was done in hours that began before `hour`. */
export const idempotencyRange = (hour: number): KeyRange => ({
  start: kindRange('idempotency').start,
  end: join(letter.idempotency, encodeNumber(hour)),
})

/** A stamped put appends the revision. */
export const auditKey = (userId: string): Buffer => Buffer.from(letter.audit + userId, 'latin1')
export const auditUserIdOf = (key: Bytes): string => textOf(key.subarray(1, -8))

/** A user's audit trail after `revision`. */
export function auditRange(userId: string, revision: Revision): KeyRange {
  const { end } = prefixRange(auditKey(userId))
  return { start: join(letter.audit + userId, encodeNumber(revision + 1)), end }
}

const counterCodes = { records: 'n', bytes: 'b' } as const satisfies Record<StoreCounter, string>
const ownerCounterCodes = { stores: 's', named: 'n' } as const satisfies Record<
  OwnerCounter,
  string
>

export const counterKey = (storeId: string, counter: StoreCounter): Buffer =>
  Buffer.from(letter.counter + storeId + counterCodes[counter], 'latin1')
export const ownerCounterKey = (ownerId: string, counter: OwnerCounter): Buffer =>
  Buffer.from(letter.ownerCounter + ownerId + ownerCounterCodes[counter])
export const counterOwnerOf = (key: Bytes): string => textOf(key.subarray(1, -1))

/** All keys of one kind. */
export function kindRange(kind: KeyKind): KeyRange {
  return prefixRange(Buffer.from(letter[kind]))
}

/** Undefined: this version does not know the kind. */
export function kindOf(key: Bytes): KeyKind | undefined {
  const kinds = Object.keys(letter) as KeyKind[]
  return kinds.find((kind) => letter[kind].charCodeAt(0) === key[0])
}

/** All keys of all kinds. */
export const everyKey: KeyRange = { start: Buffer.from([0]), end: Buffer.from([0xff]) }

/** The garbage marks that are due at `now`, oldest first. */
export const garbageDueRange = (now: number): KeyRange => timeRange(letter.garbage, now)

/** The smallest key after `key`. */
export function after(key: Bytes): Buffer {
  const next = Buffer.alloc(key.length + 1)
  next.set(key)
  return next
}

/** A whole number from 0 to 2^53 - 1 as 8 bytes, big-endian. */
export function encodeNumber(number: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(Math.floor(number / 2 ** 32), 0)
  bytes.writeUInt32BE(number % 2 ** 32, 4)
  return bytes
}

export function decodeNumber(bytes: Bytes, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 8)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}

function timeRange(kind: string, now: number): KeyRange {
  return { start: Buffer.from(kind), end: join(kind, encodeNumber(now + 1)) }
}

/**
 * All keys that begin with `prefix`. Its first letter is never 0xff, so the range always has an
 * end.
 */
function prefixRange(prefix: Buffer): KeyRange {
  let length = prefix.length
  while (length > 1 && prefix[length - 1] === 0xff) length -= 1
  const end = Buffer.from(prefix.subarray(0, length))
  end[length - 1] = (end[length - 1] ?? 0) + 1
  return { start: prefix, end }
}

function join(...parts: readonly (string | Bytes)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

function textOf(bytes: Bytes): string {
  return asBuffer(bytes).toString('utf8')
}
