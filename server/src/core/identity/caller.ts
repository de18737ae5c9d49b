import type { Actor } from '../log/actor.ts'
import type { UserAccess } from '../people/scope.ts'
import type { StoreIdentity } from './identity.ts'

/**
 * On whose behalf a store is used. Whatever reads or writes the store asks about the very identity
 * that it reads and writes under, so that no right outlives a change.
 */
export interface Caller {
  /** Undefined: the server itself, or nobody that is known. */
  readonly actor: Actor | undefined
  /** Whether `assert` must know what the store's owner set for stores that follow it. */
  asksOwner(store: StoreIdentity): boolean
  /** Throws where the caller may not use a store that is described like this. */
  assert(store: StoreIdentity, ownerAccess: UserAccess): void
  /** What the keys that the caller sees in this store begin with; undefined: all are seen. */
  keyPrefix(store: StoreIdentity): string | undefined
  /** Throws `token-invalid` where the caller's token does not hold any more. */
  assertValid(): Promise<void>
}

/** The server itself, which may do everything. */
export const system: Caller = {
  actor: undefined,
  asksOwner: () => false,
  assert: () => undefined,
  keyPrefix: () => undefined,
  assertValid: async () => undefined,
}

/**
 * The same caller, for one request: what it was allowed once with a store, as the store was then, is
 * not decided again while the store is the same. A new version of the store is decided anew.
 */
export function decidedOnce(caller: Caller): Caller {
  let allowed: { store: StoreIdentity; ownerAccess: UserAccess } | undefined
  let asked: { store: StoreIdentity; asksOwner: boolean } | undefined
  return {
    ...caller,
    asksOwner: (store) => {
      if (asked?.store !== store) asked = { store, asksOwner: caller.asksOwner(store) }
      return asked.asksOwner
    },
    assert: (store, ownerAccess) => {
      if (allowed?.store === store && allowed.ownerAccess === ownerAccess) return
      caller.assert(store, ownerAccess)
      allowed = { store, ownerAccess }
    },
  }
}
