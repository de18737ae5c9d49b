import { StorageError } from '../../../core/kernel/errors.ts'
import type { Condition, RecordHead } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { entityTagOf } from '../../http/entity-tags.ts'
import { validatorsOf } from '../../http/exact-condition.ts'
import {
  isConditional,
  MalformedHeaderError,
  readOutcome,
  writeCondition,
} from '../../http/preconditions.ts'
import type { PageCall } from '../page/call.ts'
import { PageError } from '../page/errors.ts'

/** The entity tag of a value. It is made of the revision: the same one through every door. */
export function tagOf(revision: number): string {
  return entityTagOf(revision, { isDecoded: false })
}

/** The condition in the headers of a write; undefined: there is none. Throws PageError. */
export function conditionOf({ request, environment }: PageCall): Condition | undefined {
  if (!isConditional(request)) return undefined
  return understood(() => writeCondition(request, environment))
}

/** Whether the page already has the current value. Throws `condition-failed`, PageError. */
export async function isUnchanged(
  call: PageCall,
  store: Store,
  head: RecordHead | undefined,
): Promise<boolean> {
  const { request, environment } = call
  if (!head) {
    if (request.header('if-match') === undefined) return false
    throw new StorageError('condition-failed', 'There is no such value.')
  }
  const current = await validatorsOf(call, { store, head, entityTag: tagOf(head.revision) })
  const outcome = understood(() => readOutcome(request, current, environment))
  if (outcome !== 'failed') return outcome === 'not-modified'
  throw new StorageError('condition-failed', 'The value is not the expected one.')
}

function understood<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MalformedHeaderError)) throw error
    throw new PageError({ status: 400, type: 'INVALID_REQUEST' }, `${error.message}.`)
  }
}
