import { changeRange, changesTrimmedKey, decodeNumber } from '../disk/keyspace.ts'
import type { Entry, Revision, StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { type Change, changeTimeOf, decodeChanges } from '../log/change.ts'
import type { RecordHead } from '../records/record.ts'

const secondMs = 1_000

/**
 * Whether the change log shows that a record had no other version in the second in which its
 * current version was written. False if the log does not reach back to that second, or holds too
 * many changes of it.
 */
export async function isOnlyVersionOfSecond(
  engine: StorageEngine,
  storeId: string,
  head: Pick<RecordHead, 'key' | 'revision' | 'modifiedAt'>,
): Promise<boolean> {
  const begin = Math.floor(head.modifiedAt / secondMs) * secondMs
  const entries = await changesBack(engine, storeId, { until: head.revision, begin })
  if (!entries) return false
  const others = entries.flatMap(decodeChanges).filter((change) => change.at >= begin)
  return !others.some((change) => change.revision < head.revision && concerns(change, head.key))
}

/**
 * The changes up to a revision, back to one before the moment `begin` or to the first of the store;
 * undefined if the log does not have all of them. Engines only read forwards, so this reads a range
 * before the revision, four times as long each time.
 */
async function changesBack(
  engine: StorageEngine,
  storeId: string,
  { until, begin }: { until: Revision; begin: number },
): Promise<readonly Entry[] | undefined> {
  const { start: end } = changeRange(storeId, until)
  const bound = { limit: limits.pageItemsMax, bytes: limits.pageBytesMax }
  for (let span = firstSpan; ; span *= 4) {
    const after = Math.max(0, until - span)
    const { entries, more } = await engine.scan({ ...changeRange(storeId, after), end }, bound)
    if (more || entries.some(({ isDamaged }) => isDamaged)) return undefined
    const [oldest] = entries
    if (oldest && changeTimeOf(oldest) < begin) return entries
    if (after > 0) continue
    const [trimmed] = await engine.get([changesTrimmedKey(storeId)])
    return trimmed && (trimmed.isDamaged || decodeNumber(trimmed.value, 0) > 0)
      ? undefined
      : entries
  }
}

const firstSpan = 64

/** Whether a change made or ended a version of the record: also one of the whole store does. */
function concerns({ kind, key }: Change, recordKey: string): boolean {
  return key === recordKey || (kind !== 'put' && kind !== 'delete')
}
