import type { SteadyClock } from '../clock/steady-clock.ts'
import {
  changeKey,
  changeRange,
  changeRevisionOf,
  changesTrimmedKey,
  decodeNumber,
  encodeNumber,
  kindRange,
  storeIdOf,
  storeKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Entry, Revision, StorageEngine } from '../engine/engine.ts'
import { stampedKey } from '../engine/stamp.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import { changeTimeOf } from './change.ts'
import { ChangeBell } from './change-bell.ts'

/** Numbers of changes. */
export interface ChangeLogBounds {
  /** How many a log keeps when it is trimmed. */
  readonly keptMax: number
  /** A log is counted once this many were made since it was last counted. */
  readonly betweenTrims: number
  /** How many are remembered, approximately. */
  readonly rememberedMax: number
}

const usualBounds: ChangeLogBounds = {
  keptMax: limits.changesKeptPerStoreMax,
  betweenTrims: limits.changesBetweenTrims,
  rememberedMax: limits.rememberedChangesMax,
}

/** Keeps each store's change log within its maximum age and length, in bounded batches. */
export class ChangeTrimmer {
  /** Rung for each change that is noted. */
  readonly bell = new ChangeBell()
  readonly #engine: StorageEngine
  readonly #clock: SteadyClock
  readonly #bounds: ChangeLogBounds
  /** By store id: changes by this server since it last counted the store's log. */
  readonly #tally = lruCache<string, { changes: number }>(limits.activeStoresMax)
  /**
   * By store id: all revisions in the logs that were trimmed recently, the latest of these logs
   * last. Empty if other servers write to the engine.
   */
  readonly #remembered = new Map<string, Revision[]>()
  #cursor = kindRange('change').start

  constructor(engine: StorageEngine, clock: SteadyClock, bounds = usualBounds) {
    this.#engine = engine
    this.#clock = clock
    this.#bounds = bounds
  }

