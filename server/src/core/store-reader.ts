import type { Activities } from './activities.ts'
import { decodeActivity, type StoreActivity } from './activity.ts'
import { assert } from './assert.ts'
import type { Bytes, Check, Entry, Revision, StorageEngine } from './engine.ts'
import { StorageError } from './errors.ts'
import type { IdentityCache, StoreIdentity } from './identity.ts'
import { activityKey, storeKey } from './keyspace.ts'
import { limits } from './limits.ts'
import { endsByClearing } from './retention.ts'

/** A living store and some of its entries, all from one snapshot. */
export interface StoreSnapshot {
  readonly identity: StoreIdentity
  /** To be among the checks of every write to the store. */
  readonly check: Check
  /** The activity entry; undefined where it was not needed to know that the store lives. */
  readonly activity: Entry | undefined
  readonly entries: readonly (Entry | undefined)[]
}

/** Finds stores that live. */
export class StoreReader {
  readonly #engine: StorageEngine
  readonly #identities: IdentityCache
  readonly #activities: Activities
  readonly #expire: (storeId: string) => Promise<void>

  constructor(parts: {
    engine: StorageEngine
    identities: IdentityCache
    activities: Activities
    /** Ends or clears a store whose time is over. */
    expire: (storeId: string) => Promise<void>
  }) {
    this.#engine = parts.engine
    this.#identities = parts.identities
    this.#activities = parts.activities
    this.#expire = parts.expire
  }

  /**
   * The store and the entries that `keysOf` names, from one snapshot. What the store was when it
   * was last read is the first guess, so that most reads are one trip to the engine.
   * Throws `store-not-found`, `store-busy`.
   */
  async read(
    storeId: string,
    keysOf: (identity: StoreIdentity) => readonly Bytes[],
    options: { activity: boolean } = { activity: false },
  ): Promise<StoreSnapshot> {
    let guess = this.#identities.guess(storeId)
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt += 1) {
      const snapshot = await this.#readAs(storeId, { guess, keysOf, ...options })
      if (snapshot === 'changed') {
        guess = this.#identities.guess(storeId)
        continue
      }
      if (!(await this.#isExpired(snapshot))) return snapshot
      await this.#endOrClear(snapshot.identity)
    }
    throw storeBusy(storeId)
  }

  async #readAs(
    storeId: string,
    wanted: {
      guess: StoreIdentity | undefined
      keysOf: (identity: StoreIdentity) => readonly Bytes[]
      activity: boolean
    },
  ): Promise<StoreSnapshot | 'changed'> {
    const { guess, keysOf } = wanted
    const withActivity = wanted.activity || !guess || this.#activities.canExpire(guess)
    const key = storeKey(storeId)
    const keys: Bytes[] = [key]
    if (withActivity) keys.push(activityKey(storeId))
    const own = keys.length
    if (guess) keys.push(...keysOf(guess))
    const entries = await this.#engine.get(keys)
    const { identity, revision } = this.#decode(storeId, entries[0])
    if (identity !== guess) return 'changed'
    const activity = withActivity ? entries[1] : undefined
    assert(!withActivity || activity !== undefined, 'Every store has an activity.')
    return { identity, check: { key, revision }, activity, entries: entries.slice(own) }
  }

  #decode(
    storeId: string,
    entry: Entry | undefined,
  ): { identity: StoreIdentity; revision: Revision } {
    if (entry) return this.#identities.decode(storeId, entry)
    this.#identities.forget(storeId)
    throw storeNotFound(storeId)
  }

  async #isExpired({ identity, activity }: StoreSnapshot): Promise<boolean> {
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

export function storeNotFound(storeId: string): StorageError {
  return new StorageError('store-not-found', `There is no store ${storeId}.`)
}

export function storeBusy(storeId: string): StorageError {
  return new StorageError('store-busy', `Too many others change store ${storeId} just now.`)
}

/** For work on a store that is done with once the store is gone. */
export function ignoreGone(error: unknown): void {
  if (error instanceof StorageError && error.code === 'store-not-found') return
  throw error
}
