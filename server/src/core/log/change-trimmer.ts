import { LRUCache } from 'lru-cache'
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
import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'
import { changeTimeOf } from './change.ts'

/** Keeps each store's change log to its age and length, a bounded batch at a time. */
export class ChangeTrimmer {
  readonly #engine: StorageEngine
  readonly #environment: Environment
  readonly #rememberedMax: number
  /** Changes by this server since the store's log was counted last. */
  readonly #tally = new LRUCache<string, { changes: number }>({
    // By `max` it would reserve megabytes for stores that nobody has.
    maxSize: limits.activeStoresMax,
    sizeCalculation: () => 1,
  })
  /**
   * All changes in the logs that were trimmed lately, where nobody else writes to the engine; the
   * latest of these logs at the end.
   */
  readonly #remembered = new Map<string, Revision[]>()
  #cursor = kindRange('change').start

  /** `rememberedMax`: about so many changes are remembered. */
  constructor(
    engine: StorageEngine,
    environment: Environment,
    rememberedMax: number = limits.rememberedChangesMax,
  ) {
    this.#engine = engine
    this.#environment = environment
    this.#rememberedMax = rememberedMax
  }

  /** A change was logged by this commit. */
  note(storeId: string, revision: Revision): void {
    const tally = this.#tally.get(storeId)
    if (tally) tally.changes += 1
    else this.#tally.set(storeId, { changes: 1 })
    const log = this.#remembered.get(storeId)
    if (!log) return
    if (log.length < this.#rememberedMax) log.push(revision)
    else this.#remembered.delete(storeId)
  }

  /** Trims the logs that grew long, and visits a bounded number of logs for changes grown old. */
  async sweep(): Promise<void> {
    for (const [storeId, { changes }] of [...this.#tally]) {
      if (changes < limits.changesBetweenTrims) continue
      this.#tally.delete(storeId)
      await this.#trimLength(storeId)
    }
    for (let visited = 0; visited < limits.sweepItemsMax; visited += 1) {
      const storeId = await this.#nextLog()
      if (storeId === undefined) return
      await this.#trimAge(storeId)
    }
  }

  /** Goes round over all logs, one store at a time; undefined at the end of a round. */
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
    const oldest = this.#environment.now() - limits.changeKeptMs
    const isOld = (entry: Entry): boolean => entry.isDamaged || changeTimeOf(entry) < oldest
    while ((await this.#removeFirst(storeId, isOld)) === limits.sweepBatchKeysMax);
  }

  async #trimLength(storeId: string): Promise<void> {
    let isDone = false
    try {
      isDone = await this.#removeAll(storeId, await this.#excessOf(storeId))
    } finally {
      // What was not read or not removed must be found again.
      if (!isDone) this.#remembered.delete(storeId)
    }
  }

  /** The oldest changes of a log that is too long, which are no longer remembered. */
  async #excessOf(storeId: string): Promise<Revision[]> {
    const known = this.#remembered.get(storeId) ?? (await this.#read(storeId))
    // Commits may be noted out of order, and twice if they were read as well.
    const log = known.sort(ascending).filter((revision, at) => revision !== known[at - 1])
    const excess = log.splice(0, Math.max(0, log.length - limits.changesKeptPerStoreMax))
    if (this.#remembered.delete(storeId)) this.#remembered.set(storeId, log)
    this.#forgetSome()
    return excess
  }

  /** The revisions in a log. Where they are remembered, what is noted meanwhile is among them. */
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
    for (const log of this.#remembered.values()) count += grown(log)
    for (const [storeId, log] of this.#remembered) {
      if (count <= this.#rememberedMax) return
      count -= grown(log)
      this.#remembered.delete(storeId)
    }
  }

  /** False where not all were removed, since another server trims the log as well. */
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
   * Removes the entries in front for which `isDone` holds, one batch at the most. The mark that
   * tells of it goes with the last entry of a store that is gone.
   */
  async #removeFirst(storeId: string, isDone: (entry: Entry) => boolean): Promise<number> {
    const bound = { limit: limits.sweepBatchKeysMax, bytes: limits.pageBytesMax }
    const mark = changesTrimmedKey(storeId)
    // Before the entries: where another server trims more meanwhile, this commit does nothing.
    const [before, store] = await this.#engine.get([mark, storeKey(storeId)])
    // Nothing is left in front of the mark, which an engine may have to look past for a while.
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

/** The revision up to which a log was trimmed, as its mark says. */
function trimmedBy(mark: Entry | undefined): Revision {
  return mark && !mark.isDamaged ? decodeNumber(mark.value, 0) : 0
}

/** The length of a log when it is trimmed next. */
function grown(log: readonly Revision[]): number {
  return log.length + limits.changesBetweenTrims
}

function ascending(a: number, b: number): number {
  return a - b
}
