import { type Action, authorize, requireUser } from '../../core/access.ts'
import { StorageError } from '../../core/errors.ts'
import type { StoreIdentity } from '../../core/identity.ts'
import { isId } from '../../core/ids.ts'
import type { Store } from '../../core/store.ts'
import type { ApifyCall } from './routes.ts'

export interface FoundStore {
  readonly store: Store
  readonly identity: StoreIdentity
}

/**
 * The store that a path means, if the caller may do `action` with it: an id, `username~name`,
 * `userId~name`, or `~name` for the caller's own. A plain name is no address.
 * Throws `store-not-found`, `token-missing`, `access-denied`.
 */
export async function findStore(call: ApifyCall, action: Action): Promise<FoundStore> {
  const address = call.store
  const tilde = address.indexOf('~')
  if (tilde >= 0) {
    return findNamed(call, action, {
      owner: address.slice(0, tilde),
      name: address.slice(tilde + 1),
    })
  }
  const store = await call.domain.stores.find(address)
  const identity = await store.identity()
  authorize(call.principal, action, identity)
  return { store, identity }
}

async function findNamed(
  call: ApifyCall,
  action: Action,
  { owner, name }: { owner: string; name: string },
): Promise<FoundStore> {
  const ownerId = await ownerIdOf(call, owner)
  if (ownerId === undefined) throw new StorageError('store-not-found', `No user ${owner}.`)
  const store = await call.domain.stores.findByName(ownerId, name)
  const identity = await store.identity()
  try {
    authorize(call.principal, action, identity)
  } catch (error) {
    // By name, a store that may not be seen is as good as none.
    if (!(error instanceof StorageError) || error.code !== 'access-denied') throw error
    throw new StorageError('store-not-found', `There is no store ${name} for this caller.`)
  }
  return { store, identity }
}

async function ownerIdOf(call: ApifyCall, owner: string): Promise<string | undefined> {
  if (owner === '') return requireUser(call.principal).id
  const byUsername = await call.domain.users.getByUsername(owner)
  if (byUsername) return byUsername.id
  return isId(owner) ? owner : undefined
}
