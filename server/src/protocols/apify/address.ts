import { type Action, authorize, requireUser } from '../../core/access.ts'
import { StorageError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import type { Store } from '../../core/store.ts'
import type { Guard } from '../../core/store-reader.ts'
import type { ApifyCall } from './routes.ts'

/**
 * The store that a path means, if the caller may do `action` with it: an id, `username~name`,
 * `userId~name`, or `~name` for the caller's own. A plain name is no address.
 * Throws `store-not-found`, `token-missing`, `access-denied`, then and at every use of the store.
 */
export function findStore(call: ApifyCall, action: Action): Store | Promise<Store> {
  if (call.store.includes('~')) return findNamed(call, action)
  const { stores } = call.domain
  const guard: Guard = (identity) => authorize(call.principal, action, identity)
  return stores.findKnown(call.store, guard) ?? stores.find(call.store, guard)
}

async function findNamed(call: ApifyCall, action: Action): Promise<Store> {
  const tilde = call.store.indexOf('~')
  const ownerId = await ownerIdOf(call, call.store.slice(0, tilde))
  const name = call.store.slice(tilde + 1)
  if (ownerId === undefined) throw new StorageError('store-not-found', `No store ${name}.`)
  return call.domain.stores.findByName(ownerId, name, guardOfNamed(call, action))
}

/** By name, a store that may not be seen is as good as none. */
function guardOfNamed({ principal }: ApifyCall, action: Action): Guard {
  return (identity) => {
    try {
      authorize(principal, action, identity)
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'access-denied') throw error
      throw new StorageError('store-not-found', 'There is no such store for this caller.')
    }
  }
}

async function ownerIdOf(call: ApifyCall, owner: string): Promise<string | undefined> {
  if (owner === '') return requireUser(call.principal).id
  const byUsername = await call.domain.users.getByUsername(owner)
  if (byUsername) return byUsername.id
  return isId(owner) ? owner : undefined
}
