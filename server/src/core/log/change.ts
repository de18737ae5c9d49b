import { changeKey, changeRevisionOf } from '../disk/keyspace.ts'
import type { Entry, Put, Revision } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import { asBuffer } from '../kernel/bytes.ts'
import type { Actor, Door, Origin } from './actor.ts'

export type ChangeKind = 'put' | 'delete' | 'clear' | 'drop' | 'expire'

/** One line of a store's change log: what happened, never the value. */
export interface Change extends Partial<Origin> {
  readonly revision: Revision
  readonly kind: ChangeKind
  /** The record's key; '' for a change of the whole store. */
  readonly key: string
  /** The record's new size in stored bytes; 0 if it is gone. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly at: number
}

const kinds: readonly ChangeKind[] = ['put', 'delete', 'clear', 'drop', 'expire']

const doors: readonly Door[] = ['apify', 'nemesis', 'applab', 'coatcheck', 'cli']
const actorFlag = 0x80
const fixedBytes = 17
const tokenIdBytes = 8
const revisionBytes = 8

/**
 * DO NOT CHANGE, it is on disk: kind (1 byte, 0x80 added if an actor follows), at and size (8 each,
 * doubles), then the actor: door (1), length of the user's id (1), that id, the token's id (8,
 * zeros for none), the replaced revision (8, a double, 0 for none); the key in UTF-8.
 */
export function changePut(storeId: string, change: Omit<Change, 'revision'>): Put {
  const { actor } = change
  const keyAt = fixedBytes + (actor ? actorBytes(actor) : 0)
  const value = Buffer.allocUnsafe(keyAt + Buffer.byteLength(change.key))
  value[0] = kinds.indexOf(change.kind) | (actor ? actorFlag : 0)
  value.writeDoubleBE(change.at, 1)
  value.writeDoubleBE(change.size, 9)
  if (actor) writeActor(value, actor, change.before)
  value.write(change.key, keyAt)
  return { key: changeKey(storeId), value, stamped: true }
}

function decodeChange(entry: Entry): Change {
  const value = asBuffer(entry.value)
  const origin = readActor(value)
  const keyAt = fixedBytes + (origin?.actor ? actorBytes(origin.actor) : 0)
  return {
    revision: changeRevisionOf(entry.key),
    kind: kinds[(value[0] ?? 0) & ~actorFlag] ?? 'put',
    at: value.readDoubleBE(1),
    size: value.readDoubleBE(9),
    key: value.toString('utf8', keyAt),
    ...origin,
  }
}

/** One of several changes of one commit. */
export type ChangeOfMany = Pick<Change, 'kind' | 'key' | 'size' | 'before'>

const manyKind = 0x40
const itemFixedBytes = 1 + 8 + revisionBytes + 2

/**
 * The entry of a commit that changes several records. DO NOT CHANGE, it is on disk: like the entry
 * of one change, with 0x40 added to its kind, which means nothing here. In place of the key, for
 * each change: kind (1), size and the replaced revision (8 each, doubles), length of the key (2),
 * the key in UTF-8.
 */
export function changesPut(
  storeId: string,
  {
    at,
    actor,
    changes,
  }: { at: number; actor: Actor | undefined; changes: readonly ChangeOfMany[] },
): Put {
  const [only] = changes
  if (changes.length === 1 && only) return changePut(storeId, { at, actor, ...only })
  const head = changePut(storeId, { kind: 'put', key: '', size: changes.length, at, actor })
  const items = changes.map(({ kind, key, size, before = 0 }) => {
    const name = Buffer.from(key)
    const item = Buffer.allocUnsafe(itemFixedBytes)
    item[0] = kinds.indexOf(kind)
    item.writeDoubleBE(size, 1)
    item.writeDoubleBE(before, 9)
    item.writeUInt16BE(name.length, 17)
    return [item, name]
  })
  const value = Buffer.concat([head.value, ...items.flat()])
  value[0] = (value[0] ?? 0) | manyKind
  return { ...head, value }
}

/** All changes of an entry: one, or those of a commit that changed several records. */
export function decodeChanges(entry: Entry): readonly Change[] {
  const first = asBuffer(entry.value)[0] ?? 0
  if ((first & manyKind) === 0) return [decodeChange(entry)]
  const value = asBuffer(entry.value)
  const origin = readActor(value)
  const { actor } = origin ?? {}
  const common = { revision: changeRevisionOf(entry.key), at: changeTimeOf(entry) }
  const changes: Change[] = []
  for (let offset = fixedBytes + (actor ? actorBytes(actor) : 0); offset < value.length; ) {
    const keyAt = offset + itemFixedBytes
    const end = keyAt + value.readUInt16BE(offset + 17)
    changes.push({
      ...common,
      kind: kinds[value[offset] ?? 0] ?? 'put',
      size: value.readDoubleBE(offset + 1),
      key: value.toString('utf8', keyAt, end),
      ...(actor && { actor, before: value.readDoubleBE(offset + 9) || undefined }),
    })
    offset = end
  }
  return changes
}

/** When the entry's changes were made: milliseconds since 1970. */
export function changeTimeOf(entry: Entry): number {
  return asBuffer(entry.value).readDoubleBE(1)
}

function actorBytes({ userId }: Actor): number {
  return 2 + userId.length + tokenIdBytes + revisionBytes
}

function writeActor(value: Buffer, { door, userId, tokenId }: Actor, before: Revision = 0): void {
  const tokenAt = fixedBytes + 2 + userId.length
  value[fixedBytes] = doors.indexOf(door)
  value[fixedBytes + 1] = userId.length
  value.write(userId, fixedBytes + 2, 'latin1')
  if (tokenId === '') value.fill(0, tokenAt, tokenAt + tokenIdBytes)
  else value.write(tokenId, tokenAt, 'hex')
  value.writeDoubleBE(before, tokenAt + tokenIdBytes)
}

function readActor(value: Buffer): Origin | undefined {
  if (((value[0] ?? 0) & actorFlag) === 0) return undefined
  const tokenAt = fixedBytes + 2 + (value[fixedBytes + 1] ?? 0)
  const door = doors[value[fixedBytes] ?? 0]
  assert(door !== undefined, 'The door of a stored change is known.')
  const token = value.subarray(tokenAt, tokenAt + tokenIdBytes)
  return {
    actor: {
      door,
      userId: value.toString('latin1', fixedBytes + 2, tokenAt),
      tokenId: token.some((byte) => byte !== 0) ? token.toString('hex') : '',
    },
    before: value.readDoubleBE(tokenAt + tokenIdBytes) || undefined,
  }
}
