import { keptUntil, markGarbage } from '../disk/garbage.ts'
import {
  chunkKey,
  counterKey,
  recordKey,
  recordNameOf,
  type StoreCounter,
} from '../disk/keyspace.ts'
import type { AtomicWrite, Bytes, Entry, Put, Revision, Sum } from '../engine/engine.ts'
import type { Actor } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import type { StoreSnapshot } from '../identity/store-reader.ts'
import { limits } from '../kernel/limits.ts'
import { changePut } from '../log/change.ts'
import { decodeInfo, encodeInfo, type RecordInfo, type ValuePlace } from '../values/record-info.ts'
import { headOf, type RecordHead } from './record.ts'

/** A record that is about to be replaced. */
export interface Replaced {
  readonly key: Bytes
  /** Of its entry. */
  readonly revision: Revision
  /** Undefined where it can't be read. */
  readonly info: Pick<RecordInfo, 'size' | 'place'> | undefined
}

export function replacedOf(entry: Entry | undefined): Replaced | undefined {
  return entry && { key: entry.key, revision: entry.revision, info: replacedInfo(entry) }
}

/** The record's info before the write; undefined where there is none or it can't be read. */
export function replacedInfo(entry: Entry | undefined): RecordInfo | undefined {
  return entry && !entry.isDamaged ? decodeInfo(entry) : undefined
}

/**
 * Replaces, adds or (without `next`) deletes one record: its info, the change log, the counters,
 * and a mark for chunks that nothing points at any more. Holds only while store and record are as
 * they were read.
 */
export function recordWrite(
  { identity, check }: StoreSnapshot,
  change: {
    key: string
    before: Replaced | undefined
    next: RecordInfo | undefined
    chunks?: readonly Put[]
    actor: Actor | undefined
    now: number
  },
): AtomicWrite & { puts: Put[] } {
  const { key, before, next, actor, now } = change
  const entryKey = before?.key ?? recordKey(identity.contentId, key)
  const previous = before?.info
  const size = next?.size ?? 0
  const puts: Put[] = [
    changePut(identity.id, {
      kind: next ? 'put' : 'delete',
      key,
      size,
      at: now,
      actor,
      before: before?.revision,
    }),
  ]
  if (change.chunks) puts.push(...change.chunks)
  if (next) puts.push({ key: entryKey, value: encodeInfo(next) })
  const sums: Sum[] = []
  const delta = Number(next !== undefined) - Number(before !== undefined)
  count(sums, identity, { counter: 'records', delta })
  count(sums, identity, { counter: 'bytes', delta: size - (previous?.size ?? 0) })
  leaveGarbage({ puts, sums }, { previous, now })
  return {
    checks: [check, { key: entryKey, revision: before?.revision }],
    deletes: next ? [] : [entryKey],
    puts,
    sums,
  }
}

/** Where a value that is all in memory goes, and the chunks for it if it needs some. */
export function placeValue(
  bytes: Bytes,
  createValueId: () => Bytes,
): { place: ValuePlace; chunks: Put[] } {
  if (bytes.length <= limits.valueInInfoBytesMax) {
    return { place: { kind: 'inline', bytes }, chunks: [] }
  }
  const valueId = createValueId()
  const chunks: Put[] = []
  for (let start = 0; start < bytes.length; start += limits.chunkBytes) {
    const value = bytes.subarray(start, start + limits.chunkBytes)
    chunks.push({ key: chunkKey(valueId, chunks.length), value })
  }
  return { place: { kind: 'chunks', valueId }, chunks }
}

/** Chunks that nothing points at any more. */
function leaveGarbage(
  write: { puts: Put[]; sums: Sum[] },
  { previous, now }: { previous: Replaced['info']; now: number },
): void {
  if (previous?.place.kind !== 'chunks') return
  const { size: bytes, place } = previous
  const garbage = markGarbage(place.valueId, { kind: 'value', bytes, dueAt: keptUntil(now) })
  write.puts.push(...garbage.puts)
  write.sums.push(...garbage.sums)
}

function count(
  sums: Sum[],
  { id }: StoreIdentity,
  { counter, delta }: { counter: StoreCounter; delta: number },
): void {
  if (delta !== 0) sums.push({ key: counterKey(id, counter), delta: BigInt(delta) })
}

/** One damaged record must not hide the others: it is listed with what is still known of it. */
export function listedHead(entry: Entry): RecordHead {
  const info = replacedInfo(entry) ?? unreadableInfo
  return headOf(recordNameOf(entry.key), info, entry.revision)
}

const unreadableInfo: RecordInfo = {
  contentType: 'application/octet-stream',
  contentEncoding: '',
  size: 0,
  modifiedAt: 0,
  jsonState: 'unsound',
  place: { kind: 'inline', bytes: Buffer.alloc(0) },
}
