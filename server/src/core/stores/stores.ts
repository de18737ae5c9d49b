import {
  innerIdBytes,
  nameKey,
  ownedKeys,
  ownerCounterKey,
  schemaKey,
  storeKey,
} from '../disk/keyspace.ts'
import type { AtomicWrite, Check, Put } from '../engine/engine.ts'
import { type Activities, moveExpiry } from '../identity/activities.ts'
import { type Caller, system } from '../identity/caller.ts'
import { encodeIdentity, type SessionAddress, type StoreIdentity } from '../identity/identity.ts'
import { assertRetention, type OwnRetention } from '../identity/retention.ts'
import { changesEvent } from '../identity/store-audit.ts'
import {
  changed,
  givesRights,
  isMadeAlready,
  type StoreChanges,
  signingSecretLength,
} from '../identity/store-changes.ts'
import { emptyPut, readdressed, refiled, reseeded, reshared } from '../identity/store-filing.ts'
import { isAllowedUnasked, storeBusy, storeNotFound } from '../identity/store-reader.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { createId, isId, randomAlphanumerics } from '../kernel/ids.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import type { Actor } from '../log/actor.ts'
import { auditPut } from '../log/audit.ts'
import { assertProjectChanges, type Project } from '../pages/project.ts'
import { lastingDenied } from '../people/scope.ts'
import { tokenInvalid } from '../people/tokens.ts'
import { assertStoreName, assertStoreTitle, isStoreName } from '../records/validate.ts'
import { Store, type StoreParts } from './store.ts'
import { listStores, type StorePage, type StoreQuery } from './store-list.ts'
import { listStoreRows, type StoreRows, type StoreRowsQuery } from './store-rows.ts'
import { type FoundStores, type StoreSearch, searchStores } from './store-search.ts'

export interface NewStore {
  readonly ownerId: string
  /** Undefined: the store is unnamed, so it can expire. */
  readonly name: string | undefined
  readonly retention?: OwnRetention
  /** As `encodeSchema` makes it. It stays as long as the store exists. */
  readonly schema?: Bytes | undefined
  readonly title?: string
  readonly session?: SessionAddress
  readonly project?: Project
  /** The token that is shown the signing secret in the answer; undefined: none. */
  readonly secretSeenBy?: string | undefined
  /** Who creates the store. */
  readonly actor?: Actor | undefined
}

