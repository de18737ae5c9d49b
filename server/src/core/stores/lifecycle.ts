import type { KeptClock } from '../clock/kept-clock.ts'
import type { SteadyClock } from '../clock/steady-clock.ts'
import { keptUntil, markGarbage } from '../disk/garbage.ts'
import type { GarbageTally } from '../disk/garbage-tally.ts'
import {
  activityKey,
  clockKey,
  counterKey,
  expiryKey,
  innerIdBytes,
  nameKey,
  ownedKeys,
  ownedProjectKey,
  ownerCounterKey,
  recordKey,
  schemaKey,
  seedKey,
  sharedKey,
  storeKey,
  userKey,
} from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type {
  AtomicWrite,
  Commit,
  Entry,
  Put,
  StorageEngine,
  WriteParts,
} from '../engine/engine.ts'
import { type Activities, moveExpiry } from '../identity/activities.ts'
import { decodeActivity } from '../identity/activity.ts'
import { type Caller, system } from '../identity/caller.ts'
import { encodeIdentity, type IdentityCache, type StoreIdentity } from '../identity/identity.ts'
import { endsByClearing } from '../identity/retention.ts'
import { eventsOfMany } from '../identity/store-audit.ts'
import { addressKeys } from '../identity/store-filing.ts'
import { accessOf, storeBusy, storeNotFound } from '../identity/store-reader.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import { type AuditAction, auditPut } from '../log/audit.ts'
import { type ChangeKind, type ChangeOfMany, changePut, changesPut } from '../log/change.ts'
import type { ChangeTrimmer } from '../log/change-trimmer.ts'
import type { WholeRecord } from '../records/record.ts'
import { infoOfWhole } from '../records/record-write.ts'
import { assertBatch, assertOneCommit, assertOpensNoStore } from '../records/validate.ts'
import { encodeInfo } from '../values/record-info.ts'

interface Found {
  readonly identity: StoreIdentity
  readonly store: Entry
  readonly activity: Entry
  /** The counters of records and of their stored bytes. */
  readonly recordsEntry: Entry | undefined
  readonly bytesEntry: Entry | undefined
}

/**
 * Drops, clears and expires stores: in one small commit that replaces or removes the content id and
 * leaves a garbage mark. The sweeper then removes the records of the old content id.
 */
export class Lifecycle {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #clock: SteadyClock
  readonly #keptClock: KeptClock
  readonly #identities: IdentityCache
  readonly #activities: Activities
  readonly #trimmer: ChangeTrimmer
  readonly #tally: GarbageTally
  /** Stores that have expired and that neither the log nor the audit trail names yet. */
  readonly #expired: StoreIdentity[] = []

  constructor(parts: {
    engine: StorageEngine
    environment: Environment
    clock: SteadyClock
    keptClock: KeptClock
    identities: IdentityCache
    activities: Activities
    trimmer: ChangeTrimmer
    tally: GarbageTally
  }) {
    this.#engine = parts.engine
    this.#environment = parts.environment
    this.#clock = parts.clock
    this.#keptClock = parts.keptClock
    this.#identities = parts.identities
    this.#activities = parts.activities
    this.#trimmer = parts.trimmer
    this.#tally = parts.tally
  }

