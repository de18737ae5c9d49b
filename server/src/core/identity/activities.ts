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
import { type Retention, renewalDelayMs, retentionInForce } from './retention.ts'

/** What this server knows of a store's use and has not written yet. */
interface Pending {
  flushedAt: number
  /** A flush is about to take what is known. */
  isQueued: boolean
  modifiedAt: number
  accessedAt: number
  /** The last use that renews the store; 0: none. */
  renewedAt: number
  /** The last such use that a flush has taken; 0: none, or that flush failed. */
  renewalTakenAt: number
  readonly counts: Record<(typeof useCounters)[StoreUse], number>
}

/** Of a store that this server did not use yet, or has written all use of. */
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
 * The stores' activity. Uses are noted in memory and written seldom, so that a hot store does not
 * contend. A renewal may wait only while what is written ends the store at most `renewalDelayMs`
 * too early, under a stamp that says so: it is this server's or that of several. A crash forgets
 * that span, and other servers cannot see it, which is why a store lives that much longer where a
 * server may know better that stamped it and did not leave in order. It never ends early.
 */
export class Activities {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #background: Background
  readonly #identities: IdentityCache
  readonly #unnamed: Retention | undefined
  readonly #instance: Buffer
  readonly #pending = new Map<string, Pending>()
  readonly #flushes = new KeyQueue()

  constructor(parts: {
    engine: StorageEngine
    environment: Environment
    background: Background
    identities: IdentityCache
    unnamedRetention: Retention | undefined
  }) {
    this.#engine = parts.engine
    this.#environment = parts.environment
    this.#background = parts.background
    this.#identities = parts.identities
    this.#unnamed = parts.unnamedRetention
    this.#instance = Buffer.from(parts.environment.randomBytes(instanceBytes))
  }

  /** Says that this server runs: what it stamps from now on may lag behind what it knows. */
  async start(): Promise<void> {
    const value = Buffer.from(String(this.#environment.now()))
    await this.#engine.commit({ puts: [{ key: instanceKey(this.#instance), value }] })
  }

  /** Writes what is known and says that nothing is missing. */
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
   * The activity of a store that begins, is renamed or is cleared now. `stored` is what is written
   * of it so far: uses that are only known in memory are added by the next flush.
   */
  armed(identity: StoreIdentity, stored?: StoreActivity): StoreActivity {
    const now = this.#environment.now()
    const retention = this.#retention(identity)
    return {
      reads: stored?.reads ?? 0,
      writes: stored?.writes ?? 0,
      deletes: stored?.deletes ?? 0,
      lists: stored?.lists ?? 0,
      accessedAt: Math.max(now, stored?.accessedAt ?? 0),
      modifiedAt: Math.max(now, stored?.modifiedAt ?? 0),
      expiresAt: retention ? now + retention.ttlMs : 0,
      by: this.#instance,
    }
  }

  /** A store that was just written with `armed()` needs no stamp for a while. */
  noteArmed(identity: StoreIdentity): void {
    this.#pendingOf(identity.id).flushedAt = this.#environment.now()
  }

  /**
   * Notes a use, and writes it in the background where that is due. To be waited for where a server
   * that knows nothing of this one may end the store before that is done. Never rejects.
   */
  touch(
    snapshot: { identity: StoreIdentity; activity: Entry | undefined },
    use: StoreUse,
  ): Promise<void> | undefined {
    const { identity, activity } = snapshot
    const now = this.#environment.now()
    const pending = this.#pendingOf(identity.id)
    const retention = this.#retention(identity)
    pending.accessedAt = now
    if (use === 'write' || use === 'delete') pending.modifiedAt = now
    pending.counts[useCounters[use]] += 1
    let writtenAt = pending.flushedAt
    if (retention && activity && renews(retention, use)) {
      const stored = decodeActivity(activity)
      pending.renewedAt = now
      if (this.#mayEndUnasked(stored)) return this.#writeNow(identity.id)
      writtenAt = this.#renewalWrittenAt(pending, stored, retention)
    }
    if (pending.isQueued || now - writtenAt < renewalDelayMs(retention)) return
    pending.isQueued = true
    void this.#writeNow(identity.id)
    return
  }

  /** What is stored, together with what this server knows better. */
  current(identity: StoreIdentity, stored: StoreActivity): StoreActivity {
    const pending = this.#pending.get(identity.id) ?? unused
    return merged(stored, pending, this.#retention(identity))
  }

  /** Whether the store's time is over. `entry` is its activity entry. */
  isExpired(identity: StoreIdentity, entry: Entry): Awaitable<boolean> {
    const stored = decodeActivity(entry)
    const { expiresAt } = this.current(identity, stored)
    const now = this.#environment.now()
    const retention = this.#retention(identity)
    if (expiresAt === 0 || now < expiresAt || !retention) return false
    if (now >= expiresAt + renewalDelayMs(retention)) return true
    return this.#othersMayKnow(stored).then((mayKnow) => !mayKnow)
  }

  /** Writes what is known of one store, if anything is, behind what is being written of it. */
  flush(storeId: string): Promise<void> {
    return this.#flushes.run(storeId, () => this.#flush(storeId))
  }

  /** Writes all that is known and lets go of stores that were not used for a while. */
  async flushAll(): Promise<void> {
    const now = this.#environment.now()
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

  /** What fails is logged, and no reason to refuse the use itself: a full disk can be read. */
  async #writeNow(storeId: string): Promise<void> {
    const work = this.flush(storeId)
    this.#background.start('Writing a store its last use', work)
    await Promise.allSettled([work])
  }

  async #flush(storeId: string): Promise<void> {
    const pending = this.#pending.get(storeId)
    if (!pending) return
    pending.isQueued = false
    if (isEmpty(pending)) return
    const taken = { ...pending, counts: { ...pending.counts } }
    pending.flushedAt = this.#environment.now()
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

  /** `busy`: others changed the store meanwhile; what is known is kept for the next time. */
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
      })
      return commit.applied ? 'written' : lostRace
    }
    return retry<'written' | 'gone' | 'busy'>(limits.commitAttemptsMax, attempt, () => 'busy')
  }

  /** The last use that the stored end counts from, or will when what is under way is written. */
  #renewalWrittenAt(pending: Pending, stored: StoreActivity, { ttlMs }: Retention): number {
    const mayWait = this.#isOurs(stored)
    return Math.max(pending.renewalTakenAt, mayWait ? stored.expiresAt - ttlMs : 0)
  }

  /** Whether the end is near, and the server that stamped the store takes it for exact. */
  #mayEndUnasked(stored: StoreActivity): boolean {
    if (this.#isOurs(stored)) return false
    return stored.expiresAt - this.#environment.now() < limits.activityFlushMsMax
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

/** The puts and deletes that write an activity and keep its place among those that expire. */
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

/** The end is as far away as the last renewal puts it; a store that is kept has none. */
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

/** What was written is no longer pending; what came meanwhile is. */
function forgetTaken(pending: Pending, taken: Pending): void {
  for (const name of Object.values(useCounters)) pending.counts[name] -= taken.counts[name]
}
