import type { SteadyClock } from '../clock/steady-clock.ts'
import { type Caller, decidedOnce } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { addressGroup } from '../kernel/bounds/address-group.ts'
import type { Environment } from '../kernel/environment.ts'
import { isStorageAway, StorageError } from '../kernel/errors.ts'
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
  lastingDenied,
  lesser,
  type Scope,
  type UserAccess,
} from '../people/scope.ts'
import { isWellMadeToken } from '../people/token-text.ts'
import { type Tokens, tokenInvalid } from '../people/tokens.ts'
import type { User, Users } from '../people/users.ts'
import type { Operator } from './operator.ts'
import type { Principal, Sender, UserPrincipal } from './principal.ts'

const nobody: Principal = { kind: 'nobody' }

interface Known {
  readonly principal: UserPrincipal
  /** By the monotonic clock, as `usedAt`. */
  foundAt: number
  readonly expiresAt: number | undefined
  usedAt: number
}

interface AccessParts {
  readonly tokens: Tokens
  readonly users: Users
  readonly environment: Environment
  readonly clock: SteadyClock
  /** Undefined: there is none. */
  readonly operator?: Operator | undefined
  /** Starts work that no caller waits for. */
  start(what: string, work: Promise<unknown>): void
}

/** Authenticates callers. Every door calls it before it does anything else. */
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
   * The principal of a token; nobody without a token. Throws `token-invalid` for an invalid token,
   * and `too-many-guesses` for another one after many of those from the sender's address. A valid
   * token is never refused because of others. Synchronous if the token is cached, since every
   * request calls this.
   */
  authenticate(token: string | undefined, from?: Sender): Principal | Promise<Principal> {
    if (token === undefined || token === '') return nobody
    const known = this.#known.get(token)
    const isFresh = known && this.#isYoungerThan(limits.cachedTokenMs, known)
    return isFresh ? known.principal : this.#find(token, from)
  }

  /** The caller for one use of a store by a principal, through a door. */
  callerFor(principal: Principal, door: Door, use: Use): Caller {
    return decidedOnce({
      actor: actorOf(principal, door),
      isTemporary: isTemporary(principal),
      asksOwner: (store) => mayNeedOwner(principal, use, store),
      assert: (store, ownerAccess) => authorize(principal, use, store, ownerAccess),
      keyPrefix: (store) => keyPrefixOf(principal, store),
      assertValid: () => this.assertValid(principal),
      rightsKey: () => JSON.stringify([door, use, principal]),
    })
  }

  /**
   * The principal of a request without a token, for a door that accepts those on loopback: the
   * first user.
   * Throws `token-missing`.
   */
  async localPrincipal(): Promise<UserPrincipal> {
    const [first] = await this.#parts.users.list()
    if (!first || first.isDisabled)
      throw new StorageError('token-missing', 'This request needs a token.')
    return { kind: 'user', user: first, tokenId: '', scope: fullScope, isOperator: false }
  }

  /**
   * Whether the token is for managing this server: it belongs to an admin and allows everything, or
   * it is the operator's secret, which is checked without the storage. While the storage is away,
   * the last look-up counts, if it was not long ago. Throws as `authenticate`.
   */
  async isKeeper(token: string | undefined, from: Sender): Promise<boolean> {
    if (token && this.#parts.operator?.isSecret(token, from)) return true
    const principal = await this.#authenticateOrRemember(token, from)
    return (
      principal.kind === 'user' && principal.user.isAdmin && isForAll(principal.scope, 'manage')
    )
  }

  /** Throws `token-invalid` if the principal's token is no longer valid. */
  async assertValid(principal: Principal): Promise<void> {
    if (principal.kind === 'nobody' || principal.isOperator) return
    const { tokenId, user } = principal
    if (tokenId === '' && (await this.#parts.users.get(user.id))?.isDisabled === false) return
    if (await this.#parts.tokens.findValid(tokenId)) return
    throw tokenInvalid()
  }

  /**
   * To be called when the body of a request has arrived: checks that the principal's rights are
   * still what they were at the start of the request. Throws `token-invalid`, `account-denied`.
   */
  async assertUnchanged(principal: Principal): Promise<void> {
    if (principal.kind === 'nobody' || principal.isOperator) return
    const found = await this.#parts.tokens.findValid(principal.tokenId)
    if (!found) throw tokenInvalid()
    if (found.user.isAdmin || !principal.user.isAdmin) return
    throw new StorageError('account-denied', 'Only admins may do that.')
  }

  /**
   * To be called when a token was revoked or a user changed: all cached tokens are looked up again.
   */
  forget(): void {
    this.#timesForgotten += 1
    for (const known of this.#known.values()) known.foundAt = -Infinity
  }

  async #authenticateOrRemember(token: string | undefined, from: Sender): Promise<Principal> {
    try {
      return await this.authenticate(token, from)
    } catch (error) {
      const known = token === undefined ? undefined : this.#known.get(token)
      if (!isStorageAway(error) || !known) throw error
      if (!this.#isYoungerThan(limits.rememberedKeeperMs, known)) throw error
      return known.principal
    }
  }

  async #find(token: string, from: Sender | undefined): Promise<Principal> {
    // The operator is looked up each time, so nothing about it can be stale.
    const operator = await this.#parts.operator?.get(token, from)
    if (operator) return operator
    const before = this.#known.get(token)
    const timesForgotten = this.#timesForgotten
    const askedAt = this.#parts.environment.monotonic()
    const found = await this.#parts.tokens.findByText(token)
    if (!found) {
      this.#known.delete(token)
      // A token with the form of Coatcheck's tokens can't be guessed.
      if (isWellMadeToken(token)) this.#logInvalid(from?.peer ?? '')
      else this.#countGuess(from)
      throw new StorageError('token-invalid', 'This token is not valid.')
    }
    const { id: tokenId, scope, expiresAt } = found.token
    const { user } = found
    const isOperator = false
    const principal: Principal = { kind: 'user', user, tokenId, scope, expiresAt, isOperator }
    // `forget()` ran during the look-up: treat the result as stale. Other servers do not announce
    // their changes, so the age of the result counts from the start of the look-up.
    const foundAt = timesForgotten === this.#timesForgotten ? askedAt : -Infinity
    const known = { principal, foundAt, expiresAt, usedAt: before?.usedAt ?? -Infinity }
    this.#known.set(token, known)
    this.#noteUse(known, askedAt)
    return principal
  }

  /** Throws `too-many-guesses`. */
  #countGuess(from: Sender | undefined): void {
    const address = addressGroup(from?.peer ?? '')
    this.#guesses.assertMayGuess(address)
    this.#guesses.noteWrong(address)
  }

  #logInvalid(address: string): void {
    const what = 'A token that is not valid, such as a revoked or an expired one'
    const line = `${what}, came from ${addressGroup(address)}`
    this.#parts.environment.logError(line, undefined, { isOfStranger: true })
  }

  #noteUse(known: Known, now: number): void {
    if (now - known.usedAt < limits.tokenUseFlushMs) return
    known.usedAt = now
    const work = this.#parts.tokens.noteUse(known.principal.tokenId)
    this.#parts.start('Writing the last use of a token', work)
  }

  #isYoungerThan(ageMsMax: number, { foundAt, expiresAt }: Known): boolean {
    const age = this.#parts.environment.monotonic() - foundAt
    if (age >= ageMsMax) return false
    return expiresAt === undefined || this.#parts.clock.latest() < expiresAt
  }
}

