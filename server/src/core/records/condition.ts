import type { Entry } from '../engine/engine.ts'
import { StorageError } from '../kernel/errors.ts'
import { type Condition, headOf } from './record.ts'
import { replacedInfo } from './record-write.ts'

/** Throws `condition-failed`. `entry` is the record's, as the write will check it. */
export function assertCondition(condition: Condition | undefined, entry: Entry | undefined): void {
  if (condition === undefined || holds(condition, entry)) return
  throw new StorageError('condition-failed', 'The record is another one than expected.')
}

/** Of a damaged record nothing is known but that it is there: no other condition holds. */
function holds(condition: Condition, entry: Entry | undefined): boolean {
  if (condition.kind === 'all') return condition.of.every((one) => holds(one, entry))
  if (condition.kind === 'absent') return entry === undefined
  if (condition.kind === 'present') return entry !== undefined
  if (entry === undefined) return condition.kind !== 'revision'
  const info = replacedInfo(entry)
  if (!info) return false
  const { revision, modifiedAt } = headOf('', info, entry.revision)
  if (condition.kind === 'writtenBefore') return modifiedAt < condition.time
  if (condition.kind === 'otherRevision') return !condition.noneOf.includes(revision)
  return condition.anyOf.includes(revision)
}
