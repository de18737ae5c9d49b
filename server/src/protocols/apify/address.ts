import { type Action, type Address, authorize, isAllowed, requireUser } from '../../core/access.ts'
import { StorageError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import type { Store } from '../../core/store.ts'
import type { Guard } from '../../core/store-reader.ts'
import type { Link } from './links.ts'
import type { ApifyCall } from './routes.ts'

/**
 * The store that a path means, if the caller may do `action` with it or `link` opens it: an id,
 * `username~name`, `userId~name`, or `~name` for the caller's own. A plain name is no address.
 * Throws `store-not-found`, `token-missing`, `access-denied`, then and at every use of the store.
 */
export function findStore(call: ApifyCall, action: Action, link?: Link): Store | Promise<Store> {
  if (call.store.includes('~')) return findNamed(call, action, link)
  const { stores } = call.domain
  const guard = guardOf(call, { action, address: 'id', link })
  return stores.findKnown(call.store, guard) ?? stores.find(call.store, guard)
}

async function findNamed(call: ApifyCall, action: Action, link?: Link): Promise<Store> {
  // Before the store is looked up: the answer must not tell whether there is one of that name.
  if (action !== 'read') requireUser(call.principal)
  const tilde = call.store.indexOf('~')
  const ownerId = await ownerIdOf(call, call.store.slice(0, tilde))
  const name = call.store.slice(tilde + 1)
  if (ownerId === undefined) throw new StorageError('store-not-found', `No store ${name}.`)
  const guard = guardOf(call, { action, address: 'name', link })
  return call.domain.stores.findByName(ownerId, name, guard)
}

function guardOf(
  { principal }: ApifyCall,
  { action, address, link }: { action: Action; address: Address; link: Link | undefined },
): Guard {
  return (store) => {
    if (isAllowed(principal, action, store, address) || link?.(store)) return
    // By name, a store that may not be seen is as good as none.
    if (address === 'name' && !isAllowed(principal, 'read', store, address)) {
      throw new StorageError('store-not-found', 'There is no such store for this caller.')
    }
    authorize(principal, action, store, address)
  }
}

async function ownerIdOf(call: ApifyCall, owner: string): Promise<string | undefined> {
  if (owner === '') return requireUser(call.principal).id
  const byUsername = await call.domain.users.getByUsername(owner)
  if (byUsername) return byUsername.id
  return isId(owner) ? owner : undefined
}