/** The user behind a principal. Throws `token-missing`. */
export function requireUser(principal: Principal): User {
  return requireUserPrincipal(principal).user
}

/** Like `requireUser`, but returns the whole principal. */
export function requireUserPrincipal(principal: Principal): UserPrincipal {
  if (principal.kind === 'user') return principal
  throw new StorageError('token-missing', 'This request needs a token.')
}

/**
 * The user behind a principal that may do `action` with all of the user's stores, including future
 * ones. Creating stores and managing tokens requires this. Throws `token-missing`,
 * `account-denied`.
 */
export function requireAccount(principal: Principal, action: Action): User {
  const { user, scope } = requireUserPrincipal(principal)
  if (isForAll(scope, action)) return user
  throw new StorageError('account-denied', 'This token does not allow that.')
}

/** Whether the principal's token expires. Such a token can make nothing that outlives it. */
export function isTemporary(principal: Principal): boolean {
  return principal.kind === 'user' && principal.expiresAt !== undefined
}

/** To be called before a right is given that stays. Throws `account-denied`. */
export function requireLasting(principal: Principal): void {
  if (isTemporary(principal)) throw lastingDenied()
}

function isForAll({ storeId, action }: Scope, wanted: Action): boolean {
  return storeId === undefined && includes(action, wanted)
}

