import type { KeptClock } from '../clock/kept-clock.ts'
import type { SteadyClock } from '../clock/steady-clock.ts'
import { decodeGarbage, type Garbage, keptUntil, markGarbage } from '../disk/garbage.ts'
import {
  activityKey,
  after,
  chunkRange,
  contentRange,
  decodeNumber,
  dueRange,
  expiryOf,
  garbageDueRange,
  garbageOf,
  garbageTotalKey,
  kindRange,
  leaseValueIdOf,
  rangeBehind,
  storeKey,
} from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { Entry, KeyRange, StorageEngine } from '../engine/engine.ts'
import type { AuditLog } from '../history/audit-log.ts'
import { type Activities, moveExpiry } from '../identity/activities.ts'
import { decodeActivity } from '../identity/activity.ts'
import type { IdentityCache } from '../identity/identity.ts'
import { ignoreGone } from '../identity/store-reader.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { ChangeTrimmer } from '../log/change-trimmer.ts'
import { replacedInfo } from '../records/record-write.ts'
import type { Lifecycle } from '../stores/lifecycle.ts'
import type { Revocations } from '../stores/revocations.ts'
import type { Values } from '../values/value.ts'

const { uploadLeaseMs, replacedChunksKeptMs } = limits

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
    await this.#sweepGarbage()
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

  async #sweepGarbage(): Promise<void> {
    await this.#sweepMarks(garbageDueRange(this.#now()), async ({ dueAt }) =>
      this.#isDue(dueAt, replacedChunksKeptMs) ? 'remove' : 'keep',
    )
    // If too much is kept for downloads that may still run, the oldest values are removed early.
    const youngest = keptUntil(this.#now()) - limits.replacedChunksKeptMsMin
    await this.#sweepMarks(garbageDueRange(youngest), async ({ dueAt }) => {
      const [total] = await this.#parts.engine.get([garbageTotalKey])
      if (totalOf(total) <= limits.replacedChunksKeptBytesMax) return 'stop'
      const replacedAt = dueAt - replacedChunksKeptMs
      const { replacedChunksKeptMsMin: keptMs } = limits
      return this.#isDue(replacedAt + keptMs, keptMs) ? 'remove' : 'keep'
    })
  }

  async #sweepMarks(
    range: KeyRange,
    decide: (mark: { dueAt: number }) => Promise<'remove' | 'keep' | 'stop'>,
  ): Promise<void> {
    const { entries } = await this.#page(range, limits.sweepItemsMax)
    for (const mark of entries) {
      if (mark.isDamaged) continue
      const { id, dueAt } = garbageOf(mark.key)
      const decision = await decide({ dueAt })
      if (decision === 'stop') return
      if (decision === 'keep') continue
      const garbage = decodeGarbage(mark.value)
      const isGone =
        garbage.kind === 'value' ? await this.#removeValue(id) : await this.#removeContent(id)
      if (isGone) await this.#removeMark(mark, garbage)
    }
  }

  async #removeMark(mark: Entry, { bytes }: Garbage): Promise<void> {
    await this.#parts.engine.commit({
      checks: [mark],
      deletes: [mark.key],
      sums: bytes === 0 ? [] : [{ key: garbageTotalKey, delta: -BigInt(bytes) }],
    })
  }

  /**
   * Removes a value's chunks, unless this server is reading the value. Returns whether all are
   * removed.
   */
  async #removeValue(valueId: Bytes): Promise<boolean> {
    if (this.#parts.values.isBeingRead(valueId)) return false
    let range = chunkRange(valueId)
    for (;;) {
      const { entries, more } = await this.#page(range, limits.sweepBatchKeysMax)
      await this.#remove(entries)
      if (!more) return true
      range = behind(range, entries)
    }
  }

  /** Removes a content's records, and before them their values. Returns whether all are removed. */
  async #removeContent(contentId: Bytes): Promise<boolean> {
    let range = contentRange(contentId)
    for (;;) {
      const page = await this.#page(range, limits.sweepBatchKeysMax)
      for (const entry of page.entries) {
        const place = replacedInfo(entry)?.place
        if (place?.kind === 'chunks' && !(await this.#removeValue(place.valueId))) return false
      }
      await this.#remove(page.entries)
      if (!page.more) return true
      range = behind(range, page.entries)
    }
  }

  async #remove(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return
    await this.#parts.engine.commit({ deletes: entries.map(({ key }) => key) })
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
  readonly values: Values
  readonly trimmer: ChangeTrimmer
  readonly auditLog: AuditLog
  readonly revocations: Revocations
}

/**
 * The rest of the range, after the removed entries: some engines take time to skip what was
 * removed.
 */
function behind(range: KeyRange, entries: readonly Entry[]): KeyRange {
  const last = entries.at(-1)
  return last ? rangeBehind(range, last.key) : range
}

/** A damaged store does not prevent the sweep of the others. */
function ignoreLost(error: unknown): void {
  if (error instanceof StorageError && error.code === 'record-damaged') return
  throw error
}
