import { fullScope, type Scope } from '../people/scope.ts'
import type { User } from '../people/users.ts'

/** A user, authenticated by a token. */
export interface UserPrincipal {
  readonly kind: 'user'
  readonly user: User
  /** `Token.id`; '' for the operator, and for local callers without a token. */
  readonly tokenId: string
  readonly scope: Scope
  /** When the token ends, in ms since 1970; undefined: never. */
  readonly expiresAt?: number | undefined
  /** True for a caller that can read the data folder, and so may do everything. */
  readonly isOperator: boolean
}

/** The authenticated caller of a request. */
export type Principal = UserPrincipal | { readonly kind: 'nobody' }

/** The sender of a request. */
export interface Sender {
  /** The IP address. Only read if it is needed. */
  readonly peer: string
  /** False if no proxy forwarded the request; undefined: unknown. */
  readonly isForwarded?: boolean
}

/**
 * A principal that may do everything, as that user: for the command line on the server's own
 * machine.
 */
export function operatorPrincipal(user: User): UserPrincipal {
  return { kind: 'user', user, tokenId: '', scope: fullScope, isOperator: true }
}
