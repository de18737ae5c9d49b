import { changePut } from './change.ts'
import type { AtomicWrite, Bytes, Entry, Put, Sum } from './engine.ts'
import { keptUntil, markGarbage } from './garbage.ts'
import { chunkKey, counterKey, recordKey } from './keyspace.ts'
import { limits } from './limits.ts'
import { decodeInfo, encodeInfo, type RecordInfo, type ValuePlace } from './record-info.ts'
import type { StoreSnapshot } from './store-reader.ts'

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
    before: Entry | undefined
    next: RecordInfo | undefined
    chunks?: readonly Put[]
    now: number
  },
): AtomicWrite & { puts: Put[] } {
  const { key, before, next, now } = change
  const entryKey = before?.key ?? recordKey(identity.contentId, key)
  const previous = replacedInfo(before)
  const kind = next ? 'put' : 'delete'
  const garbage = replacedChunks(previous, now)
  const log = changePut(identity.id, { kind, key, size: next?.size ?? 0, at: now })
  const puts = [log, ...(change.chunks ?? []), ...garbage.puts]
  if (next) puts.push({ key: entryKey, value: encodeInfo(next) })
  return {
    checks: [check, { key: entryKey, revision: before?.revision }],
    deletes: next ? [] : [entryKey],
    puts,
    sums: [
      ...counted(identity.id, 'records', Number(next !== undefined) - Number(before !== undefined)),
      ...counted(identity.id, 'bytes', (next?.size ?? 0) - (previous?.size ?? 0)),
      ...garbage.sums,
    ],
  }
}

/** Where a value that is all in memory goes, and the chunk for it if it needs one. */
export function placeValue(
  bytes: Bytes,
  createValueId: () => Bytes,
): { place: ValuePlace; chunks: Put[] } {
  if (bytes.length <= limits.valueInInfoBytesMax) {
    return { place: { kind: 'inline', bytes }, chunks: [] }
  }
  const valueId = createValueId()
  return {
    place: { kind: 'chunks', valueId },
    chunks: [{ key: chunkKey(valueId, 0), value: bytes }],
  }
}

function replacedChunks(
  previous: RecordInfo | undefined,
  now: number,
): { puts: readonly Put[]; sums: readonly Sum[] } {
  if (previous?.place.kind !== 'chunks') return { puts: [], sums: [] }
  const { size: bytes, place } = previous
  return markGarbage(place.valueId, { kind: 'value', bytes, dueAt: keptUntil(now) })
}

function counted(storeId: string, counter: 'records' | 'bytes', delta: number): Sum[] {
  return delta === 0 ? [] : [{ key: counterKey(storeId, counter), delta: BigInt(delta) }]
}
