import { type Activities, moveExpiry } from './activities.ts'
import type { AtomicWrite, Bytes, Put } from './engine.ts'
import type { Environment } from './environment.ts'
import { StorageError } from './errors.ts'
import { encodeIdentity, type GeneralAccess, type StoreIdentity } from './identity.ts'
import { createId, isId, randomAlphanumerics } from './ids.ts'
import {
  innerIdBytes,
  nameKey,
  ownedKeys,
  ownerCounterKey,
  schemaKey,
  storeKey,
} from './keyspace.ts'
import { limits } from './limits.ts'
import { assertRetention, type OwnRetention } from './retention.ts'
import { Store, type StoreParts } from './store.ts'
import { listStores, type StorePage, type StoreQuery } from './store-list.ts'
import { type Guard, storeBusy, storeNotFound } from './store-reader.ts'
import { assertStoreName, assertStoreTitle, isStoreName } from './validate.ts'

const signingSecretLength = 32

export interface NewStore {
  readonly ownerId: string
  /** Undefined: unnamed, and so it expires. */
  readonly name: string | undefined
  readonly retention?: OwnRetention
  /** As `encodeSchema` makes it; it stays for as long as the store does. */
  readonly schema?: Bytes | undefined
}

/** What may be changed of a store; what is left out stays. */
export interface StoreChanges {
  /** null takes the name away, and the store's time begins again. */
  readonly name?: string | null
  readonly title?: string | null
  readonly generalAccess?: GeneralAccess
  readonly retention?: OwnRetention
}

