import { StorageError } from '../../../core/kernel/errors.ts'
import type { Condition, RecordHead } from '../../../core/records/record.ts'
import { entityTagOf } from '../../http/entity-tags.ts'
import {
  isConditional,
  MalformedHeaderError,
  readOutcome,
  writeCondition,
} from '../../http/preconditions.ts'
import type { PageCall } from '../page/call.ts'
import { PageError } from '../page/errors.ts'

/** The tag of a value: that of its revision, through every door. */
export function tagOf(revision: number): string {
  return entityTagOf(revision, { isDecoded: false })
}

/** What a write expects of what is there. Throws PageError. */
export function conditionOf({ request, environment }: PageCall): Condition | undefined {
  if (!isConditional(request)) return undefined
  return understood(() => writeCondition(request, environment))
}

/** Whether the page has the value already. Throws `condition-failed`, PageError. */
export function isUnchanged(
  { request, environment }: PageCall,
  head: RecordHead | undefined,
): boolean {
  if (!isConditional(request)) return false
  if (!head) {
    if (request.header('if-match') === undefined) return false
    throw new StorageError('condition-failed', 'There is no such value.')
  }
  const current = { entityTag: tagOf(head.revision), modifiedAt: head.modifiedAt }
  const outcome = understood(() => readOutcome(request, current, environment))
  if (outcome !== 'failed') return outcome === 'not-modified'
  throw new StorageError('condition-failed', 'The value is another one than expected.')
}

function understood<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MalformedHeaderError)) throw error
    throw new PageError({ status: 400, type: 'INVALID_REQUEST' }, `${error.message}.`)
  }
}