/** Like `requireAccount`, for an admin, who may manage users. */
export function requireAdmin(principal: Principal): User {
  const user = requireAccount(principal, 'manage')
  if (user.isAdmin) return user
  throw new StorageError('account-denied', 'Only admins may do that.')
}

/** How a caller names a store: by its id, or by its name and owner. */
export type Address = 'id' | 'name'

/** What a request needs of a store. */
export interface Use {
  readonly action: Action
  /** Default: `id`. */
  readonly address?: Address
  /** Default: all of the store. */
  readonly extent?: Extent
}

/**
 * Owners may do everything with their stores. Users with whom a store is shared may do what the
 * share allows. A token allows no more of that than its scope. Others may read stores that are open
 * (Apify's general access). Throws `token-missing`, `access-denied`.
 */
export function authorize(
  principal: Principal,
  use: Use,
  store: StoreIdentity,
  ownerAccess: UserAccess,
): void {
  if (isAllowed(principal, use, store, ownerAccess)) return
  if (principal.kind === 'nobody' && use.action !== 'read') requireUser(principal)
  throw new StorageError('access-denied', 'You do not have the right to do this with this store.')
}

/** Like `authorize`, but returns the result instead of throwing. */
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

/** The greatest right of the principal to that part of the store; undefined: none. */
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

/**
 * The owner's setting, if the principal is the owner. Others get `RESTRICTED`: they need not know
 * it.
 */
export function ownAccess(principal: Principal, { ownerId }: StoreIdentity): UserAccess {
  const isOwner = principal.kind === 'user' && principal.user.id === ownerId
  return isOwner ? principal.user.generalAccess : 'RESTRICTED'
}

/** The prefix of the keys that the principal's token covers in this store; undefined: all keys. */
export function keyPrefixOf(principal: Principal, { id }: StoreIdentity): string | undefined {
  if (principal.kind === 'nobody' || principal.scope.storeId !== id) return undefined
  return principal.scope.keyPrefix
}

/**
 * A token for a part of a store gives no access to the rest of it, even if the store is open to
 * everybody.
 */
function isOutside(principal: Principal, store: StoreIdentity, extent: Extent): boolean {
  if (keyPrefixOf(principal, store) === undefined || principal.kind === 'nobody') return false
  return !covers(principal.scope, store.id, extent)
}

function sharedRight({ shares }: StoreIdentity, userId: string): Action | undefined {
  return Object.hasOwn(shares, userId) ? shares[userId] : undefined
}

/**
 * Whether anyone may read the store by this kind of address. A store that is open by its name is
 * open by its id too.
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

/** Whether the result depends on the owner's setting. */
export function mayNeedOwner(principal: Principal, use: Use, store: StoreIdentity): boolean {
  if (use.action !== 'read' || store.generalAccess !== 'FOLLOW_USER_SETTING') return false
  return !includes(rightOf(principal, store, use.extent), 'read')
}
