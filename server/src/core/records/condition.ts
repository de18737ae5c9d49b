import type { Entry } from '../engine/engine.ts'
import { StorageError } from '../kernel/errors.ts'
import { type Condition, headOf } from './record.ts'
import { replacedInfo } from './record-write.ts'

/** Throws `condition-failed`. `entry` is the record's entry, which the write will check. */
export function assertCondition(condition: Condition | undefined, entry: Entry | undefined): void {
  if (condition === undefined || holds(condition, entry)) return
  throw new StorageError(
    'condition-failed',
    'The condition does not hold: the record is not in the expected state.',
  )
}

/** A damaged record only meets the condition that it is present: nothing else is known of it. */
function holds(condition: Condition, entry: Entry | undefined): boolean {
  if (condition.kind === 'all') return condition.of.every((one) => holds(one, entry))
  if (condition.kind === 'any') return condition.of.some((one) => holds(one, entry))
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
