import { type Caller, decidedOnce } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import type { Actor, Door } from '../log/actor.ts'
import { GuessLimit } from '../people/guess-limit.ts'
import {
  type Action,
  covers,
  type Extent,
  fullScope,
  includes,
  lesser,
  type Scope,
  type UserAccess,
} from '../people/scope.ts'
import { isWellMadeToken } from '../people/token-text.ts'
import type { Tokens } from '../people/tokens.ts'
import type { User, Users } from '../people/users.ts'
import type { Operator } from './operator.ts'
import type { Principal, Sender, UserPrincipal } from './principal.ts'

const nobody: Principal = { kind: 'nobody' }

interface Known {
  readonly principal: UserPrincipal
  foundAt: number
  readonly expiresAt: number | undefined
  usedAt: number
}

interface AccessParts {
  readonly tokens: Tokens
  readonly users: Users
  readonly environment: Environment
  /** Undefined: there is none. */
  readonly operator?: Operator | undefined
  /** Starts work that no caller waits for. */
  start(what: string, work: Promise<unknown>): void
}

/** Tells who is asking. Every door asks before it touches anything. */
export class Access {
  readonly #parts: AccessParts
  readonly #guesses: GuessLimit
  /** By token. */
  readonly #known = lruCache<string, Known>(limits.cachedTokensMax)
  #timesForgotten = 0

  constructor(parts: AccessParts) {
    this.#parts = parts
    this.#guesses = new GuessLimit(parts.environment)
  }

  /**
   * Without a token: nobody. Throws `token-invalid` for one that is nobody's, `too-many-guesses`
   * where many of those came from the sender's address. At once where the token is known, since
   * every request asks.
   */
  authenticate(token: string | undefined, from?: Sender): Principal | Promise<Principal> {
    if (token === undefined || token === '') return nobody
    const known = this.#known.get(token)
    return known && this.#isFresh(known) ? known.principal : this.#find(token, from)
  }

  /** The caller that a principal is, through a door, for one use of a store. */
  callerFor(principal: Principal, door: Door, use: Use): Caller {
    return decidedOnce({
      actor: actorOf(principal, door),
      asksOwner: (store) => mayNeedOwner(principal, use, store),
      assert: (store, ownerAccess) => authorize(principal, use, store, ownerAccess),
      keyPrefix: (store) => keyPrefixOf(principal, store),
      assertValid: () => this.assertValid(principal),
    })
  }

  /**
   * Who comes without a token to a door that takes that on loopback: the first user.
   * Throws `token-missing`.
   */
  async localPrincipal(): Promise<UserPrincipal> {
    const [first] = await this.#parts.users.list()
    if (!first || first.isDisabled) throw new StorageError('token-missing', 'This needs a token.')
    return { kind: 'user', user: first, tokenId: '', scope: fullScope, isOperator: false }
  }

