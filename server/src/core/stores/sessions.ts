import { sessionKey, sessionRange } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry } from '../engine/engine.ts'
import { type Caller, rightsKeyWith, system } from '../identity/caller.ts'
import type { SessionAddress, StoreInfo } from '../identity/identity.ts'
import type { OwnRetention } from '../identity/retention.ts'
import { ignoreGone, storeBusy, storeNotFound } from '../identity/store-reader.ts'
import { addressGroup } from '../kernel/bounds/address-group.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import type { Actor } from '../log/actor.ts'
import { GuessLimit } from '../people/guess-limit.ts'
import type { WholeRecord } from '../records/record.ts'
import { batchesOf } from '../records/record-batch.ts'
import type { Store, StoreParts } from './store.ts'
import { infoIfAlive } from './store-list.ts'
import type { Stores } from './stores.ts'

export interface NewSession {
  readonly ownerId: string
  /** Becomes the title of the store, which has no name yet. */
  readonly label: string
  readonly retention: OwnRetention
  /** The token of a shared session; undefined: a random one, which can't be guessed. */
  readonly sharedToken: bigint | undefined
  readonly actor: Actor | undefined
}

export interface RestoredSession {
  readonly ownerId: string
  readonly session: SessionAddress
  readonly retention: OwnRetention
  readonly records: readonly WholeRecord[]
  readonly actor: Actor | undefined
}

interface KnownSession {
  readonly ownerId: string
  readonly storeId: string
}

/**
 * Stores that NemesisDB's clients address by a token: a 64-bit number, looked up among the sessions
 * of one user.
 */
export class Sessions {
  readonly #parts: StoreParts
  readonly #stores: Stores
  readonly #guesses: GuessLimit
  /** By token: the store, for one owner. A guess, which the store's identity must confirm. */
  readonly #known = lruCache<bigint, KnownSession>(limits.cachedStoresMax)

  constructor(parts: StoreParts, stores: Stores) {
    this.#parts = parts
    this.#stores = stores
    this.#guesses = new GuessLimit(parts.environment, limits.sessionGuessesMax, 'session token')
  }

