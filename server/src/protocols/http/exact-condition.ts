import { StorageError } from '../../core/kernel/errors.ts'
import type { Condition, RecordHead } from '../../core/records/record.ts'
import type { Store } from '../../core/stores/store.ts'
import {
  type Clock,
  type Headers,
  namesSecond,
  secondOf,
  type Validators,
} from './preconditions.ts'

/**
 * A condition of `writeCondition`, made exact: a date also allows to write over the version of its
 * second, if that second had only one version. Otherwise nobody knows which of them the client has
 * seen (RFC 9110, 8.8.2.2).
 */
export async function exactCondition(
  condition: Condition,
  store: Store,
  key: string,
): Promise<Condition> {
  if (condition.kind === 'all') {
    const of = await Promise.all(condition.of.map((one) => exactCondition(one, store, key)))
    return { kind: 'all', of }
  }
  if (condition.kind !== 'writtenBefore') return condition
  const head = await headIfReadable(store, key)
  const isOfSecond = head && secondOf(head.modifiedAt) === condition.time
  if (!isOfSecond || !(await store.isOnlyVersionOfSecond(head))) return condition
  return { kind: 'any', of: [condition, { kind: 'revision', anyOf: [head.revision] }] }
}

/** What the conditions of a read are compared with. `entityTag` is of the form that is sent. */
export async function validatorsOf(
  { request, environment }: { readonly request: Headers; readonly environment: Clock },
  { store, head, entityTag }: { store: Store; head: RecordHead; entityTag: string },
): Promise<Validators> {
  const isDated = namesSecond(request, head, environment)
  const isOnlyOfSecond = isDated && (await store.isOnlyVersionOfSecond(head))
  return { entityTag, modifiedAt: head.modifiedAt, isOnlyOfSecond }
}

/** Undefined also for a damaged record, which meets no date. */
async function headIfReadable(store: Store, key: string): Promise<RecordHead | undefined> {
  try {
    return await store.head(key)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'record-damaged') return undefined
    throw error
  }
}
