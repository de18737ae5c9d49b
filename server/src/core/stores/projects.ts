import {
  nameKey,
  ownedProjectKey,
  ownedProjectRange,
  ownedStoreIdOf,
  projectKey,
  rangeBehind,
  seedKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import { type Caller, rightsKeyWith } from '../identity/caller.ts'
import type { StoreInfo } from '../identity/identity.ts'
import type { StoreChanges } from '../identity/store-changes.ts'
import { ignoreGone } from '../identity/store-reader.ts'
import { addressGroup } from '../kernel/bounds/address-group.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import type { Actor } from '../log/actor.ts'
import {
  isChannelId,
  isWellMadeChannelId,
  newProject,
  type Project,
  type ProjectChanges,
  projectNotFound,
} from '../pages/project.ts'
import { namesakes, slugOf } from '../pages/project-name.ts'
import { GuessLimit } from '../people/guess-limit.ts'
import { assertOpensNoStore, assertStoreTitle } from '../records/validate.ts'
import { decodeSeed, encodeSeed, recordsOf, type SeedPair } from './seed.ts'
import type { Store, StoreParts } from './store.ts'
import { infoIfAlive } from './store-list.ts'
import type { Stores } from './stores.ts'

export interface NewProject {
  readonly ownerId: string
  /** As typed: becomes the store's title. The store's name is its slug. */
  readonly name: string
  /** Undefined: a random one, which can't be guessed. */
  readonly channelId?: string | undefined
  /** Undefined: the default of this server. */
  readonly isOpen?: boolean | undefined
  readonly actor: Actor | undefined
}

export interface StoredProject {
  readonly store: Store
  readonly project: Project
}

/** A store that is a project. */
export type ProjectInfo = StoreInfo & { readonly project: Project }

/** The position of a project in the list of all projects. */
export type ProjectPosition = Pick<StoreInfo, 'ownerId' | 'createdAt' | 'id'>

/** Stores that are App Lab projects: pages reach them by a channel id, which is unique. */
export class Projects {
  readonly #parts: StoreParts
  readonly #stores: Stores
  readonly #areOpen: boolean
  readonly #guesses: GuessLimit
  readonly #misses: GuessLimit
  /** Store ids by channel id: a guess, which the store's identity must confirm. */
  readonly #known = lruCache<string, string>(limits.cachedStoresMax)

  /** `areOpen`: whether new projects are open by default. */
  constructor(parts: StoreParts, stores: Stores, { areOpen }: { areOpen: boolean }) {
    this.#parts = parts
    this.#stores = stores
    this.#areOpen = areOpen
    const { environment } = parts
    const { channelGuessesMax: most } = limits
    this.#guesses = new GuessLimit(environment, most, 'channel id')
    this.#misses = new GuessLimit(environment, most, 'channel id', 'user')
  }

  /**
   * Creates a project in its own store. If its name is taken, appends the next free number. Throws
   * `project-taken` if a project with that channel id exists, `channel-invalid`,
   * `store-title-invalid`, and `too-many` if 1,000 of the owner's stores have the same slug.
   */
  async create(wanted: NewProject): Promise<StoredProject> {
    const { ownerId, name: title, channelId, isOpen = this.#areOpen, actor } = wanted
    assertStoreTitle(title)
    if (channelId !== undefined) await this.#assertFree(channelId)
    const project = newProject(this.#parts.environment, { channelId, isOpen })
    const attempt = async (): Promise<StoredProject | typeof lostRace> => {
      const name = await this.#freeName(ownerId, slugOf(title))
      try {
        const store = await this.#stores.create({ ownerId, name, title, project, actor })
        this.#note(project.channelId, store.id)
        return { store, project }
      } catch (error) {
        if (!(error instanceof StorageError) || error.code !== 'store-name-taken') throw error
        // Another request was faster and took the name or the channel id.
        await this.#assertFree(project.channelId)
        return lostRace
      }
    }
    const message = 'Too many projects with this name are created at the same time. Try again.'
    const giveUp = (): never => {
      throw new StorageError('store-busy', message)
    }
    return retry(limits.commitAttemptsMax, attempt, giveUp)
  }

  /**
   * The store of a channel id, for `caller`. Every use checks that the store still has that channel
   * id. Synchronous if this server knows the channel id. Throws `project-not-found`, what the
   * caller throws and, after too many wrong channel ids from `peer`, `too-many-guesses`. Guesses
   * are not counted without a peer, or if the channel id has the form of Coatcheck's own. Uses of a
   * store that is gone throw `store-not-found`.
   */
  find(
    channelId: string,
    { caller, peer }: { caller: Caller; peer: string | undefined },
  ): Store | Promise<Store> {
    const known = this.#known.get(channelId)
    const store = known && this.#stores.findKnown(known, confirming(channelId, caller))
    return store || this.#look(channelId, { caller, peer })
  }

  /**
   * Counts a channel id as a wrong guess of a user, who must not learn whether it exists. Throws
   * `too-many-guesses` after many of them.
   */
  countMiss(channelId: string, userId: string): void {
    if (isWellMadeChannelId(channelId)) return
    this.assertMayGuess(channelId, userId)
    this.#misses.noteWrong(guesserOf(userId), channelId.slice(0, limits.guessLengthMax))
  }

  /** Throws `too-many-guesses` if the user has named many wrong channel ids. */
  assertMayGuess(channelId: string, userId: string): void {
    if (!isWellMadeChannelId(channelId)) this.#misses.assertMayGuess(guesserOf(userId))
  }

  /** To be called after a use of the channel's store threw `store-not-found`. */
  forget(channelId: string): void {
    this.#known.delete(channelId)
  }

  /**
   * Makes a store a project, with a random channel id. A store that is a project already stays as
   * it is. Throws `store-not-found` and what the caller throws.
   */
  async link(
    storeId: string,
    caller: Caller,
    { isOpen = this.#areOpen }: { isOpen?: boolean } = {},
  ): Promise<Project> {
    const { project } = await (await this.#stores.find(storeId, caller)).identity()
    if (project) return project
    const wanted = newProject(this.#parts.environment, { isOpen })
    return this.#updated(storeId, { project: wanted }, caller)
  }

  /**
   * The store is no longer a project: it keeps its records, but loses its channel id, rules and
   * seed. Throws as `link`.
   */
  async unlink(storeId: string, caller: Caller): Promise<void> {
    await this.#stores.update(storeId, { project: null }, caller)
  }

  /** Throws `project-not-found`, `page-rules-invalid`, and as `link`. */
  update(storeId: string, projectChanges: ProjectChanges, caller: Caller): Promise<Project> {
    return this.#updated(storeId, { projectChanges }, caller)
  }

  /**
   * Sets the seed, to which the project can be reset; undefined removes it. A project without
   * records gets the records of the seed at once. Throws `project-not-found`, `seed-invalid`,
   * `record-key-invalid`, `too-many`, and as `link`.
   */
  async setSeed(
    storeId: string,
    pairs: readonly SeedPair[] | undefined,
    caller: Caller,
  ): Promise<void> {
    const seed = pairs ? encodeSeed(pairs) : null
    for (const { key } of pairs ?? []) assertOpensNoStore(key, storeId)
    const store = await this.#stores.update(storeId, { seed }, caller)
    if (!pairs || pairs.length === 0 || (await store.batch.count()) > 0) return
    await store.batch.add(recordsOf(pairs))
  }

  /** Undefined: there is none. Throws `project-not-found`, `record-damaged`, and as `link`. */
  async seedOf(storeId: string, caller: Caller): Promise<readonly SeedPair[] | undefined> {
    const { identity, entries } = await this.#parts.reader.read(storeId, {
      keysOf: ({ id, project }) => (project?.hasSeed ? [seedKey(id)] : []),
      caller,
    })
    if (!identity.project) throw projectNotFound(storeId)
    const [entry] = entries
    if (entry) return decodeSeed(entry)
    if (!identity.project.hasSeed) return undefined
    throw new StorageError('record-damaged', `The seed of store ${storeId} is lost.`)
  }

  /**
   * Replaces all records with the seed, in one commit. Returns how many there were before. Throws
   * `seed-not-found`, and as `seedOf`.
   */
  async resetToSeed(storeId: string, caller: Caller): Promise<number> {
    const pairs = await this.seedOf(storeId, caller)
    if (!pairs) throw new StorageError('seed-not-found', 'This project has no seed.')
    const store = await this.#stores.find(storeId, caller)
    return store.replaceAll(recordsOf(pairs))
  }

  /**
   * All projects of a user that have not expired, or those of all users (user by user), by the
   * creation of their stores. Only those after `after`, which may be gone.
   */
  async *list(ownerId?: string, after?: ProjectPosition): AsyncGenerator<ProjectInfo> {
    const all = ownedProjectRange(ownerId)
    const range = after ? rangeBehind(all, ownedProjectKey(after)) : all
    for await (const { key } of walk(this.#parts.engine, range)) {
      const info = await infoIfAlive(ownedStoreIdOf(key), this.#parts)
      if (info?.project) yield { ...info, project: info.project }
    }
  }

  async #updated(storeId: string, changes: StoreChanges, caller: Caller): Promise<Project> {
    const store = await this.#stores.update(storeId, changes, caller)
    const { project } = await store.identity()
    if (!project) throw projectNotFound(storeId)
    return project
  }

  async #look(
    channelId: string,
    { caller, peer }: { caller: Caller; peer: string | undefined },
  ): Promise<Store> {
    const isCounted = peer !== undefined && !isWellMadeChannelId(channelId)
    const counted = isCounted ? addressGroup(peer) : undefined
    const isKnown = this.#known.has(channelId)
    const look = async (): Promise<string | undefined> =>
      isChannelId(channelId) ? this.#storeIdOf(channelId) : undefined
    const guess = channelId.slice(0, limits.guessLengthMax)
    const isGuess = counted !== undefined && !isKnown
    const storeId = await (isGuess ? this.#guesses.during(counted, guess, look) : look())
    if (storeId === undefined) {
      this.forget(channelId)
      if (counted !== undefined) this.#guesses.noteWrong(counted, guess)
      throw projectNotFound(channelId)
    }
    try {
      const store = await this.#stores.find(storeId, confirming(channelId, caller))
      this.#note(channelId, storeId)
      return store
    } catch (error) {
      const isGone = error instanceof StorageError && error.code === 'store-not-found'
      throw isGone ? projectNotFound(channelId) : error
    }
  }

  async #storeIdOf(channelId: string): Promise<string | undefined> {
    const [entry] = await this.#parts.engine.get([projectKey(channelId)])
    return entry && Buffer.from(entry.value).toString('latin1')
  }

  #note(channelId: string, storeId: string): void {
    this.#known.set(channelId, storeId)
  }

  /**
   * Throws if the channel id is invalid or taken. An expired store loses its channel id now, not
   * only at the next sweep.
   */
  async #assertFree(channelId: string): Promise<void> {
    if (!isChannelId(channelId)) {
      const rule = "1 to 100 letters, digits, '_' and '-'"
      throw new StorageError('channel-invalid', `A channel id has ${rule}.`)
    }
    const holder = await this.#storeIdOf(channelId)
    if (holder === undefined) return
    await this.#parts.lifecycle.expire(holder).catch(ignoreGone)
    if ((await this.#storeIdOf(channelId)) === undefined) return
    throw new StorageError('project-taken', `There is a project ${channelId} already.`)
  }

  async #freeName(ownerId: string, slug: string): Promise<string> {
    for (let first = 1; first < limits.projectNamesakesMax; first += limits.namesakesAtOnce) {
      const names = namesakes(slug, { first, count: limits.namesakesAtOnce })
      const found = await this.#parts.engine.get(names.map((name) => nameKey(ownerId, name)))
      const free = names.find((_, index) => !found[index])
      if (free !== undefined) return free
    }
    const many = `${limits.projectNamesakesMax} stores`
    throw new StorageError('too-many', `There are ${many} named ${slug} already.`)
  }
}

function guesserOf(userId: string): string {
  return `user ${userId}`
}

/** The caller, plus a check that the store still has that channel id. */
function confirming(channelId: string, caller: Caller): Caller {
  return {
    ...caller,
    assert: (store, ownerAccess) => {
      if (store.project?.channelId !== channelId) throw projectNotFound(channelId)
      caller.assert(store, ownerAccess)
    },
    rightsKey: rightsKeyWith(caller, channelId),
  }
}