  /** Throws `store-not-found`, `store-busy` and what the caller throws. */
  async drop(storeId: string, caller: Caller = system): Promise<void> {
    await this.#write(storeId, async (found) => {
      await this.#assertAllowed(caller, found)
      return this.#dropWrite(found, { kind: 'drop', caller })
    })
  }

  /** Throws `store-not-found`, `store-busy` and what the caller throws. */
  async clear(storeId: string, caller: Caller = system): Promise<void> {
    await this.#write(storeId, async (found) => {
      await this.#assertAllowed(caller, found)
      const { identity, activity } = found
      const isOver = await this.#activities.isExpired(identity, activity)
      if (isOver && !endsByClearing(identity)) throw storeNotFound(storeId)
      return this.#clearWrite(found, { kind: 'clear', caller })
    })
  }

  /**
   * Replaces all records with these, in one commit. Returns how many there were before. Throws as
   * `clear`, and `too-many`.
   */
  async replaceAll(
    storeId: string,
    records: readonly WholeRecord[],
    caller: Caller = system,
  ): Promise<number> {
    assertBatch(records.map(({ key }) => key))
    assertOneCommit(records.map((record) => ({ key: record.key, record })))
    for (const { key } of records) assertOpensNoStore(key, storeId)
    let count = 0
    await this.#write(storeId, async (found) => {
      await this.#assertAllowed(caller, found)
      const { identity, activity } = found
      const isOver = await this.#activities.isExpired(identity, activity)
      if (isOver && !endsByClearing(identity)) throw storeNotFound(storeId)
      count = isOver ? 0 : Number(totalOf(found.recordsEntry))
      return this.#replacement(found, records, caller)
    })
    return count
  }

  /**
   * Drops or clears the store if it has expired, which each attempt decides again: also if somebody
   * confirms the clock meanwhile.
   */
  async expire(storeId: string): Promise<void> {
    let ended: StoreIdentity | undefined
    await this.#write(storeId, async (found) => {
      const { identity, activity } = found
      ended = undefined
      const confirmed = await this.#keptClock.adoptConfirmation()
      if (!(await this.#activities.isExpired(identity, activity))) return undefined
      const isCleared = endsByClearing(identity)
      if (isCleared && isEmpty(found)) return this.#rearmWrite(found)
      ended = identity
      const ending = { kind: 'expire', caller: system } as const
      const write = isCleared ? this.#clearWrite(found, ending) : this.#dropWrite(found, ending)
      const check = { key: clockKey, revision: confirmed?.revision }
      return { ...write, checks: [...(write.checks ?? []), check] }
    })
    if (ended) this.#expired.push(ended)
  }

  /**
   * Says which stores have expired since the last call: in one line of the log, and to the owners
   * of those that were deleted. What was cleared stands in its store's own change log.
   */
  async tellExpired(): Promise<void> {
    const ended = this.#expired.splice(0)
    if (ended.length === 0) return
    this.#logEnded(ended)
    const deleted = ended.filter((store) => !endsByClearing(store))
    const event = { action: actions.expire, at: this.#clock.now(), actor: undefined } as const
    for (const put of eventsOfMany(deleted, event))
      await this.#engine.commit({ puts: [put], isUrgent: true })
  }

  #logEnded(ended: readonly StoreIdentity[]): void {
    const named = ended.slice(0, limits.expiredStoresNamedMax).map((store) => endedText(store))
    const more = ended.length - named.length
    const what = ended.length === 1 ? '1 store' : `${ended.length} stores`
    const list = `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
    this.#environment.logError(`${what} expired: ${list}.`, undefined)
  }

  async #write(
    storeId: string,
    writeOf: (found: Found) => AtomicWrite | Promise<AtomicWrite | undefined>,
  ): Promise<void> {
    const attempt = async (): Promise<undefined | typeof lostRace> => {
      const write = await writeOf(await this.#find(storeId))
      if (!write) return
      const commit = await this.#commit(storeId, write)
      if (!commit.applied) return lostRace
      this.#tally.note(write)
      // Starting a store's time again logs no change.
      const isLogged = write.puts?.some(({ stamped }) => stamped) ?? false
      if (isLogged) this.#trimmer.note(storeId, commit.revision)
      return
    }
    await retry(limits.writeAttemptsMax, attempt, () => {
      throw storeBusy(storeId)
    })
  }

  async #commit(storeId: string, write: AtomicWrite): Promise<Commit> {
    try {
      return await this.#engine.commit(write)
    } catch (error) {
      this.#trimmer.noteFailure(storeId, error)
      throw error
    }
  }

  async #find(storeId: string): Promise<Found> {
    const counters = [counterKey(storeId, 'bytes'), counterKey(storeId, 'records')]
    const keys = [storeKey(storeId), activityKey(storeId), ...counters]
    const [store, activity, bytesEntry, recordsEntry] = await this.#engine.get(keys)
    if (!store || !activity) throw storeNotFound(storeId)
    const { identity } = this.#identities.decode(storeId, store)
    return { identity, store, activity, recordsEntry, bytesEntry }
  }

  async #assertAllowed(caller: Caller, { identity }: Found): Promise<void> {
    const asks = caller.asksOwner(identity)
    const [owner] = asks ? await this.#engine.get([userKey(identity.ownerId)]) : []
    caller.assert(identity, accessOf(owner))
  }

  #dropWrite(found: Found, ending: Ending): AtomicWrite {
    const { identity, store, activity, bytesEntry } = found
    const bytes = Number(totalOf(bytesEntry))
    const { id, ownerId, name } = identity
    const now = this.#clock.now()
    const { expiresAt } = decodeActivity(activity)
    const deletes = [
      storeKey(id),
      activityKey(id),
      ...ownedKeys(identity, { named: false }),
      counterKey(id, 'records'),
      counterKey(id, 'bytes'),
      ...Object.keys(identity.shares).map((userId) => sharedKey(userId, id)),
    ]
    if (expiresAt > 0) deletes.push(expiryKey(expiresAt, id))
    if (identity.hasSchema) deletes.push(schemaKey(id))
    deletes.push(...addressKeys(identity))
    if (identity.project) deletes.push(ownedProjectKey(identity))
    if (identity.project?.hasSeed) deletes.push(seedKey(id))
    const sums = [{ key: ownerCounterKey(ownerId, 'stores'), delta: -1n }]
    if (name !== null) {
      deletes.push(nameKey(ownerId, name), ...ownedKeys(identity, { named: true }))
      sums.push({ key: ownerCounterKey(ownerId, 'named'), delta: -1n })
    }
    const mark = markGarbage(identity.contentId, { kind: 'content', bytes, dueAt: keptUntil(now) })
    return {
      // The activity is checked too: a renewal meanwhile saves the store, and its expiry entry must
      // be the one that is deleted.
      checks: [store, activity],
      deletes,
      puts: [...this.#told(found, ending), ...mark.puts],
      sums: [...sums, ...mark.sums],
    }
  }

  /** Starts the time of an expired store again that has no records: nothing to clear or to log. */
  #rearmWrite({ identity, store, activity, recordsEntry }: Found): AtomicWrite {
    const before = decodeActivity(activity)
    const { expiresAt, by } = this.#activities.armed(identity, before)
    const counter = { key: counterKey(identity.id, 'records'), revision: recordsEntry?.revision }
    return {
      checks: [store, activity, counter],
      ...moveExpiry(identity.id, { from: before, to: { ...before, expiresAt, by } }),
    }
  }

  #clearWrite(found: Found, ending: Ending): AtomicWrite {
    const { id } = found.identity
    const { checks, deletes, puts, sums } = this.#emptied(found)
    return {
      checks,
      deletes: [counterKey(id, 'records'), counterKey(id, 'bytes'), ...deletes],
      puts: [...puts, ...this.#told(found, ending)],
      sums,
    }
  }

  /**
   * Sets the counters to the new totals, so the commit checks that they are still as they were
   * read.
   */
  #replacement(found: Found, records: readonly WholeRecord[], { actor }: Caller): AtomicWrite {
    const { identity, recordsEntry, bytesEntry } = found
    const { contentId, checks, deletes, puts, sums } = this.#emptied(found)
    const now = this.#clock.now()
    const createValueId = (): Bytes => this.#environment.randomBytes(innerIdBytes)
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0)
    const counters = [
      { key: counterKey(identity.id, 'records'), entry: recordsEntry, total: records.length },
      { key: counterKey(identity.id, 'bytes'), entry: bytesEntry, total: bytes },
    ]
    return {
      checks: [
        ...checks,
        ...counters.map(({ key, entry }) => ({ key, revision: entry?.revision })),
      ],
      deletes,
      puts: [
        ...puts,
        changesPut(identity.id, {
          at: now,
          actor,
          changes: changesOf(found, records),
        }),
        ...records.flatMap((record) => {
          const { next, chunks } = infoOfWhole(record, { now, createValueId })
          return [{ key: recordKey(contentId, record.key), value: encodeInfo(next) }, ...chunks]
        }),
      ],
      sums: [
        ...sums,
        ...counters
          .map(({ key, entry, total }) => ({ key, delta: BigInt(total) - totalOf(entry) }))
          .filter(({ delta }) => delta !== 0n),
      ],
    }
  }

  /**
   * The store with a new content id, and its time started again. The old content becomes garbage.
   */
  #emptied({ identity, store, activity, bytesEntry }: Found): Emptied {
    const { id } = identity
    const contentId = Buffer.from(this.#environment.randomBytes(innerIdBytes))
    const before = decodeActivity(activity)
    const expiry = moveExpiry(id, { from: before, to: this.#activities.armed(identity, before) })
    const dueAt = keptUntil(this.#clock.now())
    const bytes = Number(totalOf(bytesEntry))
    const mark = markGarbage(identity.contentId, { kind: 'content', bytes, dueAt })
    const own = { key: storeKey(id), value: encodeIdentity({ ...identity, contentId }) }
    return {
      contentId,
      checks: [store, activity],
      deletes: expiry.deletes,
      puts: [own, ...expiry.puts, ...mark.puts],
      sums: mark.sums,
    }
  }

  /** The entries for the change log and, unless `tellExpired` does that, for the audit trail. */
  #told({ identity, store }: Found, { kind, caller: { actor } }: Ending): Put[] {
    const at = this.#clock.now()
    const { id, ownerId, name } = identity
    const before = store.revision
    const change = changePut(id, { kind, key: '', size: 0, at, actor, before })
    if (kind === 'expire') return [change]
    const event = { action: actions[kind], subject: name ?? id, at, actor, storeId: id, before }
    return [change, auditPut(ownerId, event)]
  }
}

interface Emptied extends Required<WriteParts> {
  readonly contentId: Buffer
}

/** The changes of a replacement: a clear, then the new records. */
function changesOf(
  { store, recordsEntry }: Found,
  records: readonly WholeRecord[],
): readonly ChangeOfMany[] {
  const cleared = { kind: 'clear', key: '', size: 0, before: store.revision } as const
  const puts = records.map(({ key, bytes }) => ({ kind: 'put', key, size: bytes.length }) as const)
  return totalOf(recordsEntry) === 0n && puts.length > 0 ? puts : [cleared, ...puts]
}

const actions = {
  drop: 'store-dropped',
  clear: 'store-cleared',
  expire: 'store-expired',
} as const satisfies Partial<Record<ChangeKind, AuditAction>>

/** How a store is dropped or cleared, and by which caller. */
interface Ending {
  readonly kind: keyof typeof actions
  readonly caller: Caller
}

function endedText(identity: StoreIdentity): string {
  const { id, ownerId } = identity
  return `${id} of user ${ownerId} (${endsByClearing(identity) ? 'cleared' : 'deleted'})`
}

/** A damaged counter does not count as empty. */
function isEmpty({ recordsEntry }: Found): boolean {
  return !recordsEntry?.isDamaged && totalOf(recordsEntry) === 0n
}
