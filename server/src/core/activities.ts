import {
  decodeActivity,
  encodeActivity,
  instanceBytes,
  type StoreActivity,
  type StoreUse,
  useCounters,
} from './activity.ts'
import type { Background } from './background.ts'
import type { AtomicWrite, Entry, StorageEngine } from './engine.ts'
import type { Environment } from './environment.ts'
import type { StoreIdentity } from './identity.ts'
import { activityKey, expiryKey, instanceKey, storeKey } from './keyspace.ts'
import { limits } from './limits.ts'
import { type Retention, renewalDelayMs, retentionInForce } from './retention.ts'

/** What this server knows of a store's use and has not written yet. */
interface Pending {
  identity: StoreIdentity
  flushedAt: number
  isFlushing: boolean
  modifiedAt: number
  accessedAt: number
  /** The last use that renews the store; 0: none. */
  renewedAt: number
  readonly counts: Record<(typeof useCounters)[StoreUse], number>
}

/**
 * The stores' activity. Uses are noted in memory and written at most once per `renewalDelayMs`, so that
 * a hot store does not contend. A crash forgets at most that span, which is why a store that another
 * instance stamped last, and did not leave in order, lives that much longer: it never ends early.
 */
export class Activities {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #background: Background
  readonly #unnamed: Retention | undefined
  readonly #instance: Buffer
  readonly #pending = new Map<string, Pending>()

  constructor(parts: {
    engine: StorageEngine
    environment: Environment
    background: Background
    unnamedRetention: Retention | undefined
  }) {
    this.#engine = parts.engine
    this.#environment = parts.environment
    this.#background = parts.background
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
    await this.#engine.commit({ deletes: [instanceKey(this.#instance)] })
  }

  /** Whether the store can expire at all, so that its activity must be read. */
  canExpire(identity: StoreIdentity): boolean {
    return this.#retention(identity) !== undefined
  }

  /** The first activity of a store that begins, is renamed or is cleared now. */
  armed(identity: StoreIdentity, previous?: StoreActivity): StoreActivity {
    const now = this.#environment.now()
    const retention = this.#retention(identity)
    return {
      reads: previous?.reads ?? 0,
      writes: previous?.writes ?? 0,
      deletes: previous?.deletes ?? 0,
      lists: previous?.lists ?? 0,
      accessedAt: Math.max(now, previous?.accessedAt ?? 0),
      modifiedAt: Math.max(now, previous?.modifiedAt ?? 0),
      expiresAt: retention ? now + retention.ttlMs : 0,
      by: this.#instance,
    }
  }

  /** A store that was just written with `armed()` needs no stamp for a while. */
  noteArmed(identity: StoreIdentity): void {
    this.#pendingOf(identity).flushedAt = this.#environment.now()
  }

  /** Notes a use, and writes it in the background where that is due. */
  touch(identity: StoreIdentity, use: StoreUse): void {
    const now = this.#environment.now()
    const pending = this.#pendingOf(identity)
    const retention = this.#retention(identity)
    pending.identity = identity
    pending.accessedAt = now
    if (use === 'write' || use === 'delete') pending.modifiedAt = now
    if (retention && renews(retention, use)) pending.renewedAt = now
    pending.counts[useCounters[use]] += 1
    if (pending.isFlushing || now - pending.flushedAt < renewalDelayMs(retention)) return
    this.#background.start('Writing a store its last use', this.flush(identity.id))
  }

  /** What is stored, together with what this server knows better. */
  current(identity: StoreIdentity, stored: StoreActivity): StoreActivity {
    const pending = this.#pending.get(identity.id)
    return pending ? merged(stored, pending, this.#retention(identity)) : stored
  }

  /** Whether the store's time is over. `entry` is its activity entry. */
  async isExpired(identity: StoreIdentity, entry: Entry): Promise<boolean> {
    const stored = decodeActivity(entry)
    const { expiresAt } = this.current(identity, stored)
    const now = this.#environment.now()
    const retention = this.#retention(identity)
    if (expiresAt === 0 || now < expiresAt || !retention) return false
    if (this.#instance.equals(stored.by)) return true
    const [running] = await this.#engine.get([instanceKey(stored.by)])
    return running === undefined || now >= expiresAt + renewalDelayMs(retention)
  }

  /** Writes what is known of one store, if anything is. */
  async flush(storeId: string): Promise<void> {
    const pending = this.#pending.get(storeId)
    if (!pending || pending.isFlushing || isEmpty(pending)) return
    pending.isFlushing = true
    pending.flushedAt = this.#environment.now()
    const taken = { ...pending, counts: { ...pending.counts } }
    try {
      const outcome = await this.#write(storeId, taken)
      if (outcome === 'gone') this.#pending.delete(storeId)
      else if (outcome === 'written') forgetTaken(pending, taken)
    } finally {
      pending.isFlushing = false
    }
  }

  /** Writes all that is known and lets go of stores that were not used for a while. */
  async flushAll(): Promise<void> {
    const now = this.#environment.now()
    await Promise.all([...this.#pending.keys()].map((storeId) => this.flush(storeId)))
    for (const [storeId, pending] of this.#pending) {
      const isIdle = now - pending.flushedAt >= limits.activityFlushMsMax
      if (isIdle && !pending.isFlushing && isEmpty(pending)) this.#pending.delete(storeId)
    }
  }

  /** `busy`: others changed the store meanwhile; what is known is kept for the next time. */
  async #write(storeId: string, taken: Pending): Promise<'written' | 'gone' | 'busy'> {
    for (let attempt = 0; attempt < limits.commitAttemptsMax; attempt += 1) {
      const keys = [storeKey(storeId), activityKey(storeId)]
      const [store, activity] = await this.#engine.get(keys)
      if (!store || !activity) return 'gone'
      const stored = decodeActivity(activity)
      const next = { ...merged(stored, taken, this.#retention(taken.identity)), by: this.#instance }
      const commit = await this.#engine.commit({
        checks: [store, activity],
        ...moveExpiry(storeId, { from: stored, to: next }),
      })
      if (commit.applied) return 'written'
    }
    return 'busy'
  }

  #retention(identity: StoreIdentity): Retention | undefined {
    return retentionInForce(identity, this.#unnamed)
  }

  #pendingOf(identity: StoreIdentity): Pending {
    const known = this.#pending.get(identity.id)
    if (known) return known
    if (this.#pending.size >= limits.activeStoresMax) this.#forgetOldest()
    const counts = { reads: 0, writes: 0, deletes: 0, lists: 0 }
    const fresh: Pending = {
      identity,
      flushedAt: 0,
      isFlushing: false,
      modifiedAt: 0,
      accessedAt: 0,
      renewedAt: 0,
      counts,
    }
    this.#pending.set(identity.id, fresh)
    return fresh
  }

  #forgetOldest(): void {
    for (const [storeId, pending] of this.#pending) {
      if (pending.isFlushing || !isEmpty(pending)) continue
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

function merged(
  stored: StoreActivity,
  pending: Pending,
  retention: Retention | undefined,
): StoreActivity {
  const renewed = retention && pending.renewedAt > 0 ? pending.renewedAt + retention.ttlMs : 0
  return {
    expiresAt: stored.expiresAt === 0 ? 0 : Math.max(stored.expiresAt, renewed),
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
