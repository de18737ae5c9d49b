import { activityKey, storeKey, userKey } from '../disk/keyspace.ts'
import type { Check, Entry, StorageEngine } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { UserAccess } from '../people/scope.ts'
import { decodeUser } from '../people/users.ts'
import type { Activities } from './activities.ts'
import { decodeActivity, type StoreActivity } from './activity.ts'
import type { Caller } from './caller.ts'
import type { FoundIdentity, IdentityCache, StoreIdentity } from './identity.ts'
import { endsByClearing } from './retention.ts'

/** A store that has not expired and some of its entries, all from one snapshot. */
export interface StoreSnapshot {
  readonly identity: StoreIdentity
  /** To be among the checks of every write to the store. */
  readonly check: Check
  /** The activity entry; undefined if it was not needed to know that the store has not expired. */
  readonly activity: Entry | undefined
  readonly entries: readonly (Entry | undefined)[]
}

/** What to read of a store. */
export interface ReadRequest {
  keysOf(identity: StoreIdentity): readonly Bytes[]
  /** Also reads the activity, even if the store does not expire. */
  readonly withActivity?: boolean
  /** Is asked about the identity that is read. */
  readonly caller: Caller
}

interface EngineRead {
  readonly keys: readonly Bytes[]
  /** The indexes of the activity and of the store's owner in `keys`; 0: not included. */
  readonly activityAt: number
  readonly ownerAt: number
  /** How many keys come before those of `keysOf`. */
  readonly ownCount: number
}

interface ToConfirm {
  readonly found: FoundIdentity
  readonly request: EngineRead
  readonly entries: readonly (Entry | undefined)[]
  readonly again: () => Awaitable<StoreSnapshot>
}

/** Reads stores that have not expired. */
export class StoreReader {
  readonly #engine: StorageEngine
  readonly #identities: IdentityCache
  readonly #activities: Activities
  readonly #expire: (storeId: string) => Promise<void>

  constructor(parts: {
    engine: StorageEngine
    identities: IdentityCache
    activities: Activities
    /** Drops or clears an expired store. */
    expire: (storeId: string) => Promise<void>
  }) {
    this.#engine = parts.engine
    this.#identities = parts.identities
    this.#activities = parts.activities
    this.#expire = parts.expire
  }

  /**
   * The store and the entries that `keysOf` names, from one snapshot. The identity as it was last
   * read is the first guess, so that most reads need one request to the engine.
   * Throws `store-not-found`, `store-busy` and what the caller throws.
   */
  read(storeId: string, wanted: ReadRequest): Awaitable<StoreSnapshot> {
    return this.#attempt(storeId, wanted, limits.commitAttemptsMax)
  }

  /**
   * The store as it was last read, for a write whose check confirms it. Undefined if that is not
   * enough: the store can expire, the owner's setting is needed, or the caller may not use the
   * store.
   */
  guess(storeId: string, caller: Caller): StoreSnapshot | undefined {
    const found = this.#identities.guess(storeId)
    if (!found || this.#activities.canExpire(found.identity)) return undefined
    if (!isAllowedUnasked(caller, found.identity)) return undefined
    return { identity: found.identity, check: found, activity: undefined, entries: [] }
  }

  #attempt(storeId: string, wanted: ReadRequest, attemptsLeft: number): Awaitable<StoreSnapshot> {
    if (attemptsLeft === 0) throw storeBusy(storeId)
    const guess = this.#identities.guess(storeId)
    const request = this.#requestFor(storeId, wanted, guess)
    const again = (): Awaitable<StoreSnapshot> => this.#attempt(storeId, wanted, attemptsLeft - 1)
    return andThen(this.#engine.get(request.keys), (entries) => {
      const found = this.#decode(storeId, entries[0])
      if (found !== guess) return again()
      return this.#confirm(wanted, { found, request, entries, again })
    })
  }

  /**
   * Returns the snapshot if the store has not expired. Otherwise throws `store-not-found`, or
   * clears the store and calls `again`.
   */
  #confirm(
    { caller }: ReadRequest,
    { found, request, entries, again }: ToConfirm,
  ): Awaitable<StoreSnapshot> {
    const { identity } = found
    const { activityAt, ownerAt, ownCount } = request
    const activity = activityAt > 0 ? entries[activityAt] : undefined
    assert(activityAt === 0 || activity !== undefined, 'Every store has an activity.')
    return andThen(this.#isExpired(identity, activity), (isExpired) => {
      if (isExpired) return this.#endOrClear(identity).then(again)
      caller.assert(identity, accessOf(ownerAt > 0 ? entries[ownerAt] : undefined))
      return { identity, check: found, activity, entries: entries.slice(ownCount) }
    })
  }

  #requestFor(storeId: string, wanted: ReadRequest, guess: FoundIdentity | undefined): EngineRead {
    const { keysOf, caller, withActivity = false } = wanted
    const keys: Bytes[] = [guess?.key ?? storeKey(storeId)]
    const mayExpire = !guess || this.#activities.canExpire(guess.identity)
    const activityAt = withActivity || mayExpire ? keys.push(activityKey(storeId)) - 1 : 0
    const asksOwner = guess !== undefined && caller.asksOwner(guess.identity)
    const ownerAt = asksOwner ? keys.push(userKey(guess.identity.ownerId)) - 1 : 0
    const ownCount = keys.length
    if (guess) for (const key of keysOf(guess.identity)) keys.push(key)
    return { keys, activityAt, ownerAt, ownCount }
  }

  #decode(storeId: string, entry: Entry | undefined): FoundIdentity {
    if (entry) return this.#identities.decode(storeId, entry)
    this.#identities.forget(storeId)
    throw storeNotFound(storeId)
  }

  #isExpired(identity: StoreIdentity, activity: Entry | undefined): Awaitable<boolean> {
    if (!activity || !this.#activities.canExpire(identity)) return false
    return this.#activities.isExpired(identity, activity)
  }

  async #endOrClear(identity: StoreIdentity): Promise<void> {
    if (!endsByClearing(identity)) throw storeNotFound(identity.id)
    await this.#expire(identity.id)
  }

  /**
   * The activity of a snapshot that was read with it, as it is stored and as this server knows it.
   */
  activityOf({ identity, activity }: StoreSnapshot): Record<'stored' | 'current', StoreActivity> {
    assert(activity !== undefined, 'The snapshot was read with its activity.')
    const stored = decodeActivity(activity)
    return { stored, current: this.#activities.current(identity, stored) }
  }
}

/**
 * Whether the caller may certainly use a store with this identity, without the owner's settings.
 * False decides nothing: then the store must be read.
 */
export function isAllowedUnasked(caller: Caller, identity: StoreIdentity): boolean {
  if (caller.asksOwner(identity)) return false
  try {
    caller.assert(identity, accessOf(undefined))
    return true
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

/** The owner's setting for stores that follow it; `RESTRICTED` if it is unknown. */
export function accessOf(owner: Entry | undefined): UserAccess {
  return owner && !owner.isDamaged ? decodeUser(owner).generalAccess : 'RESTRICTED'
}

export function storeNotFound(storeId: string): StorageError {
  return new StorageError('store-not-found', `There is no store ${storeId}.`)
}

export function storeBusy(storeId: string): StorageError {
  return new StorageError(
    'store-busy',
    `Too many changes to store ${storeId} at the same time. Try again.`,
  )
}

/** Ignores the error that the store is gone, and rethrows all others. */
export function ignoreGone(error: unknown): void {
  if (error instanceof StorageError && error.code === 'store-not-found') return
  throw error
}
