import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { oneByOne } from '../../../core/records/held-records.ts'
import type { RecordHead, StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { JsonTextError } from '../../json/json-text-error.ts'
import { JsonPathError } from '../../json/path/error.ts'
import { turnOf } from '../../rest/routes.ts'
import type { ApifyCall } from '../call/call.ts'
import type { FoundText } from './matcher.ts'
import { isSearchable, textOf } from './searched-text.ts'
import type { Wanted } from './wanted.ts'

export interface FoundRecord extends FoundText {
  readonly head: RecordHead
}

export interface SearchResult {
  readonly items: readonly FoundRecord[]
  /** Records that were looked at. */
  readonly scanned: number
  /** Those of them whose values were not searched: too long, damaged, not text or not JSON. */
  readonly skipped: number
  /** The last key that was looked at; undefined: the search is done. */
  readonly nextAfter: string | undefined
}

/** What looking at one more record takes besides its text, in units of `WorkTurns`. */
const recordUnits = 64

/** One request's part of a search through a store. */
export class Search {
  readonly #call: ApifyCall
  readonly #store: Store
  readonly #wanted: Wanted
  readonly #begunAt: number
  readonly #items: FoundRecord[] = []
  #scanned = 0
  #skipped = 0
  #bytes = 0
  /** The steps that the search of the next value is expected to take: as many as the last one. */
  #expected = 0

  constructor(call: ApifyCall, store: Store, wanted: Wanted) {
    this.#call = call
    this.#store = store
    this.#wanted = wanted
    this.#begunAt = call.environment.monotonic()
  }

  /**
   * Looks at records until enough are found, or as much was looked at as one request may. Throws as
   * `Store.list`, and if the caller loses the right meanwhile.
   */
  async run(): Promise<SearchResult> {
    const { prefix, after } = this.#wanted
    using use = this.#store.beginUse()
    let startAfter = after
    for (;;) {
      use.signal.throwIfAborted()
      const limit = Math.min(limits.listedPairsAtOnce, limits.findRecordsMax - this.#scanned)
      const page = await this.#store.list({ prefix, startAfter, limit })
      const keys = page.items.map(({ key }) => key)
      const looked = await this.#lookAt(keys)
      startAfter = keys[looked - 1]
      const isWhole = looked === keys.length && !page.isTruncated
      if (isWhole || startAfter === undefined) return this.#result(undefined)
      if (this.#isEnough()) return this.#result(startAfter)
    }
  }

  #result(nextAfter: string | undefined): SearchResult {
    return { items: this.#items, scanned: this.#scanned, skipped: this.#skipped, nextAfter }
  }

  /** Looks at the records of these keys in order. Returns at how many: there may be enough. */
  async #lookAt(keys: readonly string[]): Promise<number> {
    let looked = 0
    for await (const record of readableOf(this.#store, keys)) {
      looked += 1
      this.#scanned += 1
      if (record) await this.#search(record)
      else this.#skipped += 1
      if (this.#isEnough()) break
    }
    return looked
  }

  #isEnough(): boolean {
    const { environment } = this.#call
    return (
      this.#items.length >= this.#wanted.limit ||
      this.#scanned >= limits.findRecordsMax ||
      this.#bytes >= limits.findBytesMax ||
      this.#wanted.matcher.isWorkDone ||
      environment.monotonic() - this.#begunAt >= limits.findMsMax
    )
  }

  async #search(record: StoreRecord): Promise<void> {
    const { matcher } = this.#wanted
    const isRead = isSearchable(record, matcher)
    const units = recordUnits + (isRead ? record.size + this.#expected : 0)
    const turn = turnOf(this.#call, units)
    if (turn) await turn
    const text = isRead ? await textOf(record) : undefined
    const found = text === undefined ? undefined : this.#find(text, record.size)
    if (found === undefined) this.#skipped += 1
    else if (found !== 'nowhere') this.#items.push({ head: record, ...found })
  }

  /** Undefined: the value can't be searched. */
  #find(text: string, size: number): FoundText | 'nowhere' | undefined {
    const { matcher } = this.#wanted
    const before = matcher.spent
    this.#bytes += text.length
    try {
      return matcher.find(text) ?? 'nowhere'
    } catch (error) {
      if (error instanceof JsonTextError || error instanceof JsonPathError) return undefined
      throw error
    } finally {
      const steps = matcher.spent - before
      const more = Math.max(0, text.length - size) + Math.max(0, steps - this.#expected)
      this.#call.domain.turns.spend(more)
      this.#expected = steps
    }
  }
}

type Found = StoreRecord | undefined

/**
 * The records of these keys; undefined for those that were deleted meanwhile or are damaged: they
 * do not hide the others. Each value is disposed of when the next one is taken.
 */
async function* readableOf(store: Store, keys: readonly string[]): AsyncGenerator<Found> {
  const all = await unlessDamaged(store, keys)
  if (all) return yield* oneByOne(all)
  for (const key of keys) yield* oneByOne((await unlessDamaged(store, [key])) ?? [undefined])
}

/** Undefined: one of the records is damaged. */
async function unlessDamaged(
  store: Store,
  keys: readonly string[],
): Promise<readonly Found[] | undefined> {
  try {
    return await store.batch.get(keys)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'record-damaged') return undefined
    throw error
  }
}