  /**
   * Whether whoever comes with that token keeps this server: an admin, with a token for everything,
   * or the operator, for whom no storage is asked. Throws as `authenticate`.
   */
  async isKeeper(token: string | undefined, from: Sender): Promise<boolean> {
    if (token && this.#parts.operator?.isSecret(token, from)) return true
    const principal = await this.authenticate(token, from)
    return (
      principal.kind === 'user' && principal.user.isAdmin && isForAll(principal.scope, 'manage')
    )
  }

  /** Throws `token-invalid` where the principal's token does not hold any more. */
  async assertValid(principal: Principal): Promise<void> {
    if (principal.kind === 'nobody' || principal.isOperator) return
    const { tokenId, user } = principal
    if (tokenId === '' && (await this.#parts.users.get(user.id))?.isDisabled === false) return
    if (await this.#parts.tokens.findValid(tokenId)) return
    throw new StorageError('token-invalid', 'This token is not valid any more.')
  }

  /**
   * What was known of the principal when the call began must still hold when its body is there.
   * Throws `token-invalid`, `account-denied`.
   */
  async assertUnchanged(principal: Principal): Promise<void> {
    if (principal.kind === 'nobody' || principal.isOperator) return
    const found = await this.#parts.tokens.findValid(principal.tokenId)
    if (!found) throw new StorageError('token-invalid', 'This token is not valid any more.')
    if (found.user.isAdmin || !principal.user.isAdmin) return
    throw new StorageError('account-denied', 'Only admins may do that.')
  }

  /** What was known is asked anew: a token was revoked, or a user changed. */
  forget(): void {
    this.#timesForgotten += 1
    for (const known of this.#known.values()) known.foundAt = -Infinity
  }

  async #find(token: string, from: Sender | undefined): Promise<Principal> {
    const address = from?.peer ?? ''
    // Asked each time: what is not remembered can't be left behind.
    const operator = await this.#parts.operator?.get(token, from)
    if (operator) return operator
    const before = this.#known.get(token)
    const timesForgotten = this.#timesForgotten
    const askedAt = this.#parts.environment.now()
    const look = (): ReturnType<Tokens['findByText']> => this.#parts.tokens.findByText(token)
    // Nobody guesses a token that Coatcheck made; one that was right before is no guess.
    const isNoGuess = isWellMadeToken(token)
    const found = await (before || isNoGuess ? look() : this.#guesses.during(address, token, look))
    if (!found) {
      this.#known.delete(token)
      if (!isNoGuess) this.#guesses.noteWrong(address)
      throw new StorageError('token-invalid', 'This token is not valid.')
    }
    const { id: tokenId, scope, expiresAt } = found.token
    const { user } = found
    const isOperator = false
    const principal: Principal = { kind: 'user', user, tokenId, scope, expiresAt, isOperator }
    // What was forgotten while it was looked for may have been read before it changed. Another
    // server tells nobody: what is found holds from when it was asked for.
    const foundAt = timesForgotten === this.#timesForgotten ? askedAt : -Infinity
    const known = { principal, foundAt, expiresAt, usedAt: before?.usedAt ?? -Infinity }
    this.#known.set(token, known)
    this.#noteUse(known, askedAt)
    return principal
  }

  #noteUse(known: Known, now: number): void {
    if (now - known.usedAt < limits.tokenUseFlushMs) return
    known.usedAt = now
    const work = this.#parts.tokens.noteUse(known.principal.tokenId)
    this.#parts.start('Writing a token its last use', work)
  }

  /** What was found in the future was found before the clock was set back: nobody knows when. */
  #isFresh({ foundAt, expiresAt }: Known): boolean {
    const now = this.#parts.environment.now()
    const age = now - foundAt
    return age >= 0 && age < limits.cachedTokenMs && (expiresAt === undefined || now < expiresAt)
  }
}

/** The user behind a principal. Throws `token-missing`. */
export function requireUser(principal: Principal): User {
  return requireUserPrincipal(principal).user
}

/** As `requireUser`, with the token. */
export function requireUserPrincipal(principal: Principal): UserPrincipal {
  if (principal.kind === 'user') return principal
  throw new StorageError('token-missing', 'This needs a token.')
}

/**
 * The user, who may do `action` with all of their stores, those to come included: what making
 * stores and managing tokens needs. Throws `token-missing`, `account-denied`.
 */
export function requireAccount(principal: Principal, action: Action): User {
  const { user, scope } = requireUserPrincipal(principal)
  if (isForAll(scope, action)) return user
  throw new StorageError('account-denied', 'This token is not for that.')
}

function isForAll({ storeId, action }: Scope, wanted: Action): boolean {
  return storeId === undefined && includes(action, wanted)
}

/** As `requireAccount`, of somebody who may manage users. */
export function requireAdmin(principal: Principal): User {
  const user = requireAccount(principal, 'manage')
  if (user.isAdmin) return user
  throw new StorageError('account-denied', 'Only admins may do that.')
}

/** How a caller names a store: by its id, or by its name and owner. */
export type Address = 'id' | 'name'

/** What is asked for of a store. */
export interface Use {
  readonly action: Action
  /** `id` where it is left out. */
  readonly address?: Address
  /** All of it where it is left out. */
  readonly extent?: Extent
}

/**
 * Owners may do everything with their stores, users with whom one is shared what was agreed, and
 * tokens no more of that than their scope says; others may read what is open to them (Apify's
 * general access). Throws `token-missing`, `access-denied`.
 */
export function authorize(
  principal: Principal,
  use: Use,
  store: StoreIdentity,
  ownerAccess: UserAccess,
): void {
  if (isAllowed(principal, use, store, ownerAccess)) return
  if (principal.kind === 'nobody' && use.action !== 'read') requireUser(principal)
  throw new StorageError('access-denied', 'You may not use this store like that.')
}

/** As `authorize`, asked without a refusal. */
export function isAllowed(
  principal: Principal,
  { action, address = 'id', extent = 'all' }: Use,
  store: StoreIdentity,
  ownerAccess: UserAccess,
): boolean {
  if (includes(rightOf(principal, store, extent), action)) return true
  if (isOutside(principal, store, extent)) return false
  return action === 'read' && isOpen(store, address, ownerAccess)
}

/** What the principal may do with that part of the store at the most; undefined: nothing. */
export function rightOf(
  principal: Principal,
  store: StoreIdentity,
  extent: Extent = 'all',
): Action | undefined {
  if (principal.kind === 'nobody') return undefined
  if (principal.isOperator) return 'manage'
  const { scope, user } = principal
  if (!covers(scope, store.id, extent)) return undefined
  if (user.id === store.ownerId) return scope.action
  return lesser(scope.action, sharedRight(store, user.id))
}

/** What the store's owner set, where that is who is asking: others need not know. */
export function ownAccess(principal: Principal, { ownerId }: StoreIdentity): UserAccess {
  const isOwner = principal.kind === 'user' && principal.user.id === ownerId
  return isOwner ? principal.user.generalAccess : 'RESTRICTED'
}

/** What the keys begin with that the principal's token is for in this store; undefined: all. */
export function keyPrefixOf(principal: Principal, { id }: StoreIdentity): string | undefined {
  if (principal.kind === 'nobody' || principal.scope.storeId !== id) return undefined
  return principal.scope.keyPrefix
}

/** What is for a part of a store is for no more of it, were it open to everybody. */
function isOutside(principal: Principal, store: StoreIdentity, extent: Extent): boolean {
  if (keyPrefixOf(principal, store) === undefined || principal.kind === 'nobody') return false
  return !covers(principal.scope, store.id, extent)
}

function sharedRight({ shares }: StoreIdentity, userId: string): Action | undefined {
  return Object.hasOwn(shares, userId) ? shares[userId] : undefined
}

/**
 * Whether anyone may read the store who addresses it like that. What is open by its name is open by
 * its id too.
 */
export function isOpen(
  { generalAccess }: StoreIdentity,
  address: Address,
  ownerAccess: UserAccess,
): boolean {
  const level = generalAccess === 'FOLLOW_USER_SETTING' ? ownerAccess : generalAccess
  if (level === 'ANYONE_WITH_NAME_CAN_READ') return true
  return level === 'ANYONE_WITH_ID_CAN_READ' && address === 'id'
}

export function actorOf(principal: Principal, door: Door): Actor | undefined {
  if (principal.kind === 'nobody') return undefined
  const { user, tokenId, isOperator } = principal
  return { userId: user.id, tokenId, door: isOperator ? 'cli' : door }
}

/** Whether the owner's setting can make the difference. */
export function mayNeedOwner(principal: Principal, use: Use, store: StoreIdentity): boolean {
  if (use.action !== 'read' || store.generalAccess !== 'FOLLOW_USER_SETTING') return false
  return !includes(rightOf(principal, store, use.extent), 'read')
}
