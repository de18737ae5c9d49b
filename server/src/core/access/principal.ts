import { fullScope, type Scope } from '../people/scope.ts'
import type { User } from '../people/users.ts'

/** A user, through a token. */
export interface UserPrincipal {
  readonly kind: 'user'
  readonly user: User
  /** `Token.id`; '' for the operator. */
  readonly tokenId: string
  readonly scope: Scope
  /** When the token ends, in ms since 1970; undefined: never. */
  readonly expiresAt?: number | undefined
  /** Who may read the data folder may do everything. */
  readonly isOperator: boolean
}

/** Who is asking. */
export type Principal = UserPrincipal | { readonly kind: 'nobody' }

/** Whoever sent a request. */
export interface Sender {
  /** An IP address; asked for where it is needed alone. */
  readonly peer: string
  /** False where no proxy passed the request on; undefined: nobody knows. */
  readonly isForwarded?: boolean
}

/** Who may do everything, as that user: for the command line on the server's own machine. */
export function operatorPrincipal(user: User): UserPrincipal {
  return { kind: 'user', user, tokenId: '', scope: fullScope, isOperator: true }
}
