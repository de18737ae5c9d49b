import type { UserPrincipal } from '../access/principal.ts'
import { type Caller, system } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { fullScope, type Scope } from '../people/scope.ts'
import type { User } from '../people/users.ts'

/** Owner ids with the length of real ones. */
export const owner = 'owner000000000001'
export const otherOwner = 'owner000000000002'

/** A user, who is not an admin by default. */
export function userWith(id: string, changes: Partial<User> = {}): User {
  const access = { isAdmin: false, isDisabled: false, generalAccess: 'RESTRICTED' } as const
  return { id, username: id, createdAt: 0, ...access, ...changes }
}

/** The principal of a user with a token of that scope, by default the full scope. */
export function principalWith(user: User, scope: Partial<Scope> = {}): UserPrincipal {
  const whole = { ...fullScope, ...scope }
  return { kind: 'user', user, tokenId: '00ff00ff00ff00ff', scope: whole, isOperator: false }
}

/** The identity of a store that does not exist in storage. */
export function identityWith(changes: Partial<StoreIdentity> = {}): StoreIdentity {
  return {
    id: 'store000000000001',
    ownerId: owner,
    name: null,
    title: null,
    generalAccess: 'RESTRICTED',
    shares: {},
    session: null,
    project: null,
    contentId: Buffer.alloc(12),
    retention: 'default',
    createdAt: 0,
    hasSchema: false,
    signingSecret: 'secret',
    ...changes,
  }
}

/** A caller whose rights only `guard` decides: it throws if the caller may not use the store. */
export function callerWith(guard: (store: StoreIdentity) => void): Caller {
  return { ...system, assert: guard }
}
