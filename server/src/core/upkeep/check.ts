import { assertFormat } from '../disk/format.ts'
import { decodeGarbage } from '../disk/garbage.ts'
import {
  activityKey,
  counterKey,
  counterOwnerOf,
  expiryKey,
  expiryOf,
  formatKey,
  garbageOf,
  garbageTotalKey,
  kindRange,
  leaseValueIdOf,
  nameKey,
  ownedKeys,
  ownedProjectKey,
  ownedStoreIdOf,
  ownerCounterKey,
  schemaKey,
  sharedKey,
  storeIdOf,
  storeKey,
  tokenDigestOf,
  tokenKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import { totalOf } from '../engine/counter.ts'
import type { Entry, StorageEngine } from '../engine/engine.ts'
import { decodeActivity } from '../identity/activity.ts'
import { IdentityCache, type StoreIdentity } from '../identity/identity.ts'
import { addressKeys } from '../identity/store-filing.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { type ContentTotals, checkValues } from './check-values.ts'

/** The result of a check of all data. */
export interface CheckReport {
  readonly stores: number
  readonly records: number
  /** Stored bytes of all values. */
  readonly bytes: number
  /** A sentence each; at most 1,000 are kept. */
  readonly problems: readonly string[]
  readonly problemCount: number
  /** Sentences about the storage's own files: what may be missing. They are no problems. */
  readonly notes: readonly string[]
}

export interface CheckOptions {
  /** Called regularly: `done` of about `total` records were checked. */
  readonly onProgress?: (done: number, total: number) => void
}

const ownedKinds = ['owned', 'ownedNewest', 'ownedNamed', 'ownedNamedNewest'] as const
/** Entries of these kinds have their checksums verified, in addition to the other checks. */
const plainKinds = [
  ...ownedKinds,
  'audit',
  'change',
  'changesTrimmed',
  'clock',
  'counter',
  'expiry',
  'format',
  'garbage',
  'garbageTotal',
  'idempotency',
  'instance',
  'lease',
  'name',
  'ownedProject',
  'ownerCounter',
  'project',
  'schema',
  'seed',
  'session',
  'shared',
  'token',
  'tokenUse',
  'user',
  'username',
] as const

/**
 * Reads all data and compares everything that is stored twice. Run it only while nobody writes.
 * Reads every byte of every value and verifies its checksum.
 * Throws StorageError `storage-unavailable` for a newer format and for an incomplete copy.
 */
export async function check(
  engine: StorageEngine,
  options: CheckOptions = {},
): Promise<CheckReport> {
  return new Checker(engine, options).run()
}

class Checker {
  readonly #engine: StorageEngine
  readonly #options: CheckOptions
  readonly #identities = new IdentityCache()
  readonly #problems: string[] = []
  #problemCount = 0
  readonly #storeIds = new Set<string>()
  /** Stores that should have a seed. */
  readonly #seeded = new Set<string>()
  /**
   * By content id in hex: the contents of stores, and those that wait for the sweeper (without a
   * store).
   */
  readonly #contents = new Map<string, ContentTotals>()
  /** Value ids in hex that something points to. */
  readonly #values = new Set<string>()
  readonly #owners = new Map<string, { stores: bigint; named: bigint }>()
  #recordsExpected = 0

  constructor(engine: StorageEngine, options: CheckOptions) {
    this.#engine = engine
    this.#options = options
  }

  async run(): Promise<CheckReport> {
    const [format] = await this.#engine.get([formatKey])
    if (format && !format.isDamaged) assertFormat(format)
    await this.#checkStores()
    await this.#checkSchemas()
    await this.#checkSeeds()
    await this.#checkFiles()
    await this.#checkExpiries()
    await this.#checkTokenUses()
    await this.#collectGarbage()
    for await (const entry of walk(this.#engine, kindRange('lease'))) {
      this.#values.add(asBuffer(leaseValueIdOf(entry.key)).toString('hex'))
    }
    const totals = await checkValues(this.#engine, {
      contents: this.#contents,
      values: this.#values,
      report: (problem) => this.#report(problem),
      onRecord: (done) => this.#options.onProgress?.(done, Math.max(done, this.#recordsExpected)),
    })
    await this.#checkCounters()
    for (const kind of plainKinds) await this.#checkPlain(kind)
    return {
      stores: this.#storeIds.size,
      ...totals,
      problems: this.#problems,
      problemCount: this.#problemCount,
      notes: [],
    }
  }

  async #checkStores(): Promise<void> {
    for await (const entry of walk(this.#engine, kindRange('store'))) {
      const identity = this.#decode(entry)
      if (identity) await this.#checkStore(identity)
    }
  }

  #decode(entry: Entry): StoreIdentity | undefined {
    const storeId = storeIdOf(entry.key)
    this.#storeIds.add(storeId)
    try {
      return this.#identities.decode(storeId, entry).identity
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.#report(error.message)
      return undefined
    }
  }

  async #checkStore(identity: StoreIdentity): Promise<void> {
    const { id, ownerId, name, contentId } = identity
    this.#contents.set(contentId.toString('hex'), { storeId: id, records: 0, bytes: 0 })
    const owner = this.#owners.get(ownerId) ?? { stores: 0n, named: 0n }
    owner.stores += 1n
    owner.named += name === null ? 0n : 1n
    this.#owners.set(ownerId, owner)
    const keys = [activityKey(id), counterKey(id, 'records'), ...filedKeys(identity)]
    const [activity, records, ...filed] = await this.#engine.get(keys)
    this.#recordsExpected += Number(totalOf(records))
    if (filed.includes(undefined)) this.#report(`Store ${id} is missing from an index.`)
    await this.#checkSchema(identity)
    if (identity.project?.hasSeed) this.#seeded.add(id)
    if (!activity || activity.isDamaged) this.#report(`The activity of store ${id} is lost.`)
    else await this.#checkExpiry(id, decodeActivity(activity).expiresAt)
  }

  async #checkSchema({ id, hasSchema }: StoreIdentity): Promise<void> {
    if (!hasSchema) return
    const [schema] = await this.#engine.get([schemaKey(id)])
    if (!schema) this.#report(`The schema of store ${id} is lost.`)
  }

  /** Finds schemas of stores that are gone. */
  async #checkSchemas(): Promise<void> {
    for await (const { key } of walk(this.#engine, kindRange('schema'))) {
      const storeId = storeIdOf(key)
      if (!this.#storeIds.has(storeId)) this.#report(`A schema of store ${storeId} is left over.`)
    }
  }

  /** Checks that exactly the seeds exist that stores should have. */
  async #checkSeeds(): Promise<void> {
    const found = new Set<string>()
    for await (const { key } of walk(this.#engine, kindRange('seed'))) {
      const storeId = storeIdOf(key)
      found.add(storeId)
      if (!this.#seeded.has(storeId)) this.#report(`A seed of store ${storeId} is left over.`)
    }
    for (const storeId of this.#seeded) {
      if (!found.has(storeId)) this.#report(`The seed of store ${storeId} is lost.`)
    }
  }

  async #checkExpiry(storeId: string, expiresAt: number): Promise<void> {
    if (expiresAt === 0) return
    const [mark] = await this.#engine.get([expiryKey(expiresAt, storeId)])
    if (!mark) this.#report(`Store ${storeId} is missing from the index of expiries.`)
  }

  /** Checks that every index entry matches its store. */
  async #checkFiles(): Promise<void> {
    for (const kind of [...ownedKinds, 'shared', 'ownedProject'] as const) {
      for await (const { key } of walk(this.#engine, kindRange(kind))) {
        await this.#checkFiled(key, { kind, storeId: ownedStoreIdOf(key) })
      }
    }
    for (const kind of ['name', 'session', 'project'] as const) {
      for await (const { key, value, isDamaged } of walk(this.#engine, kindRange(kind))) {
        if (isDamaged && kind !== 'name') continue // reported by `#checkPlain`
        await this.#checkFiled(key, { kind, storeId: asBuffer(value).toString('latin1') })
      }
    }
  }

  async #checkFiled(
    key: Bytes,
    { kind, storeId }: { kind: string; storeId: string },
  ): Promise<void> {
    const [store] = await this.#engine.get([storeKey(storeId)])
    if (store?.isDamaged) return
    const filed = store ? filedKeys(this.#identities.decode(storeId, store).identity) : []
    if (filed.some((one) => one.equals(key))) return
    this.#report(`Store ${storeId} is in the index ${kind} but should not be.`)
  }

  async #checkExpiries(): Promise<void> {
    for await (const { key } of walk(this.#engine, kindRange('expiry'))) {
      const { dueAt, storeId } = expiryOf(key)
      const [activity] = await this.#engine.get([activityKey(storeId)])
      if (activity && decodeActivity(activity).expiresAt === dueAt) continue
      this.#report(`The index of expiries has a wrong time for store ${storeId}: ${dueAt}.`)
    }
    for await (const { key } of walk(this.#engine, kindRange('activity'))) {
      const storeId = storeIdOf(key)
      if (!this.#storeIds.has(storeId))
        this.#report(`An activity of store ${storeId} is left over.`)
    }
  }

  /** Finds last uses of tokens that are gone. */
  async #checkTokenUses(): Promise<void> {
    for await (const { key } of walk(this.#engine, kindRange('tokenUse'))) {
      const digest = tokenDigestOf(key)
      const [token] = await this.#engine.get([tokenKey(digest)])
      const id = asBuffer(digest).toString('hex').slice(0, 16)
      if (!token) this.#report(`A last use of token ${id} is left over.`)
    }
  }

  async #collectGarbage(): Promise<void> {
    let total = 0n
    for await (const { key, value, isDamaged } of walk(this.#engine, kindRange('garbage'))) {
      if (isDamaged) continue
      const { kind, bytes } = decodeGarbage(value)
      const id = asBuffer(garbageOf(key).id).toString('hex')
      total += BigInt(bytes)
      if (kind === 'value') this.#values.add(id)
      else this.#contents.set(id, { storeId: undefined, records: 0, bytes: 0 })
    }
    await this.#compare('The bytes that wait for the sweeper', garbageTotalKey, total)
  }

  async #checkCounters(): Promise<void> {
    for (const { storeId, records, bytes } of this.#contents.values()) {
      if (storeId === undefined) continue
      const of = `of store ${storeId}`
      await this.#compare(`The records ${of}`, counterKey(storeId, 'records'), BigInt(records))
      await this.#compare(`The bytes ${of}`, counterKey(storeId, 'bytes'), BigInt(bytes))
    }
    for (const [ownerId, { stores, named }] of this.#owners) {
      const of = `of owner ${ownerId}`
      await this.#compare(`The stores ${of}`, ownerCounterKey(ownerId, 'stores'), stores)
      await this.#compare(`The named stores ${of}`, ownerCounterKey(ownerId, 'named'), named)
    }
    for await (const { key } of walk(this.#engine, kindRange('counter'))) {
      const storeId = storeIdOf(key)
      if (!this.#storeIds.has(storeId)) this.#report(`A counter of store ${storeId} is left over.`)
    }
    for await (const entry of walk(this.#engine, kindRange('ownerCounter'))) {
      const ownerId = counterOwnerOf(entry.key)
      if (this.#owners.has(ownerId) || totalOf(entry) === 0n) continue
      this.#report(`Owner ${ownerId} has no stores, but the counter says ${totalOf(entry)}.`)
    }
  }

  async #compare(what: string, key: Buffer, counted: bigint): Promise<void> {
    const [entry] = await this.#engine.get([key])
    const kept = totalOf(entry)
    if (kept !== counted) this.#report(`${what} are ${counted}, but the counter says ${kept}.`)
  }

  async #checkPlain(kind: (typeof plainKinds)[number]): Promise<void> {
    for await (const entry of walk(this.#engine, kindRange(kind))) {
      if (entry.isDamaged) this.#report(`An entry of the kind ${kind} is damaged.`)
    }
  }

  #report(problem: string): void {
    this.#problemCount += 1
    if (this.#problems.length < limits.checkProblemsMax) this.#problems.push(problem)
  }
}

/** All index entries that the store must have. It may have no others. */
function filedKeys(identity: StoreIdentity): Buffer[] {
  const { id, ownerId, name, shares } = identity
  const shared = Object.keys(shares).map((userId) => sharedKey(userId, id))
  const projects = identity.project ? [ownedProjectKey(identity)] : []
  const addresses = [...addressKeys(identity), ...projects]
  const always = [...ownedKeys(identity, { named: false }), ...shared, ...addresses]
  if (name === null) return always
  return [...always, nameKey(ownerId, name), ...ownedKeys(identity, { named: true })]
}