/** All stores. Methods throw as `Store` does where the storage fails. */
export class Stores {
  readonly #parts: StoreParts
  #createdLast = 0

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /**
   * A store that exists, to be used under `guard`, which is asked at once. What the store was when
   * it was last read is enough for that: every use reads it anew.
   * Throws `store-not-found` and what the guard throws.
   */
  async find(storeId: string, guard?: Guard): Promise<Store> {
    const known = this.findKnown(storeId, guard)
    if (known) return known
    if (!isId(storeId)) throw storeNotFound(storeId)
    const store = new Store(storeId, this.#parts, guard)
    await store.identity()
    return store
  }

  /**
   * As `find`, of what this server has read before; undefined where `find` must look: also where
   * the guard refuses, since the store may have changed by now.
   */
  findKnown(storeId: string, guard?: Guard): Store | undefined {
    const known = this.#parts.identities.guess(storeId)
    if (!known || !isPassed(guard, known.identity)) return undefined
    return new Store(storeId, this.#parts, guard)
  }

  /** As `find`, by the name that its owner gave it. */
  async findByName(ownerId: string, name: string, guard?: Guard): Promise<Store> {
    const storeId = isStoreName(name) ? await this.#idOf(ownerId, name) : undefined
    if (storeId === undefined) throw storeNotFound(name.slice(0, limits.storeNameLengthMax))
    return this.find(storeId, guard)
  }

  /**
   * Always a new store. Throws `store-name-invalid`, `store-retention-invalid`, `store-name-taken`.
   */
  async create(wanted: NewStore): Promise<Store> {
    if (wanted.retention !== undefined) assertRetention(wanted.retention)
    if (wanted.name !== undefined) assertStoreName(wanted.name)
    const store = await this.#add(wanted)
    if (store) return store
    throw new StorageError('store-name-taken', `There is a store named ${wanted.name} already.`)
  }

  /**
   * The owner's store of that name, made if there is none: of many who ask at once, one makes it.
   * Throws `store-name-invalid`, `store-retention-invalid`.
   */
  async open(wanted: NewStore & { name: string }): Promise<{ store: Store; isNew: boolean }> {
    if (wanted.retention !== undefined) assertRetention(wanted.retention)
    assertStoreName(wanted.name)
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt += 1) {
      const storeId = await this.#idOf(wanted.ownerId, wanted.name)
      if (storeId !== undefined) {
        return { store: new Store(storeId, this.#parts), isNew: false }
      }
      const store = await this.#add(wanted)
      if (store) return { store, isNew: true }
    }
    throw storeBusy(wanted.name)
  }

  /**
   * Throws `store-not-found`, `store-name-invalid`, `store-name-taken`, `store-title-invalid`,
   * `store-retention-invalid`.
   */
  async update(storeId: string, changes: StoreChanges): Promise<Store> {
    if (changes.retention !== undefined) assertRetention(changes.retention)
    if (typeof changes.name === 'string') assertStoreName(changes.name)
    if (typeof changes.title === 'string') assertStoreTitle(changes.title)
    await this.#parts.queue.run(storeId, () => this.#update(storeId, changes))
    return new Store(storeId, this.#parts)
  }

  /** Some of an owner's stores. */
  async list(query: StoreQuery): Promise<StorePage> {
    return listStores(this.#parts, query)
  }

  /** Removes the store and all that is in it. Throws `store-not-found`. */
  async drop(storeId: string): Promise<void> {
    await new Store(storeId, this.#parts).identity()
    await this.#parts.lifecycle.drop(storeId)
  }

  async #idOf(ownerId: string, name: string): Promise<string | undefined> {
    const [entry] = await this.#parts.engine.get([nameKey(ownerId, name)])
    return entry && Buffer.from(entry.value).toString('latin1')
  }

  /** Undefined where another store has that name. */
  async #add(wanted: NewStore): Promise<Store | undefined> {
    const { engine, environment, activities } = this.#parts
    const identity = this.#newIdentity(wanted, environment)
    const commit = await engine.commit(creation(identity, activities, wanted.schema))
    if (!commit.applied) return undefined
    activities.noteArmed(identity)
    return new Store(identity.id, this.#parts)
  }

  #newIdentity(wanted: NewStore, environment: Environment): StoreIdentity {
    return {
      id: createId(environment),
      ownerId: wanted.ownerId,
      name: wanted.name ?? null,
      title: null,
      generalAccess: 'FOLLOW_USER_SETTING',
      contentId: Buffer.from(environment.randomBytes(innerIdBytes)),
      retention: wanted.retention ?? 'default',
      createdAt: this.#nextCreation(environment.now()),
      hasSchema: wanted.schema !== undefined,
      signingSecret: randomAlphanumerics(environment, signingSecretLength),
    }
  }

  /** Thousandths of a millisecond keep apart what this server makes within one. */
  #nextCreation(now: number): number {
    const next = Math.max(now, this.#createdLast + 0.001)
    this.#createdLast = Math.round(next * 1_000) / 1_000
    return this.#createdLast
  }

  async #update(storeId: string, changes: StoreChanges): Promise<void> {
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt += 1) {
      const write = await this.#updateWrite(storeId, changes)
      if ((await this.#parts.engine.commit(write)).applied) return
    }
    throw storeBusy(storeId)
  }

  async #updateWrite(storeId: string, changes: StoreChanges): Promise<AtomicWrite> {
    const { reader, activities } = this.#parts
    const wanted = { keysOf: () => [], withActivity: true, guard: () => undefined }
    const snapshot = await reader.read(storeId, wanted)
    const { identity, check, activity } = snapshot
    const next: StoreIdentity = { ...identity, ...changes }
    if (next.name !== identity.name) await this.#assertNameFree(next)
    const { stored } = reader.activityOf(snapshot)
    const isArmed = next.name !== identity.name || changes.retention !== undefined
    const armed = activities.armed(next, stored)
    const expiry = moveExpiry(storeId, {
      from: stored,
      to: isArmed ? armed : { ...armed, expiresAt: stored.expiresAt, by: stored.by },
    })
    const filing = refiled(identity, next)
    return {
      checks: [check, ...(activity ? [activity] : []), ...filing.checks],
      deletes: [...expiry.deletes, ...filing.deletes],
      puts: [identityPut(next), ...expiry.puts, ...filing.puts],
      sums: filing.sums,
    }
  }

  async #assertNameFree({ ownerId, name, id }: StoreIdentity): Promise<void> {
    if (name === null) return
    const holder = await this.#idOf(ownerId, name)
    if (holder === undefined || holder === id) return
    throw new StorageError('store-name-taken', `There is a store named ${name} already.`)
  }
}

function isPassed(guard: Guard | undefined, identity: StoreIdentity): boolean {
  try {
    guard?.(identity)
    return true
  } catch (error) {
    if (error instanceof StorageError) return false
    throw error
  }
}

function identityPut(identity: StoreIdentity): Put {
  return { key: storeKey(identity.id), value: encodeIdentity(identity) }
}

function creation(
  identity: StoreIdentity,
  activities: Activities,
  schema: Bytes | undefined,
): AtomicWrite {
  const { id, ownerId } = identity
  const filing = refiled({ ...identity, name: null }, identity)
  const expiry = moveExpiry(id, { from: undefined, to: activities.armed(identity) })
  const filed = ownedKeys(identity, { named: false }).map(emptyPut)
  const described = schema ? [{ key: schemaKey(id), value: schema }] : []
  return {
    checks: [{ key: storeKey(id), revision: undefined }, ...filing.checks],
    puts: [identityPut(identity), ...described, ...filed, ...expiry.puts, ...filing.puts],
    sums: [{ key: ownerCounterKey(ownerId, 'stores'), delta: 1n }, ...filing.sums],
  }
}

/**
 * What a new name changes in the files of names: the old one free, the new one taken, nobody
 * else's.
 */
function refiled(before: StoreIdentity, next: StoreIdentity): Required<AtomicWrite> {
  const { ownerId, id } = before
  const unchanged = { checks: [], deletes: [], puts: [], sums: [] }
  if (before.name === next.name) return unchanged
  const old = before.name === null ? [] : [nameKey(ownerId, before.name)]
  const taken = next.name === null ? [] : [nameKey(ownerId, next.name)]
  const filed = ownedKeys(before, { named: true })
  const delta = BigInt(Number(next.name !== null) - Number(before.name !== null))
  return {
    checks: taken.map((key) => ({ key, revision: undefined })),
    deletes: [...old, ...(delta < 0n ? filed : [])],
    puts: [
      ...taken.map((key) => ({ key, value: Buffer.from(id, 'latin1') })),
      ...(delta > 0n ? filed.map(emptyPut) : []),
    ],
    sums: delta === 0n ? [] : [{ key: ownerCounterKey(ownerId, 'named'), delta }],
  }
}

function emptyPut(key: Bytes): Put {
  return { key, value: Buffer.alloc(0) }
}
