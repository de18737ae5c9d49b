import type { Actor } from '../log/actor.ts'
import type { UserAccess } from '../people/scope.ts'
import type { StoreIdentity } from './identity.ts'

/**
 * The caller for whom a store is used. Every read and write asks the caller about the store's
 * identity of the same snapshot or commit, so that a lost right takes effect at once.
 */
export interface Caller {
  /** Undefined: the server itself, or an anonymous caller. */
  readonly actor: Actor | undefined
  /** Whether `assert` needs the owner's setting for stores that follow it. */
  asksOwner(store: StoreIdentity): boolean
  /** Throws if the caller may not use a store with this identity. */
  assert(store: StoreIdentity, ownerAccess: UserAccess): void
  /** The prefix of the keys that the caller sees in this store; undefined: all keys. */
  keyPrefix(store: StoreIdentity): string | undefined
  /** True: the caller's token expires, so it can't give rights that stay. */
  readonly isTemporary?: boolean
  /** Throws `token-invalid` if the caller's token is no longer valid. */
  assertValid(): Promise<void>
  /**
   * Callers with the same text have the same rights, so one check is enough for all of them.
   * Undefined: the caller has rights of its own.
   */
  rightsKey?(): string | undefined
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
 * The same caller, for one request: once it has allowed the use of a store, it does not decide
 * again while the store's identity stays the same. It decides about each new version of the store.
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

/** The key of a caller that must also fulfil `condition`. */
export function rightsKeyWith({ rightsKey }: Caller, condition: string): () => string | undefined {
  return () => {
    const key = rightsKey?.()
    return key && JSON.stringify([key, condition])
  }
}
