import type { Environment } from './environment.ts'
import { StorageError } from './errors.ts'
import type { StoreIdentity } from './identity.ts'
import { limits } from './limits.ts'
import type { User, Users } from './users.ts'

/** Who is asking. */
export type Principal = { readonly kind: 'user'; readonly user: User } | { readonly kind: 'nobody' }

export type Action = 'read' | 'write' | 'manage'

const nobody: Principal = { kind: 'nobody' }

interface Known {
  readonly principal: Principal
  readonly foundAt: number
}

/** Tells who is asking and what they may do. Every door asks before it touches anything. */
export class Access {
  readonly #users: Users
  readonly #environment: Environment
  readonly #known = new Map<string, Known>()

  constructor(users: Users, environment: Environment) {
    this.#users = users
    this.#environment = environment
  }

  /**
   * Without a token: nobody. Throws `token-invalid` for one that is nobody's. At once where that
   * is known, since every request asks.
   */
  authenticate(token: string | undefined): Principal | Promise<Principal> {
    if (token === undefined || token === '') return nobody
    const known = this.#known.get(token)
    return known && this.#isFresh(known) ? known.principal : this.#find(token)
  }

  async #find(token: string): Promise<Principal> {
    const user = await this.#users.findByToken(token)
    if (!user) {
      this.#known.delete(token)
      throw new StorageError('token-invalid', 'This token is not valid.')
    }
    const principal: Principal = { kind: 'user', user }
    if (this.#known.size >= limits.cachedTokensMax) this.#known.clear()
    this.#known.set(token, { principal, foundAt: this.#environment.now() })
    return principal
  }

  /** What was found in the future was found before the clock was set back: nobody knows when. */
  #isFresh({ foundAt }: Known): boolean {
    const age = this.#environment.now() - foundAt
    return age >= 0 && age < limits.cachedTokenMs
  }
}

/** The user behind a principal. Throws `token-missing`. */
export function requireUser(principal: Principal): User {
  if (principal.kind === 'user') return principal.user
  throw new StorageError('token-missing', 'This needs a token.')
}

/** How a caller names a store: by its id, or by its name and owner. */
export type Address = 'id' | 'name'

/**
 * Owners may do everything with their stores; others may read what is open to them (Apify's general
 * access). Throws `token-missing`, `access-denied`.
 */
export function authorize(
  principal: Principal,
  action: Action,
  store: StoreIdentity,
  address: Address = 'id',
): void {
  if (isAllowed(principal, action, store, address)) return
  if (principal.kind === 'nobody' && action !== 'read') requireUser(principal)
  throw new StorageError('access-denied', 'You may not use this store like that.')
}

/** As `authorize`, asked without a refusal. */
export function isAllowed(
  principal: Principal,
  action: Action,
  store: StoreIdentity,
  address: Address = 'id',
): boolean {
  const isOwner = principal.kind === 'user' && principal.user.id === store.ownerId
  return isOwner || (action === 'read' && isOpen(store, address))
}

/**
 * Whether anyone may read the store who addresses it like that. What is open by its name is open by
 * its id too.
 */
export function isOpen({ generalAccess }: StoreIdentity, address: Address): boolean {
  if (generalAccess === 'ANYONE_WITH_NAME_CAN_READ') return true
  return generalAccess === 'ANYONE_WITH_ID_CAN_READ' && address === 'id'
}
