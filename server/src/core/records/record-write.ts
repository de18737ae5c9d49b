import { keptUntil, markGarbage } from '../disk/garbage.ts'
import { chunkKey, counterKey, garbageTotalKey, recordKey, recordNameOf } from '../disk/keyspace.ts'
import type { Check, Entry, Put, Revision, Sum, WriteParts } from '../engine/engine.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import type { StoreSnapshot } from '../identity/store-reader.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import type { Actor } from '../log/actor.ts'
import { type ChangeOfMany, changesPut } from '../log/change.ts'
import { decodeInfo, encodeInfo, type RecordInfo, type ValuePlace } from '../values/record-info.ts'
import { headOf, type RecordHead, type WholeRecord } from './record.ts'

/** A record that is about to be replaced. */
export interface Replaced {
  readonly key: Bytes
  /** The revision of the record's entry. */
  readonly revision: Revision
  /** Undefined if it can't be read. */
  readonly info: Pick<RecordInfo, 'size' | 'place'> | undefined
}

export function replacedOf(entry: Entry | undefined): Replaced | undefined {
  return entry && { key: entry.key, revision: entry.revision, info: replacedInfo(entry) }
}

/** The record's info before the write; undefined if there is none or it can't be read. */
export function replacedInfo(entry: Entry | undefined): RecordInfo | undefined {
  return entry && !entry.isDamaged ? decodeInfo(entry) : undefined
}

/** The change of one record. */
export interface Replacement {
  readonly key: string
  /** Undefined: there was none. */
  readonly before: Replaced | undefined
  /** Undefined: the record is deleted. */
  readonly next: RecordInfo | undefined
  /** Chunks of the new value, stored by the same commit. */
  readonly chunks?: readonly Put[]
  /** The same commit gives the value of the record before to another record. */
  readonly handsOnValue?: boolean
}

/**
 * Replaces, adds or deletes records in one commit: their infos, the change log, the counters, and
 * garbage marks for replaced chunks. The commit checks that the store and each record are still as
 * they were read.
 */
export function recordsWrite(
  { identity, check }: StoreSnapshot,
  {
    replacements,
    actor,
    now,
  }: { replacements: readonly Replacement[]; actor: Actor | undefined; now: number },
): Required<WriteParts> {
  const checks: Check[] = [check]
  const deletes: Bytes[] = []
  const puts: Put[] = []
  const changes: ChangeOfMany[] = []
  const totals = { records: 0, bytes: 0, garbage: 0n }
  for (const { key, before, next, chunks, handsOnValue } of replacements) {
    const entryKey = before?.key ?? recordKey(identity.contentId, key)
    const size = next?.size ?? 0
    checks.push({ key: entryKey, revision: before?.revision })
    if (next) puts.push({ key: entryKey, value: encodeInfo(next) })
    else deletes.push(entryKey)
    if (chunks) puts.push(...chunks)
    totals.records += Number(next !== undefined) - Number(before !== undefined)
    totals.bytes += size - (before?.info?.size ?? 0)
    if (!handsOnValue) totals.garbage += leaveGarbage(puts, before?.info, now)
    changes.push({ kind: next ? 'put' : 'delete', key, size, before: before?.revision })
  }
  puts.push(changesPut(identity.id, { at: now, actor, changes }))
  return { checks, deletes, puts, sums: sumsOf(identity, totals) }
}

/** The info of a record whose value is in memory, and the chunks that its value needs. */
export function infoOfWhole(
  { contentType, bytes, jsonState }: WholeRecord,
  { now, createValueId }: { now: number; createValueId(): Bytes },
): { next: RecordInfo; chunks: readonly Put[] } {
  const { place, chunks } = placeValue(bytes, createValueId)
  const size = bytes.length
  const next = { contentType, contentEncoding: '', size, modifiedAt: now, jsonState, place }
  return { next, chunks }
}

/** The place for a value that is all in memory, and the chunks to store if it needs any. */
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

/** Marks the chunks of a replaced value as garbage. Returns how many bytes of garbage are added. */
function leaveGarbage(puts: Put[], previous: Replaced['info'], now: number): bigint {
  if (previous?.place.kind !== 'chunks') return 0n
  const { size: bytes, place } = previous
  const garbage = markGarbage(place.valueId, { kind: 'value', bytes, dueAt: keptUntil(now) })
  puts.push(...garbage.puts)
  return garbage.sums.reduce((sum, { delta }) => sum + delta, 0n)
}

function sumsOf(
  { id }: StoreIdentity,
  { records, bytes, garbage }: { records: number; bytes: number; garbage: bigint },
): Sum[] {
  const sums: Sum[] = []
  if (records !== 0) sums.push({ key: counterKey(id, 'records'), delta: BigInt(records) })
  if (bytes !== 0) sums.push({ key: counterKey(id, 'bytes'), delta: BigInt(bytes) })
  if (garbage !== 0n) sums.push({ key: garbageTotalKey, delta: garbage })
  return sums
}

/**
 * A record as it is listed. A damaged one is listed with what is still known of it, so that it does
 * not hide the others.
 */
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
