import type { KeptClock } from '../clock/kept-clock.ts'
import type { SteadyClock } from '../clock/steady-clock.ts'
import { activityKey, expiryKey, instanceKey, storeKey } from '../disk/keyspace.ts'
import type { AtomicWrite, Entry, StorageEngine } from '../engine/engine.ts'
import type { Awaitable } from '../kernel/awaitable.ts'
import type { Background } from '../kernel/background.ts'
import type { Environment } from '../kernel/environment.ts'
import { KeyQueue } from '../kernel/key-queue.ts'
import { limits } from '../kernel/limits.ts'
import { lostRace, retry } from '../kernel/retry.ts'
import {
  decodeActivity,
  encodeActivity,
  instanceBytes,
  type StoreActivity,
  type StoreUse,
  severalInstances,
  useCounters,
} from './activity.ts'
import type { IdentityCache, StoreIdentity } from './identity.ts'
import { endsByClearing, type Retention, renewalDelayMs, retentionInForce } from './retention.ts'

/** The uses of a store that this server knows of and has not written yet. */
interface Pending {
  flushedAt: number
  /** A flush is queued, which will take the values below. */
  isQueued: boolean
  modifiedAt: number
  accessedAt: number
  /** The time of the last use that renewed the store; 0: none. */
  renewedAt: number
  /** The last `renewedAt` that a flush has taken; 0: none, or that flush failed. */
  renewalTakenAt: number
  readonly counts: Record<(typeof useCounters)[StoreUse], number>
}

/** For a store without pending uses on this server. */
const unused: Readonly<Pending> = {
  flushedAt: 0,
  isQueued: false,
  modifiedAt: 0,
  accessedAt: 0,
  renewedAt: 0,
  renewalTakenAt: 0,
  counts: { reads: 0, writes: 0, deletes: 0, lists: 0 },
}

/**
 * The stores' activity. Uses are noted in memory and written rarely, so that the writes of a busy
 * store do not conflict. A renewal may stay unwritten only while the stored expiry is at most
 * `renewalDelayMs` too early, and only if the stored stamp (`by`) names this server, or several
 * servers. Unwritten renewals are lost in a crash, and other servers cannot see them. Therefore a
 * store lives `renewalDelayMs` longer if a server in its stamp still runs or did not stop in order.
 * A store never ends early.
 */
export class Activities {
  readonly #engine: StorageEngine
  readonly #clock: SteadyClock
  readonly #keptClock: KeptClock
  readonly #background: Background
  readonly #identities: IdentityCache
  readonly #unnamed: Retention | undefined
  readonly #isReadOnly: boolean
  readonly #instance: Buffer
  readonly #pending = new Map<string, Pending>()
  /** With its patience, so that waits for one flush after the other do not add up. */
  readonly #flushes: KeyQueue

  constructor(parts: {
    engine: StorageEngine
    environment: Environment
    clock: SteadyClock
    keptClock: KeptClock
    background: Background
    identities: IdentityCache
    unnamedRetention: Retention | undefined
    /** Whether no use is noted, because nothing can be written. */
    isReadOnly?: boolean
  }) {
    this.#engine = parts.engine
    this.#clock = parts.clock
    this.#keptClock = parts.keptClock
    this.#background = parts.background
    this.#identities = parts.identities
    this.#unnamed = parts.unnamedRetention
    this.#isReadOnly = parts.isReadOnly ?? false
    this.#flushes = new KeyQueue(parts.engine.patience)
    this.#instance = Buffer.from(parts.environment.randomBytes(instanceBytes))
  }

