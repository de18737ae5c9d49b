import { changeKey } from '../disk/keyspace.ts'
import type { Revision, StorageEngine } from '../engine/engine.ts'
import { logNameOf, type News } from '../engine/news.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { LiveUse } from '../values/live-uses.ts'
import { ChangeRings } from './change-ring.ts'
import { Feed, type FeedParts, type Filter } from './feed.ts'
import { Watcher } from './watcher.ts'

/** What to watch of a store. */
export interface WatchQuery {
  /** Only keys that begin with it; '' or undefined: all keys. */
  readonly prefix?: string
  /** Only these keys; undefined: all keys. */
  readonly keys?: ReadonlySet<string>
  /** The changes after this revision; undefined: from now on. */
  readonly after?: Revision | undefined
  /** Whether short JSON values come with their changes. */
  readonly withValues: boolean
  /** Whose watcher it is: a user or an address. The watchers of one are limited. */
  readonly owner: string
}

export interface WatchWish extends Omit<WatchQuery, 'prefix'> {
  /** Undefined: the caller may see no key. */
  readonly prefix: string | undefined
  /** Belongs to the watcher from now on. */
  readonly use: LiveUse
}

/** How many watchers there may be. */
export interface WatchBounds {
  readonly watchersMax: number
  readonly perStoreMax: number
  readonly ownerMax: number
}

const usualBounds: WatchBounds = {
  watchersMax: limits.watchersMax,
  perStoreMax: limits.watchersPerStoreMax,
  ownerMax: limits.watchersOwnerMax,
}

interface Watched {
  readonly feed: Feed
  /** Of the store's change log. */
  readonly logName: string
  watchers: number
}

type WatchesParts = Omit<FeedParts, 'rings'> & {
  readonly engine: Required<Pick<StorageEngine, 'newsAfter'>>
}

/** All watchers of this server. A store that nobody watches costs nothing. */
export class Watches {
  readonly #parts: FeedParts & WatchesParts
  readonly #bounds: WatchBounds
  /** By store id. */
  readonly #stores = new Map<string, Watched>()
  /** How many watchers each owner has. */
  readonly #owners = new Map<string, number>()
  #count = 0
  /** Ends the loop that follows the engine; undefined: nobody watches. */
  #following: AbortController | undefined
  #isClosed = false

  constructor(parts: WatchesParts, bounds = usualBounds) {
    this.#parts = { ...parts, rings: new ChangeRings(limits.watchedEventsBytesAllMax) }
    this.#bounds = bounds
  }

  /** How many watchers there are. */
  get count(): number {
    return this.#count
  }

  /** Throws `too-many`, and `storage-unavailable` if the engine can't be read. */
  async open(storeId: string, wish: WatchWish): Promise<Watcher> {
    try {
      const newest = await this.#parts.engine.newerThan(-1, new AbortController().signal)
      this.#assertRoom(storeId, wish.owner)
      return this.#watch(storeId, wish, newest)
    } catch (error) {
      wish.use[Symbol.dispose]()
      throw error
    }
  }

  /** Ends the reading of logs. Watchers that are left get nothing any more. */
  close(): void {
    this.#isClosed = true
    this.#following?.abort()
    for (const { feed } of this.#stores.values()) feed.close()
  }

  #assertRoom(storeId: string, owner: string): void {
    const { watchersMax, perStoreMax, ownerMax } = this.#bounds
    const ofStore = this.#stores.get(storeId)?.watchers ?? 0
    if (this.#count >= watchersMax) throw tooMany(`${watchersMax} on this server`)
    if (ofStore >= perStoreMax) throw tooMany(`${perStoreMax} of one store`)
    if (this.#ofOwner(owner) < ownerMax) return
    throw tooMany(`${ownerMax} of one user or address`)
  }

  #ofOwner(owner: string): number {
    return this.#owners.get(owner) ?? 0
  }

  #watch(storeId: string, wish: WatchWish, newest: Revision): Watcher {
    const { owner, after = newest, use } = wish
    const feed = this.#feedOf(storeId, newest)
    this.#count += 1
    this.#owners.set(owner, this.#ofOwner(owner) + 1)
    const watcher = new Watcher({
      feed,
      filter: filterOf(wish),
      after: after <= newest ? after : undefined,
      use,
      onEnd: () => this.#leave(storeId, owner),
    })
    // A change that was committed before the feed was there has not been announced to it.
    void feed.look()
    return watcher
  }

  #leave(storeId: string, owner: string): void {
    this.#count -= 1
    const others = this.#ofOwner(owner) - 1
    if (others === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, others)
    const watched = this.#stores.get(storeId)
    if (watched?.watchers === 1) {
      this.#stores.delete(storeId)
      watched.feed.close()
    } else if (watched) watched.watchers -= 1
    if (this.#stores.size > 0) return
    this.#following?.abort()
    this.#following = undefined
  }

  /** The feed of a store, with one more watcher. A new one begins at `newest`. */
  #feedOf(storeId: string, newest: Revision): Feed {
    const watched = this.#stores.get(storeId)
    if (watched) {
      watched.watchers += 1
      return watched.feed
    }
    const feed = new Feed(storeId, newest, this.#parts)
    const logName = logNameOf(changeKey(storeId))
    this.#stores.set(storeId, { feed, logName, watchers: 1 })
    if (!this.#following && !this.#isClosed) {
      this.#following = new AbortController()
      void this.#follow(this.#following.signal)
    }
    return feed
  }

  /** Looks for changes that were not announced: those of other servers. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { engine, environment, pause } = this.#parts
    const pauseMs = engine.isShared ? limits.watchSharedPauseMs : limits.watchOwnPauseMs
    let place = 0
    while (!signal.aborted) {
      try {
        await pause(pauseMs)
        const news = await engine.newsAfter(place, signal)
        place = news.place
        await this.#lookAt(news, signal)
      } catch (error) {
        if (signal.aborted) return
        // What the engine refuses is in the log already.
        if (!(error instanceof StorageError)) {
          environment.logError('Following the changes failed', error)
        }
        await pause(limits.watchRetryMs)
      }
    }
  }

  async #lookAt({ logs }: News, signal: AbortSignal): Promise<void> {
    const watched = [...this.#stores.values()]
    const changed = logs ? watched.filter(({ logName }) => logs.has(logName)) : watched
    const feeds = changed.map(({ feed }) => feed)
    while (feeds.length > 0 && !signal.aborted) {
      const some = feeds.splice(-limits.watchedLogsAtOnce)
      await Promise.all(some.map((feed) => feed.look()))
    }
  }
}

function filterOf({ prefix, keys, withValues }: WatchWish): Filter {
  const name = JSON.stringify([prefix ?? null, keys ? [...keys].toSorted() : null, withValues])
  const isIn = (key: string): boolean => prefix !== undefined && key.startsWith(prefix)
  return {
    name,
    withValues,
    seesKey: keys ? (key) => keys.has(key) && isIn(key) : isIn,
  }
}

function tooMany(rule: string): StorageError {
  return new StorageError('too-many', `There are too many watchers: at most ${rule}.`)
}
