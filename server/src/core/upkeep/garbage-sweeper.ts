import type { SteadyClock } from '../clock/steady-clock.ts'
import { decodeGarbage, type Garbage, keptUntil } from '../disk/garbage.ts'
import {
  chunkKey,
  chunkRange,
  contentRange,
  garbageDueRange,
  garbageOf,
  garbageTotalKey,
  kindRange,
  rangeBehind,
} from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { Entry, KeyRange, StorageEngine } from '../engine/engine.ts'
import type { Awaitable } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { replacedInfo } from '../records/record-write.ts'
import { chunkCount } from '../values/record-info.ts'
import type { Values } from '../values/value.ts'

const { replacedChunksKeptMs, replacedChunksKeptMsMin, replacedChunksKeptBytesMax } = limits

interface Mark extends Garbage {
  readonly entry: Entry
  /** The id of a value or of a content. */
  readonly id: Bytes
  readonly dueAt: number
}

/** Chooses from marks those to remove; undefined: also from the marks behind them, none. */
type Choice = (marks: readonly Mark[]) => Awaitable<readonly Mark[] | undefined>

/**
 * Removes what garbage marks refer to: values that were replaced, and the records of stores that
 * were dropped or cleared.
 *
 * If no other server uses the storage, a value goes as soon as nobody reads it: this server knows
 * all readers. No clock is asked. Other servers may be sending a value that this server does not
 * know of, so on a shared storage it is kept for a time.
 *
 * A sweep looks at a bounded number of marks, and at more of them while there is much garbage. Each
 * commit is bounded too, and writes of others come between two commits.
 */
export class GarbageSweeper {
  readonly #engine: StorageEngine
  readonly #clock: SteadyClock
  readonly #values: Values
  #running: Promise<void> | undefined
  /** Where the next sweep goes on: values that are read for long stay in front of the others. */
  #start: Bytes = kindRange('garbage').start

  constructor(parts: { engine: StorageEngine; clock: SteadyClock; values: Values }) {
    this.#engine = parts.engine
    this.#clock = parts.clock
    this.#values = parts.values
  }