  /**
   * Registers this server as running: activities that it stamps from now on may be older than what
   * it knows.
   */
  async start(): Promise<void> {
    const value = Buffer.from(String(this.#clock.now()))
    const puts = [{ key: instanceKey(this.#instance), value }]
    await this.#engine.commit({ puts, isUrgent: true })
  }

  /**
   * Writes all pending uses. If nothing is left, removes the registration of this server, which
   * says that the stored activities are complete.
   */
  async stop(): Promise<void> {
    await this.flushAll()
    if (![...this.#pending.values()].every(isEmpty)) return
    await this.#engine.commit({ deletes: [instanceKey(this.#instance)] })
  }

  /** Whether the store can expire at all, so that its activity must be read. */
  canExpire(identity: StoreIdentity): boolean {
    return this.#retention(identity) !== undefined
  }

  /**
   * The activity of a store that is created, renamed or cleared now. `stored` is its stored
   * activity so far. The next flush adds the uses that are only in memory.
   */
  armed(identity: StoreIdentity, stored?: StoreActivity): StoreActivity {
    const now = this.#clock.now()
    const retention = this.#retention(identity)
    return {
      reads: stored?.reads ?? 0,
      writes: stored?.writes ?? 0,
      deletes: stored?.deletes ?? 0,
      lists: stored?.lists ?? 0,
      accessedAt: Math.max(now, stored?.accessedAt ?? 0),
      modifiedAt: Math.max(now, stored?.modifiedAt ?? 0),
      expiresAt: retention ? this.#clock.renewal() + retention.ttlMs : 0,
      by: this.#instance,
    }
  }

  /** To be called after a store was stored with `armed()`: it needs no flush for a while. */
  noteArmed(identity: StoreIdentity): void {
    this.#pendingOf(identity.id).flushedAt = this.#clock.now()
  }

  /**
   * Notes a use, and writes it in the background if that is due. Returns a promise if the caller
   * must wait for that write: otherwise a server that does not know of this use could end the store
   * first. The promise never rejects.
   */
  touch(
    snapshot: { identity: StoreIdentity; activity: Entry | undefined },
    use: StoreUse,
  ): Promise<void> | undefined {
    if (this.#isReadOnly) return
    const { identity, activity } = snapshot
    const now = this.#clock.now()
    const pending = this.#pendingOf(identity.id)
    const retention = this.#retention(identity)
    pending.accessedAt = now
    if (use === 'write' || use === 'delete') pending.modifiedAt = now
    pending.counts[useCounters[use]] += 1
    let writtenAt = pending.flushedAt
    if (retention && activity && renews(retention, use)) {
      const stored = decodeActivity(activity)
      pending.renewedAt = this.#clock.renewal()
      if (this.#mayEndUnasked(stored)) return this.#writeNow(identity.id)
      writtenAt = this.#renewalWrittenAt(pending, stored, retention)
    }
    if (pending.isQueued || now - writtenAt < renewalDelayMs(retention)) return
    pending.isQueued = true
    void this.#writeNow(identity.id)
    return
  }

  /** When a store with this stored activity expires, as far as it is stored. */
  expiryOf(identity: StoreIdentity, { expiresAt }: StoreActivity): number {
    const retention = this.#retention(identity)
    if (!retention || expiresAt === 0) return expiresAt
    return this.#clock.dueAt(expiresAt, retention.ttlMs)
  }

  /** The stored activity, updated with the uses that only this server knows of. */
  current(identity: StoreIdentity, stored: StoreActivity): StoreActivity {
    const pending = this.#pending.get(identity.id) ?? unused
    const current = merged(stored, pending, this.#retention(identity))
    return { ...current, expiresAt: this.expiryOf(identity, current) }
  }

  /**
   * Whether the store has expired. `entry` is its activity entry. Before the answer is yes, this
   * asks what other servers have confirmed: their time counts from then on.
   */
  isExpired(identity: StoreIdentity, entry: Entry): Awaitable<boolean> {
    const stored = decodeActivity(entry)
    if (!this.#isDue(identity, stored)) return false
    return this.#keptClock.adoptConfirmation().then(() => this.#isOver(identity, stored))
  }

  #isDue(identity: StoreIdentity, stored: StoreActivity): boolean {
    const { expiresAt } = this.current(identity, stored)
    if (expiresAt === 0 || this.#clock.steady() < expiresAt || this.#clock.isHeld) return false
    // A store that ends by clearing would first have to be cleared, which is a write.
    return this.canExpire(identity) && !(this.#isReadOnly && endsByClearing(identity))
  }

  #isOver(identity: StoreIdentity, stored: StoreActivity): Awaitable<boolean> {
    const retention = this.#retention(identity)
    if (!retention || !this.#isDue(identity, stored)) return false
    const { expiresAt } = this.current(identity, stored)
    if (this.#clock.steady() >= expiresAt + renewalDelayMs(retention)) return true
    return this.#othersMayKnow(stored).then((mayKnow) => !mayKnow)
  }

  /** Writes the pending uses of one store, if any, after a running flush of that store. */
  flush(storeId: string): Promise<void> {
    return this.#flushes.run(storeId, () => this.#flush(storeId))
  }

  /** Writes all pending uses, and forgets the stores that were not used for a while. */
  async flushAll(): Promise<void> {
    const now = this.#clock.now()
    const storeIds = [...this.#pending.keys()]
    while (storeIds.length > 0) {
      const batch = storeIds.splice(-limits.activityFlushesAtOnceMax)
      await Promise.all(batch.map((storeId) => this.flush(storeId)))
    }
    for (const [storeId, pending] of this.#pending) {
      const isIdle = now - pending.flushedAt >= limits.activityFlushMsMax
      if (isIdle && isEmpty(pending)) this.#pending.delete(storeId)
    }
  }

  /**
   * A failure is only logged, since it is no reason to refuse the use itself: a full disk can still
   * be read.
   */
  async #writeNow(storeId: string): Promise<void> {
    const work = this.flush(storeId)
    this.#background.start('Writing the last use of a store', work)
    await Promise.allSettled([work])
  }

  async #flush(storeId: string): Promise<void> {
    const pending = this.#pending.get(storeId)
    if (!pending) return
    pending.isQueued = false
    if (isEmpty(pending)) return
    const taken = { ...pending, counts: { ...pending.counts } }
    pending.flushedAt = this.#clock.now()
    pending.renewalTakenAt = taken.renewedAt
    let outcome: 'written' | 'gone' | 'busy' = 'busy'
    try {
      outcome = await this.#write(storeId, taken)
    } finally {
      if (outcome === 'busy') pending.renewalTakenAt = 0
    }
    if (outcome === 'gone') this.#pending.delete(storeId)
    if (outcome === 'written') forgetTaken(pending, taken)
  }

  /** `busy`: the store changed in each attempt. The uses stay pending. */
  async #write(storeId: string, taken: Pending): Promise<'written' | 'gone' | 'busy'> {
    const attempt = async (): Promise<'written' | 'gone' | typeof lostRace> => {
      const keys = [storeKey(storeId), activityKey(storeId)]
      const [store, activity] = await this.#engine.get(keys)
      if (!store || store.isDamaged || !activity) return 'gone'
      const { identity } = this.#identities.decode(storeId, store)
      const stored = decodeActivity(activity)
      const by = (await this.#othersMayKnow(stored)) ? severalInstances : this.#instance
      const next = { ...merged(stored, taken, this.#retention(identity)), by }
      const commit = await this.#engine.commit({
        checks: [store, activity],
        ...moveExpiry(storeId, { from: stored, to: next }),
        isUrgent: true,
      })
      return commit.applied ? 'written' : lostRace
    }
    return retry<'written' | 'gone' | 'busy'>(limits.commitAttemptsMax, attempt, () => 'busy')
  }

  /**
   * The time of the last renewal in the stored expiry, or in the one that a running flush writes.
   */
  #renewalWrittenAt(pending: Pending, stored: StoreActivity, { ttlMs }: Retention): number {
    const mayWait = this.#isOurs(stored)
    return Math.max(pending.renewalTakenAt, mayWait ? stored.expiresAt - ttlMs : 0)
  }

  /**
   * Whether the stored expiry is near, and the stamp does not say that this server may know better:
   * then another server may end the store without considering this one.
   */
  #mayEndUnasked(stored: StoreActivity): boolean {
    if (this.#isOurs(stored)) return false
    return stored.expiresAt - this.#clock.now() < limits.activityFlushMsMax
  }

  /** Whether the stamp says that this server may know of later use. */
  #isOurs({ by }: StoreActivity): boolean {
    return this.#instance.equals(by) || severalInstances.equals(by)
  }

  /** Whether another server may know of later use than what is stored. */
  async #othersMayKnow({ by }: StoreActivity): Promise<boolean> {
    if (this.#instance.equals(by)) return false
    if (severalInstances.equals(by)) return true
    const [running] = await this.#engine.get([instanceKey(by)])
    return running !== undefined
  }

  #retention(identity: StoreIdentity): Retention | undefined {
    return retentionInForce(identity, this.#unnamed)
  }

  #pendingOf(storeId: string): Pending {
    const known = this.#pending.get(storeId)
    if (known) return known
    if (this.#pending.size >= limits.activeStoresMax) this.#forgetOldest()
    const fresh = { ...unused, counts: { ...unused.counts } }
    this.#pending.set(storeId, fresh)
    return fresh
  }

  #forgetOldest(): void {
    for (const [storeId, pending] of this.#pending) {
      if (!isEmpty(pending)) continue
      this.#pending.delete(storeId)
      return
    }
  }
}

/** The puts and deletes that write an activity and move the store in the expiry index. */
export function moveExpiry(
  storeId: string,
  { from, to }: { from: StoreActivity | undefined; to: StoreActivity },
): Required<Pick<AtomicWrite, 'puts' | 'deletes'>> {
  const puts = [{ key: activityKey(storeId), value: encodeActivity(to) }]
  const deletes: Buffer[] = []
  if (from?.expiresAt !== to.expiresAt) {
    if (from && from.expiresAt > 0) deletes.push(expiryKey(from.expiresAt, storeId))
    const key = expiryKey(to.expiresAt, storeId)
    if (to.expiresAt > 0) puts.push({ key, value: Buffer.alloc(0) })
  }
  return { puts, deletes }
}

function renews(retention: Retention, use: StoreUse): boolean {
  if (use === 'list') return false
  return use === 'read' ? retention.renewOnRead : retention.renewOnWrite
}

/**
 * The stored activity plus the pending uses. The expiry counts from the last renewal; a store
 * without a retention has none.
 */
function merged(
  stored: StoreActivity,
  pending: Readonly<Pending>,
  retention: Retention | undefined,
): StoreActivity {
  const renewed = retention && pending.renewedAt > 0 ? pending.renewedAt + retention.ttlMs : 0
  return {
    expiresAt: retention ? Math.max(stored.expiresAt, renewed) : 0,
    modifiedAt: Math.max(stored.modifiedAt, pending.modifiedAt),
    accessedAt: Math.max(stored.accessedAt, pending.accessedAt),
    reads: stored.reads + pending.counts.reads,
    writes: stored.writes + pending.counts.writes,
    deletes: stored.deletes + pending.counts.deletes,
    lists: stored.lists + pending.counts.lists,
    by: stored.by,
  }
}

function isEmpty({ counts }: Pending): boolean {
  return counts.reads + counts.writes + counts.deletes + counts.lists === 0
}

/** Removes the written uses from the pending ones; newer uses stay pending. */
function forgetTaken(pending: Pending, taken: Pending): void {
  for (const name of Object.values(useCounters)) pending.counts[name] -= taken.counts[name]
}
