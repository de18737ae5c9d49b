import { type Address, isAllowed, requireUser, type Use } from '../../../core/access/access.ts'
import { type Caller, decidedOnce } from '../../../core/identity/caller.ts'
import type { StoreIdentity } from '../../../core/identity/identity.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { isId } from '../../../core/kernel/ids.ts'
import type { Action, Extent } from '../../../core/people/scope.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { ApifyCall } from './call.ts'

/**
 * Whether the request is a link that was signed for this store. A request with an invalid signature
 * counts as unsigned.
 */
export type Link = (store: StoreIdentity) => boolean

/** What a call does with a store, and with which part of it. */
export interface WantedUse {
  readonly action: Action
  readonly extent: Extent
  /** Checks a signed link. A valid link allows the call without any other right. */
  readonly link?: Link | undefined
}

/**
 * Finds the store that the path names, if the caller may do `action` with it or `link` is valid.
 * The path has an id, `username~name`, `userId~name`, or `~name` for the caller's own store. A
 * plain name is not an address. Throws `store-not-found`, `token-missing`, `access-denied`, here
 * and at every use of the store.
 */
export function findStore(call: ApifyCall, wanted: WantedUse): Store | Promise<Store> {
  // Checked before the look-up: the answer must not tell whether the store exists.
  if (wanted.action !== 'read') requireUser(call.principal)
  if (call.subject.includes('~')) return findNamed(call, wanted)
  const { stores } = call.domain
  const caller = callerOf(call, wanted, 'id')
  return stores.findKnown(call.subject, caller) ?? stores.find(call.subject, caller)
}

async function findNamed(call: ApifyCall, wanted: WantedUse): Promise<Store> {
  const tilde = call.subject.indexOf('~')
  const ownerId = await ownerIdOf(call, call.subject.slice(0, tilde))
  const name = call.subject.slice(tilde + 1)
  if (ownerId === undefined) throw new StorageError('store-not-found', `No store ${name}.`)
  return call.domain.stores.findByName(ownerId, name, callerOf(call, wanted, 'name'))
}

/** The caller of a store: allowed by its own rights, or by the signed link of the request. */
export function callerOf(call: ApifyCall, wanted: WantedUse, address: Address): Caller {
  const { principal, domain } = call
  const { action, extent, link } = wanted
  const caller = domain.access.callerFor(principal, 'apify', { action, extent, address })
  if (!link && address === 'id') return caller
  const isOpened = openedBy(link)
  const use: Use = { action, extent, address }
  return decidedOnce({
    ...caller,
    asksOwner: (store) => !isOpened(store) && caller.asksOwner(store),
    assert: (store, ownerAccess) => {
      if (isAllowed(principal, use, store, ownerAccess) || isOpened(store)) return
      // By name, callers without read access get the same answer as for a missing store.
      const seen: Use = { action: 'read', extent: 'some', address }
      if (address === 'name' && !isAllowed(principal, seen, store, ownerAccess)) {
        throw new StorageError('store-not-found', 'There is no such store for this caller.')
      }
      caller.assert(store, ownerAccess)
    },
    keyPrefix: (store) => (isOpened(store) ? undefined : caller.keyPrefix(store)),
    // The link gives rights that other callers with this token do not have.
    rightsKey: () => (link ? undefined : caller.rightsKey?.()),
  })
}

/** Checks the link only once for each version of the store, because the check takes an HMAC. */
function openedBy(link: Link | undefined): Link {
  let checked: { store: StoreIdentity; isOpened: boolean } | undefined
  return (store) => {
    if (checked?.store !== store) checked = { store, isOpened: link?.(store) ?? false }
    return checked.isOpened
  }
}

async function ownerIdOf(call: ApifyCall, owner: string): Promise<string | undefined> {
  if (owner === '') return requireUser(call.principal).id
  const byUsername = await call.domain.users.getByUsername(owner)
  if (byUsername) return byUsername.id
  return isId(owner) ? owner : undefined
}