  /** Throws `session-taken` if a shared session with that token exists. */
  async create(wanted: NewSession): Promise<{ store: Store; token: bigint }> {
    const { ownerId, label, retention, sharedToken, actor } = wanted
    const token = sharedToken ?? createToken(this.#parts.environment)
    const session = { token: String(token), isShared: sharedToken !== undefined }
    const title = label.slice(0, limits.storeTitleLengthMax).toWellFormed()
    await this.#endExpired(ownerId, token)
    try {
      const store = await this.#stores.create({
        ownerId,
        name: undefined,
        retention,
        title,
        session,
        actor,
      })
      this.#note(ownerId, token, store.id)
      return { store, token }
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'store-name-taken') throw error
      throw new StorageError('session-taken', 'A session with that name exists already.')
    }
  }

  /**
   * Restores a session from a dump, with its records. It becomes visible once it is complete. False
   * if a session with that token exists already.
   */
  async restore(wanted: RestoredSession): Promise<boolean> {
    const { ownerId, session, retention, records, actor } = wanted
    const key = sessionKey(ownerId, BigInt(session.token))
    await this.#endExpired(ownerId, BigInt(session.token))
    if ((await this.#parts.engine.get([key]))[0]) return false
    const store = await this.#stores.create({ ownerId, name: undefined, actor })
    try {
      for (const batch of batchesOf(records)) await store.batch.put(batch)
      await this.#stores.update(store.id, { session, retention }, { ...system, actor })
      this.#note(ownerId, BigInt(session.token), store.id)
      return true
    } catch (error) {
      await this.#stores.drop(store.id)
      if (!(error instanceof StorageError) || error.code !== 'store-busy') throw error
      // Another request may have restored it meanwhile.
      if ((await this.#parts.engine.get([key]))[0]) return false
      throw error
    }
  }

  /**
   * Synchronous if this server knows the token. Throws `store-not-found`, what the caller throws
   * and, after too many wrong tokens from `peer`, `too-many-guesses`. Without a peer, guesses are
   * not counted.
   */
  find(
    ownerId: string,
    token: bigint,
    { caller, peer }: { caller: Caller; peer: string | undefined },
  ): Store | Promise<Store> {
    const known = this.#knownStore(ownerId, token)
    const store = known && this.#stores.findKnown(known, this.#confirming(token, caller))
    return store || this.#look(ownerId, token, { caller, peer })
  }

  /** To be called when the session of the token is gone: its store is looked up again. */
  forget(ownerId: string, token: bigint): void {
    if (this.#knownStore(ownerId, token) !== undefined) this.#known.delete(token)
  }

  /**
   * Gives a store a random token, unless it has one. Returns its token. Of many requests at once,
   * one gives it, and all return that one. Throws `store-busy` if another request removes it
   * meanwhile.
   */
  async link(storeId: string, caller: Caller): Promise<string> {
    const { session } = await (await this.#stores.find(storeId, caller)).identity()
    if (session) return session.token
    const token = String(createToken(this.#parts.environment))
    const wanted = { session: { token, isShared: false } }
    const linked = await this.#stores.update(storeId, wanted, caller)
    const { session: given } = await linked.identity()
    if (given) return given.token
    throw storeBusy(storeId)
  }

  /**
   * Removes the token, and drops the store unless it has a name or is a project. Throws
   * `store-not-found`, also for a store without a token, and what the caller throws.
   */
  async end(store: Store, caller: Caller): Promise<void> {
    const { name, session, project } = await store.identity()
    if (!session) throw storeNotFound(store.id)
    if (name === null && project === null) await this.#stores.drop(store.id, caller)
    else await this.#stores.update(store.id, { session: null }, caller)
  }

  /** All sessions of a user that have not expired, in the order of their tokens. */
  async *list(ownerId: string): AsyncGenerator<StoreInfo & { session: { token: string } }> {
    for await (const { value } of walk(this.#parts.engine, sessionRange(ownerId))) {
      const info = await infoIfAlive(Buffer.from(value).toString('latin1'), this.#parts)
      if (info?.session) yield { ...info, session: info.session }
    }
  }

  async #look(
    ownerId: string,
    token: bigint,
    { caller, peer }: { caller: Caller; peer: string | undefined },
  ): Promise<Store> {
    const isKnown = this.#knownStore(ownerId, token) !== undefined
    const get = async (): Promise<readonly (Entry | undefined)[]> =>
      this.#parts.engine.get([sessionKey(ownerId, token)])
    // Counted for each user: the guesses of others behind one address must not lock a user out.
    const guesser = peer === undefined ? undefined : `${ownerId}/${addressGroup(peer)}`
    const isGuess = guesser !== undefined && !isKnown
    const [entry] = await (isGuess ? this.#guesses.during(guesser, String(token), get) : get())
    if (!entry) {
      this.forget(ownerId, token)
      if (guesser !== undefined) this.#guesses.noteWrong(guesser, String(token))
      throw storeNotFound(String(token))
    }
    const storeId = Buffer.from(entry.value).toString('latin1')
    const store = await this.#stores.find(storeId, this.#confirming(token, caller))
    this.#note(ownerId, token, storeId)
    return store
  }

  #note(ownerId: string, token: bigint, storeId: string): void {
    this.#known.set(token, { ownerId, storeId })
  }

  #knownStore(ownerId: string, token: bigint): string | undefined {
    const known = this.#known.get(token)
    return known?.ownerId === ownerId ? known.storeId : undefined
  }

  /** The caller, plus a check that the store still has that token. */
  #confirming(token: bigint, caller: Caller): Caller {
    const text = String(token)
    return {
      ...caller,
      assert: (store, ownerAccess) => {
        if (store.session?.token !== text) throw storeNotFound(text)
        caller.assert(store, ownerAccess)
      },
      rightsKey: rightsKeyWith(caller, text),
    }
  }

  /** An expired session loses its token now, not only at the next sweep. */
  async #endExpired(ownerId: string, token: bigint): Promise<void> {
    const [entry] = await this.#parts.engine.get([sessionKey(ownerId, token)])
    if (!entry) return
    const storeId = Buffer.from(entry.value).toString('latin1')
    await this.#parts.lifecycle.expire(storeId).catch(ignoreGone)
  }
}

/** A random number from 1 to 2^53 - 1: exact in JavaScript's JSON, and too large to be guessed. */
function createToken(environment: Environment): bigint {
  const bytes = Buffer.from(environment.randomBytes(8))
  const token = bytes.readBigUInt64BE() >> 11n
  return token === 0n ? createToken(environment) : token
}
