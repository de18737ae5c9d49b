import type { Revision } from '../engine/engine.ts'
import type { UserAccess } from '../people/users.ts'
import type { StoreIdentity } from './identity.ts'

/** The door that somebody came through; `cli`: the command line, on the server's own machine. */
export type Door = 'apify' | 'nemesis' | 'applab' | 'coatcheck' | 'cli'

/** Who does something, for the audit trail. */
export interface Actor {
  readonly userId: string
  /** The token that was used, as `Token.id`; '' where none was. */
  readonly tokenId: string
  readonly door: Door
}

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

/** What the audit trail says of a change: who made it, and what it replaced. */
export interface Origin {
  readonly actor: Actor | undefined
  /** The revision before; undefined: there was nothing. */
  readonly before: Revision | undefined
}
