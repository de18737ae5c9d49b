import type { Caller } from '../identity/caller.ts'
import type { StorageError } from '../kernel/errors.ts'
import { isAllowed } from './access.ts'
import type { Principal } from './principal.ts'

/**
 * The same caller, except that a principal who may not even read the store gets the error that
 * `missing` makes: the answer must not tell whether the store exists.
 */
export function hidingUnseen(
  caller: Caller,
  principal: Principal,
  missing: () => StorageError,
): Caller {
  return {
    ...caller,
    assert: (store, ownerAccess) => {
      const isSeen = isAllowed(principal, { action: 'read', extent: 'some' }, store, ownerAccess)
      if (!isSeen) throw missing()
      caller.assert(store, ownerAccess)
    },
  }
}