/** All stores. Methods throw like those of `Store` if the storage fails. */
export class Stores {
  readonly #parts: StoreParts
  #createdLast = 0

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /**
   * An existing store, for `caller`, who is asked now. The store as it was last read is enough for
   * that, since every use reads it again.
   * Throws `store-not-found` and what the caller throws.
   */
  async find(storeId: string, caller: Caller = system): Promise<Store> {
    const known = this.findKnown(storeId, caller)
    if (known) return known
    if (!isId(storeId)) throw storeNotFound(storeId)
    const identity = await new Store(storeId, this.#parts, caller).identity()
    return new Store(storeId, this.#parts, caller, identity)
  }

  /**
   * Like `find`, for a store that this server has read before. Undefined if `find` must read the
   * store: also if the caller refuses, since the store may have changed.
   */
  findKnown(storeId: string, caller: Caller = system): Store | undefined {
    const known = this.#parts.identities.guess(storeId)
    if (!known || !isAllowedUnasked(caller, known.identity)) return undefined
    return new Store(storeId, this.#parts, caller, known.identity)
  }

  /** Like `find`, by the name of the store and its owner. */
  async findByName(ownerId: string, name: string, caller: Caller = system): Promise<Store> {
    const storeId = isStoreName(name) ? await this.#idOf(ownerId, name) : undefined
    if (storeId === undefined) throw storeNotFound(name.slice(0, limits.storeNameLengthMax))
    return this.find(storeId, caller)
  }

  /**
   * Creates a new store. Throws `store-name-invalid`, `store-retention-invalid`,
   * `store-name-taken`, and `token-invalid` if the token that is shown its secret has ended.
   */
  async create(wanted: NewStore): Promise<Store> {
    if (wanted.retention !== undefined) assertRetention(wanted.retention)
    if (wanted.name !== undefined) assertStoreName(wanted.name)
    const store = await this.#add(wanted)
    if (store) return store
    throw new StorageError('store-name-taken', `There is a store named ${wanted.name} already.`)
  }

  /**
   * The owner's store with that name, created if there is none. Of many requests at once, one
   * creates it.
   * Throws `store-name-invalid`, `store-retention-invalid`, and `token-invalid` as `create`.
   */
  async open(wanted: NewStore & { name: string }): Promise<{ store: Store; isNew: boolean }> {
    if (wanted.retention !== undefined) assertRetention(wanted.retention)
    assertStoreName(wanted.name)
    const attempt = async (): Promise<{ store: Store; isNew: boolean } | typeof lostRace> => {
      const storeId = await this.#idOf(wanted.ownerId, wanted.name)
      if (storeId !== undefined) return { store: new Store(storeId, this.#parts), isNew: false }
      const store = await this.#add(wanted)
      return store ? { store, isNew: true } : lostRace
    }
    return retry(limits.commitAttemptsMax, attempt, () => {
      throw storeBusy(wanted.name)
    })
  }

  /**
   * Throws `store-not-found`, `store-name-invalid`, `store-name-taken`, `store-title-invalid`,
   * `store-retention-invalid`, `share-invalid`, `page-rules-invalid`, `project-not-found` and what
   * the caller throws.
   */
  async update(storeId: string, changes: StoreChanges, caller: Caller = system): Promise<Store> {
    if (changes.retention !== undefined) assertRetention(changes.retention)
    if (typeof changes.name === 'string') assertStoreName(changes.name)
    if (typeof changes.title === 'string') assertStoreTitle(changes.title)
    if (changes.projectChanges) assertProjectChanges(changes.projectChanges)
    await this.#parts.queue.run(storeId, () => this.#update(storeId, changes, caller))
    return new Store(storeId, this.#parts, caller)
  }

  /** One page of a user's stores. */
  async list(query: StoreQuery): Promise<StorePage> {
    return listStores(this.#parts, query)
  }

  /** Finds stores by their names, titles and ids. */
  /** A page of all stores that a user reaches, in any order. */
  async listRows(query: StoreRowsQuery): Promise<StoreRows> {
    return listStoreRows(this.#parts, query)
  }

  async search(search: StoreSearch): Promise<FoundStores> {
    return searchStores(this.#parts, search)
  }

  /** Removes the store and all its records. Throws `store-not-found` and what the caller throws. */
  async drop(storeId: string, caller: Caller = system): Promise<void> {
    await new Store(storeId, this.#parts, caller).identity()
    await this.#parts.lifecycle.drop(storeId, caller)
  }

  async #idOf(ownerId: string, name: string): Promise<string | undefined> {
    const [entry] = await this.#parts.engine.get([nameKey(ownerId, name)])
    return entry && Buffer.from(entry.value).toString('latin1')
  }

  /** Undefined if another store has that name. */
  async #add(wanted: NewStore): Promise<Store | undefined> {
    const { engine, environment, activities } = this.#parts
    const identity = this.#newIdentity(wanted, environment)
    const { checks, ...write } = creation(identity, activities, wanted)
    const attempt = async (): Promise<boolean | typeof lostRace> => {
      const seer = await this.#checksOfSeer(wanted)
      const { applied } = await engine.commit({ ...write, checks: [...checks, ...seer] })
      if (applied || seer.length === 0) return applied
      const now = await this.#checksOfSeer(wanted)
      const isSame = now.every(({ revision }, index) => revision === seer[index]?.revision)
      return isSame ? false : lostRace
    }
    const isMade = await retry(limits.commitAttemptsMax, attempt, () => {
      throw storeBusy(identity.id)
    })
    if (!isMade) return undefined
    activities.noteArmed(identity)
    return new Store(identity.id, this.#parts)
  }

  /**
   * With the end of a token, the secrets are replaced that it saw: so it must not see one
   * afterwards.
   */
  async #checksOfSeer({ secretSeenBy }: NewStore): Promise<readonly Check[]> {
    const checks = secretSeenBy ? await this.#parts.tokens.checksOf(secretSeenBy) : []
    if (checks) return checks
    throw tokenInvalid()
  }

  #newIdentity(wanted: NewStore, environment: Environment): StoreIdentity {
    return {
      id: createId(environment),
      ownerId: wanted.ownerId,
      name: wanted.name ?? null,
      title: wanted.title ?? null,
      generalAccess: 'FOLLOW_USER_SETTING',
      shares: {},
      session: wanted.session ?? null,
      project: wanted.project ?? null,
      contentId: Buffer.from(environment.randomBytes(innerIdBytes)),
      retention: wanted.retention ?? 'default',
      createdAt: this.#nextCreation(environment.now()),
      hasSchema: wanted.schema !== undefined,
      signingSecret: randomAlphanumerics(environment, signingSecretLength),
      secretSeenBy: wanted.secretSeenBy ? [wanted.secretSeenBy] : [],
    }
  }

  /** Adds thousandths of a millisecond, so that stores of this server never have the same time. */
  #nextCreation(now: number): number {
    const last = this.#createdLast
    // After the clock was set back, new stores must not get the times of the wrong clock.
    const isClose = now <= last && now > last - limits.clockJitterMsMax
    const next = isClose ? last + 0.001 : now
    this.#createdLast = Math.round(next * 1_000) / 1_000
    return this.#createdLast
  }

  async #update(storeId: string, changes: StoreChanges, caller: Caller): Promise<void> {
    const attempt = async (): Promise<undefined | typeof lostRace> => {
      const write = await this.#updateWrite(storeId, changes, caller)
      if (!write) return undefined
      return (await this.#parts.engine.commit(write)).applied ? undefined : lostRace
    }
    await retry(limits.writeAttemptsMax, attempt, () => {
      throw storeBusy(storeId)
    })
  }

  /** Undefined: there is nothing to write. */
  async #updateWrite(
    storeId: string,
    changes: StoreChanges,
    caller: Caller,
  ): Promise<AtomicWrite | undefined> {
    const { reader, activities, environment } = this.#parts
    const snapshot = await reader.read(storeId, { keysOf: () => [], withActivity: true, caller })
    const { identity, check, activity } = snapshot
    if (isMadeAlready(identity, changes)) return undefined
    const next = changed(identity, changes, environment)
    if (caller.isTemporary && givesRights(identity, next)) throw lastingDenied()
    if (next.name !== identity.name) await this.#assertNameFree(next)
    const { stored } = reader.activityOf(snapshot)
    const isArmed = next.name !== identity.name || changes.retention !== undefined
    const armed = activities.armed(next, stored)
    const expiry = moveExpiry(storeId, {
      from: stored,
      to: isArmed ? armed : { ...armed, expiresAt: stored.expiresAt, by: stored.by },
    })
    const filing = refiled(identity, next)
    const sharing = reshared(identity, next)
    const addressing = readdressed(identity, next)
    const seeding = reseeded(identity, { next, seed: changes.seed })
    // The event about a reset has a name that says so.
    const isReset = changes.resetsSigningSecret === true
    const endsLinks = !isReset && next.signingSecret !== identity.signingSecret
    const when = { actor: caller.actor, before: check.revision, at: environment.now() }
    const event = { changes, endsLinks, ...when }
    return {
      checks: [check, ...(activity ? [activity] : []), ...filing.checks, ...addressing.checks],
      deletes: [
        ...expiry.deletes,
        ...filing.deletes,
        ...sharing.deletes,
        ...addressing.deletes,
        ...seeding.deletes,
      ],
      puts: [
        identityPut(next),
        ...(changes.isAuditedElsewhere ? [] : [changesEvent(identity, event)]),
        ...expiry.puts,
        ...filing.puts,
        ...sharing.puts,
        ...addressing.puts,
        ...seeding.puts,
      ],
      sums: filing.sums,
      isUrgent: isReset || endsLinks || sharing.deletes.length > 0,
    }
  }

  async #assertNameFree({ ownerId, name, id }: StoreIdentity): Promise<void> {
    if (name === null) return
    const holder = await this.#idOf(ownerId, name)
    if (holder === undefined || holder === id) return
    throw new StorageError('store-name-taken', `There is a store named ${name} already.`)
  }
}

function identityPut(identity: StoreIdentity): Put {
  return { key: storeKey(identity.id), value: encodeIdentity(identity) }
}

function creation(
  identity: StoreIdentity,
  activities: Activities,
  { schema, actor }: NewStore,
): AtomicWrite & { readonly checks: readonly Check[] } {
  const { id, ownerId, name, createdAt } = identity
  const at = Math.trunc(createdAt)
  const details = identity.project ? { details: { project: true } } : {}
  const made = { action: 'store-created', subject: name ?? id, at, actor, storeId: id } as const
  const event = { ...made, ...details }
  const audit = actor ? [auditPut(ownerId, event)] : []
  const filing = refiled({ ...identity, name: null }, identity)
  const addressing = readdressed({ ...identity, session: null, project: null }, identity)
  const expiry = moveExpiry(id, { from: undefined, to: activities.armed(identity) })
  const filed = ownedKeys(identity, { named: false }).map(emptyPut)
  const described = schema ? [{ key: schemaKey(id), value: schema }] : []
  return {
    checks: [{ key: storeKey(id), revision: undefined }, ...filing.checks, ...addressing.checks],
    puts: [
      identityPut(identity),
      ...audit,
      ...described,
      ...filed,
      ...expiry.puts,
      ...filing.puts,
      ...addressing.puts,
    ],
    sums: [{ key: ownerCounterKey(ownerId, 'stores'), delta: 1n }, ...filing.sums],
  }
}