  /** To be called after each commit that logs a change. */
  note(storeId: string, revision: Revision): void {
    this.bell.ring(storeId)
    const tally = this.#tally.get(storeId)
    if (tally) tally.changes += 1
    else this.#tally.set(storeId, { changes: 1 })
    const log = this.#remembered.get(storeId)
    if (!log) return
    if (log.length < this.#bounds.rememberedMax) log.push(revision)
    else this.#remembered.delete(storeId)
  }

  /**
   * To be called if such a commit fails: it may have been made all the same, and then its watchers
   * are to see it.
   */
  noteFailure(storeId: string, error: unknown): void {
    const isUnknown = error instanceof StorageError && error.code === 'outcome-unknown'
    if (isUnknown) this.bell.ring(storeId)
  }

  /**
   * Trims the logs that are too long, and visits a bounded number of logs to remove old changes.
   */
  async sweep(): Promise<void> {
    for (const [storeId, { changes }] of [...this.#tally]) {
      if (changes < this.#bounds.betweenTrims) continue
      this.#tally.delete(storeId)
      await this.#trimLength(storeId)
    }
    for (let visited = 0; visited < limits.sweepItemsMax; visited += 1) {
      const storeId = await this.#nextLog()
      if (storeId === undefined) return
      await this.#trimAge(storeId)
    }
  }

  /** Visits all logs in turn, one store per call; undefined at the end of a round. */
  async #nextLog(): Promise<string | undefined> {
    const all = kindRange('change')
    const range = { start: this.#cursor, end: all.end }
    const { entries } = await this.#engine.scan(range, { limit: 1, bytes: limits.pageBytesMax })
    const [first] = entries
    if (!first) {
      this.#cursor = all.start
      return undefined
    }
    const storeId = storeIdOf(first.key)
    this.#cursor = changeRange(storeId, 0).end
    return storeId
  }

  async #trimAge(storeId: string): Promise<void> {
    if (this.#clock.isHeld) return
    const { changeKeptMs } = limits
    const now = this.#clock.steady()
    const isOld = (entry: Entry): boolean =>
      entry.isDamaged || this.#clock.dueAt(changeTimeOf(entry) + changeKeptMs, changeKeptMs) < now
    while ((await this.#removeFirst(storeId, isOld)) === limits.sweepBatchKeysMax);
  }

  async #trimLength(storeId: string): Promise<void> {
    let isDone = false
    try {
      isDone = await this.#removeAll(storeId, await this.#excessOf(storeId))
    } finally {
      // The remembered revisions may not match the log now: read it again next time.
      if (!isDone) this.#remembered.delete(storeId)
    }
  }

  /** The oldest changes of a log that is too long. They are no longer remembered. */
  async #excessOf(storeId: string): Promise<Revision[]> {
    const known = this.#remembered.get(storeId) ?? (await this.#read(storeId))
    // Commits may be noted out of order, and a commit may be both noted and read.
    const log = known.sort(ascending).filter((revision, at) => revision !== known[at - 1])
    const excess = log.splice(0, Math.max(0, log.length - this.#bounds.keptMax))
    if (this.#remembered.delete(storeId)) this.#remembered.set(storeId, log)
    this.#forgetSome()
    return excess
  }

  /** The revisions in a log. If they are remembered, they include the commits noted meanwhile. */
  async #read(storeId: string): Promise<Revision[]> {
    const log: Revision[] = []
    const { isShared } = this.#engine
    if (!isShared) this.#remembered.set(storeId, log)
    const pageItems = isShared ? limits.pageItemsMax : limits.sweepPageItems
    const [mark] = await this.#engine.get([changesTrimmedKey(storeId)])
    const range = changeRange(storeId, trimmedBy(mark))
    for await (const { key } of walk(this.#engine, range, pageItems)) {
      log.push(changeRevisionOf(key))
    }
    return log
  }

  #forgetSome(): void {
    let count = 0
    // Until its next trim, a log grows by this many.
    const growth = this.#bounds.betweenTrims
    for (const log of this.#remembered.values()) count += log.length + growth
    for (const [storeId, log] of this.#remembered) {
      if (count <= this.#bounds.rememberedMax) return
      count -= log.length + growth
      this.#remembered.delete(storeId)
    }
  }

  /** False if not all were removed, because another server trims the same log. */
  async #removeAll(storeId: string, excess: readonly Revision[]): Promise<boolean> {
    for (let start = 0; start < excess.length; start += limits.sweepBatchKeysMax) {
      const batch = excess.slice(start, start + limits.sweepBatchKeysMax)
      if (!(await this.#removeBatch(storeId, batch))) return false
    }
    return true
  }

  async #removeBatch(storeId: string, revisions: readonly Revision[]): Promise<boolean> {
    const key = changesTrimmedKey(storeId)
    const [before] = await this.#engine.get([key])
    const last = revisions.at(-1)
    if (last === undefined || last <= trimmedBy(before)) return true
    const { applied } = await this.#engine.commit({
      checks: [{ key, revision: before?.revision }],
      deletes: revisions.map((revision) => stampedKey(changeKey(storeId), revision)),
      puts: [{ key, value: encodeNumber(last) }],
    })
    return applied
  }

  /**
   * Removes the first entries for which `isDone` holds, at most one batch, and moves the mark that
   * says how far the log was trimmed. If the store is gone, the mark is removed with the last
   * entry. Returns how many entries were removed.
   */
  async #removeFirst(storeId: string, isDone: (entry: Entry) => boolean): Promise<number> {
    const bound = { limit: limits.sweepBatchKeysMax, bytes: limits.pageBytesMax }
    const mark = changesTrimmedKey(storeId)
    // Read before the entries: if another server trims the log meanwhile, this commit does nothing.
    const [before, store] = await this.#engine.get([mark, storeKey(storeId)])
    // Starts at the mark: nothing is left before it, but some engines take time to skip what was
    // removed.
    const range = changeRange(storeId, trimmedBy(before))
    const { entries, more } = await this.#engine.scan(range, bound)
    const kept = entries.findIndex((entry) => !isDone(entry))
    const removed = kept === -1 ? entries : entries.slice(0, kept)
    const last = removed.at(-1)
    if (!last) return 0
    const isOver = kept === -1 && !more && !store
    const value = encodeNumber(changeRevisionOf(last.key))
    const commit = await this.#engine.commit({
      checks: [{ key: mark, revision: before?.revision }],
      deletes: [...removed.map(({ key }) => key), ...(isOver ? [mark] : [])],
      puts: isOver ? [] : [{ key: mark, value }],
    })
    return commit.applied ? removed.length : 0
  }
}

/** The revision up to which a log was trimmed, according to its mark. */
function trimmedBy(mark: Entry | undefined): Revision {
  return mark && !mark.isDamaged ? decodeNumber(mark.value, 0) : 0
}

function ascending(a: number, b: number): number {
  return a - b
}
