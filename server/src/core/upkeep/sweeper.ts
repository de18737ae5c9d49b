import type { KeptClock } from '../clock/kept-clock.ts'
import type { SteadyClock } from '../clock/steady-clock.ts'
import { markGarbage } from '../disk/garbage.ts'
import {
  activityKey,
  after,
  decodeNumber,
  dueRange,
  expiryOf,
  kindRange,
  leaseValueIdOf,
  storeKey,
} from '../disk/keyspace.ts'
import type { Entry, KeyRange, StorageEngine } from '../engine/engine.ts'
import type { AuditLog } from '../history/audit-log.ts'
import { forgetOld } from '../idempotency/repeatable.ts'
import { type Activities, moveExpiry } from '../identity/activities.ts'
import { decodeActivity } from '../identity/activity.ts'
import type { IdentityCache } from '../identity/identity.ts'
import { ignoreGone } from '../identity/store-reader.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { ChangeTrimmer } from '../log/change-trimmer.ts'
import type { Lifecycle } from '../stores/lifecycle.ts'
import type { Revocations } from '../stores/revocations.ts'
import type { GarbageSweeper } from './garbage-sweeper.ts'

const { uploadLeaseMs } = limits

/**
 * Frees the space of expired stores, abandoned uploads, replaced values and old changes.
 * Correctness never depends on it. Each sweep is bounded; the next one does the rest.
 */
export class Sweeper {
  readonly #parts: SweeperParts
  #leaseCursor = kindRange('lease').start
  #sweeps = 0

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  async sweep(): Promise<void> {
    await this.#parts.keptClock.keep()
    await this.#parts.activities.flushAll()
    await this.#sweepExpired().finally(() => this.#parts.lifecycle.tellExpired())
    await this.#sweepLeases()
    await forgetOld(this.#parts.engine, this.#parts.clock)
    await this.#parts.garbage.sweep()
    await this.#parts.trimmer.sweep()
    await this.#parts.auditLog.sweep()
    const isTurn = this.#sweeps % limits.sweepsPerResume === 0
    this.#sweeps += 1
    // Only a server that died leaves some.
    if (isTurn) await this.#parts.revocations.resume()
  }

  async #sweepExpired(): Promise<void> {
    if (this.#parts.clock.isHeld) return
    const { entries } = await this.#page(dueRange(this.#now()), limits.sweepItemsMax)
    for (const mark of entries) await this.#expire(mark).catch(ignoreLost)
  }

  async #expire(mark: Entry): Promise<void> {
    const { storeId } = expiryOf(mark.key)
    await this.#parts.lifecycle.expire(storeId).catch(ignoreGone)
    await this.#mendExpiry(storeId, mark)
  }

  /**
   * Removes a store that does not expire any more from the index of expiries. Moves one that
   * expires later, because the clock was confirmed: it must not stand before those that are due.
   */
  async #mendExpiry(storeId: string, mark: Entry): Promise<void> {
    const { engine, activities, identities } = this.#parts
    const keys = [mark.key, storeKey(storeId), activityKey(storeId)]
    const [still, store, activity] = await engine.get(keys)
    if (!still || !store || !activity) return
    const { identity } = identities.decode(storeId, store)
    const from = decodeActivity(activity)
    const expiresAt = activities.canExpire(identity) ? activities.expiryOf(identity, from) : 0
    if (expiresAt === from.expiresAt) return
    const write = moveExpiry(storeId, { from, to: { ...from, expiresAt } })
    await engine.commit({ checks: [store, activity], ...write })
  }

  async #sweepLeases(): Promise<void> {
    const { end, start } = kindRange('lease')
    const range = { start: this.#leaseCursor, end }
    const { entries, more } = await this.#page(range, limits.sweepItemsMax)
    const last = entries.at(-1)
    this.#leaseCursor = more && last ? after(last.key) : start
    for (const lease of entries) {
      if (!lease.isDamaged && !this.#isDue(decodeNumber(lease.value, 0), uploadLeaseMs)) continue
      const valueId = leaseValueIdOf(lease.key)
      const { puts } = markGarbage(valueId, {
        kind: 'value',
        bytes: 0,
        dueAt: this.#parts.clock.now(),
      })
      await this.#parts.engine.commit({ checks: [lease], deletes: [lease.key], puts })
    }
  }

  #page(range: KeyRange, limit: number): Promise<{ entries: readonly Entry[]; more: boolean }> {
    return this.#parts.engine.scan(range, { limit, bytes: limits.pageBytesMax })
  }

  #now(): number {
    return this.#parts.clock.steady()
  }

  /** Whether something that is kept for `keptMs`, until `dueAt`, may be removed. */
  #isDue(dueAt: number, keptMs: number): boolean {
    return this.#parts.clock.dueAt(dueAt, keptMs) <= this.#now()
  }
}

export interface SweeperParts {
  readonly engine: StorageEngine
  readonly clock: SteadyClock
  readonly keptClock: KeptClock
  readonly identities: IdentityCache
  readonly activities: Activities
  readonly lifecycle: Lifecycle
  readonly garbage: GarbageSweeper
  readonly trimmer: ChangeTrimmer
  readonly auditLog: AuditLog
  readonly revocations: Revocations
}

/** A damaged store does not prevent the sweep of the others. */
function ignoreLost(error: unknown): void {
  if (error instanceof StorageError && error.code === 'record-damaged') return
  throw error
}