  /** While a sweep runs, this waits for its end and starts no other one. */
  sweep(): Promise<void> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #sweep(): Promise<void> {
    if (!this.#engine.isShared) return this.#sweepUnread()
    await this.#walk(garbageDueRange(this.#clock.steady()), (marks) =>
      marks.filter(({ dueAt }) => this.#isDue(dueAt, replacedChunksKeptMs)),
    )
    // If too much is kept for downloads that may still run, the oldest values are removed early.
    const youngest = keptUntil(this.#clock.steady()) - replacedChunksKeptMsMin
    await this.#walk(garbageDueRange(youngest), (marks) => this.#surplus(marks))
  }

  /**
   * Who reads a record has found its value before or after the commit that left the mark. Those
   * who came before have opened the value once all look-ups of this moment have ended. Those who
   * come later find another value, or none.
   */
  async #sweepUnread(): Promise<void> {
    const { start, end } = kindRange('garbage')
    const behind = await this.#walk({ start: this.#start, end }, async (marks) => {
      await this.#values.settled()
      return marks
    })
    this.#start = behind ?? start
  }

  async #surplus(marks: readonly Mark[]): Promise<readonly Mark[] | undefined> {
    let kept = await this.#total()
    if (kept <= replacedChunksKeptBytesMax) return undefined
    const chosen: Mark[] = []
    for (const mark of marks) {
      if (kept <= replacedChunksKeptBytesMax) break
      const replacedAt = mark.dueAt - replacedChunksKeptMs
      if (!this.#isDue(replacedAt + replacedChunksKeptMsMin, replacedChunksKeptMsMin)) continue
      chosen.push(mark)
      kept -= mark.bytes
    }
    return chosen
  }

  /** Returns the key from which on marks were not looked at; undefined: there are none. */
  async #walk(range: KeyRange, choose: Choice): Promise<Bytes | undefined> {
    let rest = range
    for (let looked = 0; looked < limits.sweptMarksMax; ) {
      const { entries, more } = await this.#page(rest, limits.sweepBatchKeysMax)
      const chosen = await choose(entries.filter(({ isDamaged }) => !isDamaged).map(markOf))
      if (!chosen) return undefined
      const isRemoving = await this.#removeAll(chosen)
      if (!more) return undefined
      looked += entries.length
      rest = behind(rest, entries)
      if (looked < limits.sweepItemsMax) continue
      if (!isRemoving || (await this.#total()) <= limits.garbageBytesMax / 2) break
    }
    return rest.start
  }

  /** Removes what nobody reads. Returns whether anything was removed. */
  async #removeAll(marks: readonly Mark[]): Promise<boolean> {
    const values = marks.filter(({ kind, id }) => kind === 'value' && !this.#values.isHeld(id))
    const contents = marks.filter(({ kind }) => kind === 'content')
    await this.#removeValues(values)
    let count = values.length
    for (const content of contents) {
      if (!(await this.#removeContent(content.id))) continue
      await this.#commit({ marks: [content], keys: [] })
      count += 1
    }
    return count > 0
  }

  /** A value's mark goes in the same commit as its last chunks, so that no chunk is left behind. */
  async #removeValues(marks: readonly Mark[]): Promise<void> {
    let batch: { marks: Mark[]; keys: Bytes[] } = { marks: [], keys: [] }
    for (const mark of marks) {
      const keys = await this.#lastChunksOf(mark)
      const count = batch.keys.length + batch.marks.length + keys.length + 1
      if (count > limits.sweepBatchKeysMax) {
        await this.#commit(batch)
        batch = { marks: [], keys: [] }
      }
      batch.marks.push(mark)
      batch.keys.push(...keys)
    }
    if (batch.marks.length > 0) await this.#commit(batch)
  }

  /** Removes chunks until the rest of them fits into one commit. Returns the keys of the rest. */
  async #lastChunksOf({ id, bytes }: Mark): Promise<Bytes[]> {
    if (bytes === 0) return this.#removeChunks(id)
    const deletes = new Deletes(this.#engine)
    for (const key of chunkKeys(id, bytes)) await deletes.add(key)
    return deletes.rest
  }

  /** Removes the chunks of a value of unknown size: of an upload that was given up. */
  async #removeChunks(valueId: Bytes): Promise<Bytes[]> {
    const deletes = new Deletes(this.#engine)
    let range = chunkRange(valueId)
    for (;;) {
      const page = await this.#page(range, limits.sweepBatchKeysMax)
      for (const { key } of page.entries) await deletes.add(key)
      if (!page.more) return deletes.rest
      range = behind(range, page.entries)
    }
  }

  /**
   * Removes a content's records, each after its value, but none whose value is read. Returns
   * whether all are removed.
   */
  async #removeContent(contentId: Bytes): Promise<boolean> {
    const deletes = new Deletes(this.#engine)
    let isWhole = true
    let range = contentRange(contentId)
    for (;;) {
      const page = await this.#page(range, limits.sweepBatchKeysMax)
      for (const entry of page.entries) {
        const info = replacedInfo(entry)
        const valueId = info?.place.kind === 'chunks' ? info.place.valueId : undefined
        if (valueId && this.#values.isHeld(valueId)) {
          isWhole = false
          continue
        }
        if (info && valueId) {
          for (const key of chunkKeys(valueId, info.size)) await deletes.add(key)
        }
        await deletes.add(entry.key)
      }
      await deletes.commit()
      if (!page.more) return isWhole
      range = behind(range, page.entries)
    }
  }

  /** Does nothing if another server has removed one of the marks: the next sweep does the rest. */
  async #commit({ marks, keys }: { marks: readonly Mark[]; keys: readonly Bytes[] }) {
    const bytes = marks.reduce((sum, mark) => sum + mark.bytes, 0)
    await this.#engine.commit({
      checks: marks.map(({ entry }) => entry),
      deletes: [...keys, ...marks.map(({ entry }) => entry.key)],
      sums: bytes === 0 ? [] : [{ key: garbageTotalKey, delta: -BigInt(bytes) }],
    })
  }

  async #total(): Promise<number> {
    const [total] = await this.#engine.get([garbageTotalKey])
    return Number(totalOf(total))
  }

  #page(range: KeyRange, limit: number): Promise<{ entries: readonly Entry[]; more: boolean }> {
    return this.#engine.scan(range, { limit, bytes: limits.pageBytesMax })
  }

  /** Whether something that is kept for `keptMs`, until `dueAt`, may be removed. */
  #isDue(dueAt: number, keptMs: number): boolean {
    return this.#clock.dueAt(dueAt, keptMs) <= this.#clock.steady()
  }
}

/** Deletes many keys in their order, by bounded commits. */
class Deletes {
  readonly #engine: StorageEngine
  #keys: Bytes[] = []

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  /** The keys that are not deleted yet; fewer than one commit deletes. */
  get rest(): Bytes[] {
    return this.#keys
  }

  async add(key: Bytes): Promise<void> {
    this.#keys.push(key)
    if (this.#keys.length >= limits.sweepBatchKeysMax) await this.commit()
  }

  async commit(): Promise<void> {
    const deletes = this.#keys
    this.#keys = []
    if (deletes.length > 0) await this.#engine.commit({ deletes })
  }
}

function markOf(entry: Entry): Mark {
  return { entry, ...garbageOf(entry.key), ...decodeGarbage(entry.value) }
}

function* chunkKeys(valueId: Bytes, size: number): Generator<Bytes> {
  for (let index = 0; index < chunkCount(size); index += 1) yield chunkKey(valueId, index)
}

/**
 * The rest of the range, after these entries: some engines take time to skip what was removed.
 */
function behind(range: KeyRange, entries: readonly Entry[]): KeyRange {
  const last = entries.at(-1)
  return last ? rangeBehind(range, last.key) : range
}
