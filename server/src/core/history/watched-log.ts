import {
  changeRange,
  changeRevisionOf,
  changesTrimmedKey,
  decodeNumber,
  recordKey,
} from '../disk/keyspace.ts'
import type { Entry, Revision, StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import type { StoreReader } from '../identity/store-reader.ts'
import { type Awaitable, andThen } from '../kernel/awaitable.ts'
import { isRefusedByEngine, StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { decodeChanges } from '../log/change.ts'
import { whileHeld } from '../records/held-records.ts'
import { headOf, type StoreRecord } from '../records/record.ts'
import { decodeInfo } from '../values/record-info.ts'
import type { Values } from '../values/value.ts'
import { collapsed, type WatchEvent, type WatchedValue } from './watch-event.ts'

export interface WatchedLogParts {
  readonly engine: StorageEngine
  readonly reader: StoreReader
  readonly values: Values
  /** The JSON text of a record, of at most `watchedValueBytesMax`; undefined: there is none. */
  jsonOf(record: StoreRecord): Awaitable<string | undefined>
}

/** One page of a change log, as watchers get it. */
export type LogPage =
  | {
      readonly kind: 'changes'
      /** The latest change of each key on the page, in order. */
      readonly events: readonly WatchEvent[]
      /** The next page begins after this revision. */
      readonly revision: Revision
      readonly more: boolean
    }
  /** Changes were trimmed or are damaged: the log can be read from this revision on. */
  | { readonly kind: 'reset'; readonly revision: Revision }

export interface PageQuery {
  readonly after: Revision
  readonly items: number
  /** Whether `after` was the end of the log a moment ago: then nothing behind it was trimmed. */
  readonly isRecent: boolean
  /** Whether somebody wants the value of this event. */
  readonly wantsValue: (event: WatchEvent) => boolean
  /** How many values are read at most. The other events come without one. */
  readonly valuesMax: number
}

interface Scanned {
  readonly events: readonly WatchEvent[]
  readonly revision: Revision
  readonly more: boolean
  readonly isDamaged: boolean
}

interface Looked {
  readonly values: ReadonlyMap<WatchEvent, WatchedValue>
  /** Whether a record has changed again since. */
  readonly isOvertaken: boolean
  readonly trimmed: Entry | undefined
}

/** Reads the change log of one store, and the values that its latest changes wrote. */
export class WatchedLog {
  readonly #storeId: string
  readonly #parts: WatchedLogParts

  constructor(storeId: string, parts: WatchedLogParts) {
    this.#storeId = storeId
    this.#parts = parts
  }

  /**
   * The next page. A value is only ever the one that the event's revision wrote. If a record has
   * changed again, the log is read once more; a record that changes all the time comes without
   * its value. Throws if the engine refuses to read.
   */
  async page(query: PageQuery): Promise<LogPage> {
    const first = await this.#scan(query.after, query)
    if (query.isRecent && first.revision === query.after) return pageOf(first, new Map())
    const looked = await this.#look(wantedOf(collapsed(first.events), query))
    if (isCut(first, looked, query)) return this.#reset(first.revision, looked)
    if (!looked.isOvertaken || first.more) return pageOf(first, looked.values)
    const second = await this.#scan(first.revision, query)
    if (second.isDamaged) return pageOf({ ...first, more: true }, looked.values)
    const events = [...first.events, ...second.events]
    const others = collapsed(events).filter((event) => !looked.values.has(event))
    const { values } = await this.#look(wantedOf(others, query))
    return pageOf({ ...second, events }, new Map([...looked.values, ...values]))
  }

  async #scan(after: Revision, { items }: { items: number }): Promise<Scanned> {
    const bound = { limit: items, bytes: limits.watchedPageBytesMax }
    const { entries, more } = await this.#parts.engine.scan(
      changeRange(this.#storeId, after),
      bound,
    )
    const last = entries.at(-1)
    const isDamaged = entries.some((entry) => entry.isDamaged)
    const changes = isDamaged ? [] : entries.map(decodeChanges)
    return {
      events: changes.flatMap((made) => made.map((change, index) => ({ change, index }))),
      revision: last ? changeRevisionOf(last.key) : after,
      more,
      isDamaged,
    }
  }

  /** Reads the mark of the log and these events' records, all from one snapshot. */
  async #look(events: readonly WatchEvent[]): Promise<Looked> {
    const puts = events.filter(({ change }) => change.kind === 'put')
    const keys = puts.map(({ change }) => change.key)
    const { values } = this.#parts
    const { trimmed, records } = await values.look(() =>
      andThen(this.#read(keys), ([mark, ...entries]) => ({
        trimmed: mark,
        records: keys.map((key, at) => this.#open(key, entries[at])),
      })),
    )
    return whileHeld(records, async () => {
      const found = await this.#valuesOf(puts, records)
      const isOvertaken = puts.some(({ change }, at) => records[at]?.revision !== change.revision)
      return { values: found, isOvertaken, trimmed }
    })
  }

  async #read(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    const { reader, engine } = this.#parts
    const mark = changesTrimmedKey(this.#storeId)
    try {
      const { entries } = await reader.read(this.#storeId, {
        caller: system,
        keysOf: ({ contentId }) => [mark, ...keys.map((key) => recordKey(contentId, key))],
      })
      return entries
    } catch (error) {
      if (!(error instanceof StorageError) || isRefusedByEngine(error)) throw error
      return engine.get([mark]) // the store is gone, or can't be read
    }
  }

  #open(key: string, entry: Entry | undefined): StoreRecord | undefined {
    if (!entry || entry.isDamaged) return undefined
    const info = decodeInfo(entry)
    return { ...headOf(key, info, entry.revision), value: this.#parts.values.open(info) }
  }

  async #valuesOf(
    puts: readonly WatchEvent[],
    records: readonly (StoreRecord | undefined)[],
  ): Promise<Map<WatchEvent, WatchedValue>> {
    const found = new Map<WatchEvent, WatchedValue>()
    let bytes = 0
    for (const [at, event] of puts.entries()) {
      const record = records[at]
      if (record?.revision !== event.change.revision) continue
      const hasRoom = bytes < limits.watchedPageValuesBytesMax
      const json = hasRoom ? await this.#jsonOf(record) : undefined
      bytes += json?.length ?? 0
      found.set(event, { contentType: record.contentType, json })
    }
    return found
  }

  async #jsonOf(record: StoreRecord): Promise<string | undefined> {
    try {
      return await this.#parts.jsonOf(record)
    } catch (error) {
      if (error instanceof StorageError && error.code === 'record-damaged') return undefined
      throw error
    }
  }

  async #reset(last: Revision, { trimmed }: Looked): Promise<LogPage> {
    const newest = await this.#parts.engine.newerThan(-1, new AbortController().signal)
    // On a shared storage this server may not have seen the newest revision yet.
    return { kind: 'reset', revision: Math.max(newest, last, trimmedTo(trimmed)) }
  }
}

function wantedOf(
  events: readonly WatchEvent[],
  { wantsValue, valuesMax }: PageQuery,
): readonly WatchEvent[] {
  return events.filter(wantsValue).slice(0, valuesMax)
}

function isCut({ events, isDamaged }: Scanned, { trimmed }: Looked, { after }: PageQuery): boolean {
  const isUnknown = trimmed?.isDamaged === true && events.length > 0
  return isDamaged || isUnknown || after < trimmedTo(trimmed)
}

function trimmedTo(mark: Entry | undefined): Revision {
  return mark && !mark.isDamaged ? decodeNumber(mark.value, 0) : 0
}

function pageOf(
  { events, revision, more }: Scanned,
  values: ReadonlyMap<WatchEvent, WatchedValue>,
): LogPage {
  const told = collapsed(events).map((event) => {
    const value = values.get(event)
    return value ? { ...event, value } : event
  })
  return { kind: 'changes', events: told, revision, more }
}
