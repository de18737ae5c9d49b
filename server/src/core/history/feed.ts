import type { Revision } from '../engine/engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { ChangeTrimmer } from '../log/change-trimmer.ts'
import { ChangeRing, type ChangeRings } from './change-ring.ts'
import {
  eventsPerBatchMax,
  isAfter,
  type Position,
  positionOf,
  type WatchEvent,
} from './watch-event.ts'
import { type LogPage, WatchedLog, type WatchedLogParts } from './watched-log.ts'

/** Waits for `ms` milliseconds. Nothing else in the core knows how time passes. */
export type Pause = (ms: number) => Promise<void>

export interface FeedParts extends WatchedLogParts {
  readonly trimmer: Pick<ChangeTrimmer, 'bell'>
  readonly rings: ChangeRings
  readonly pause: Pause
  readonly environment: Environment
}

/** Which changes a watcher sees. */
export interface Filter {
  /** Two filters with the same name are the same. */
  readonly name: string
  readonly withValues: boolean
  seesKey(key: string): boolean
}

/** A watcher as its feed sees it. */
export interface Listener {
  readonly filter: Filter
  /** There are these new changes, up to that revision; undefined: look again. */
  note(events: readonly WatchEvent[] | undefined, revision: Revision): void
}

/** With more watchers than this, their filters are not asked about each value before it is read. */
const askedListenersMax = 64

/**
 * Reads the change log of one store once for all its watchers, and keeps the latest changes for
 * those that are slower. Nothing that fails ends it: it reads again from where it was.
 */
export class Feed {
  readonly #parts: FeedParts
  readonly #log: WatchedLog
  readonly #ring: ChangeRing
  readonly #listeners = new Set<Listener>()
  /** How many listeners want values. */
  #valued = 0
  #position: Revision
  readonly #hearing: Disposable
  #isDue = false
  #isRunning = false
  #isClosed = false
  /** Whether the last read has failed: so much may have happened since that it was trimmed. */
  #hasFailed = false
  /** Called when a read that begins from now on has ended. */
  #asked: (() => void)[] = []
  /** Pages that are being read for watchers that are far behind. */
  readonly #oldPages = new Map<string, Promise<LogPage>>()

  /** It has every change after `position`. */
  constructor(storeId: string, position: Revision, parts: FeedParts) {
    this.#parts = parts
    this.#log = new WatchedLog(storeId, parts)
    const { watchedEventsMax: eventsMax, watchedEventsBytesMax: bytesMax } = limits
    this.#ring = new ChangeRing(position, { eventsMax, bytesMax })
    this.#position = position
    this.#hearing = parts.trimmer.bell.listen(storeId, () => this.#beDue())
  }

  /** The latest changes. */
  get ring(): Pick<ChangeRing, 'holdsAfter' | 'after'> {
    return this.#ring
  }

  /** All changes up to this revision were read. */
  get position(): Revision {
    return this.#position
  }

  add(listener: Listener): void {
    this.#listeners.add(listener)
    if (listener.filter.withValues) this.#valued += 1
  }

  remove(listener: Listener): void {
    if (this.#listeners.delete(listener) && listener.filter.withValues) this.#valued -= 1
  }

  /** The store is watched no longer. */
  close(): void {
    this.#isClosed = true
    this.#hearing[Symbol.dispose]()
    this.#parts.rings.remove(this.#ring)
    this.#listeners.clear()
  }

  pause(ms: number): Promise<void> {
    return this.#parts.pause(ms)
  }

  /** Looks for new changes now. Resolves once they were read, or if nobody watches any more. */
  look(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#asked.push(resolve)
    this.#beDue()
    return promise
  }

  /**
   * A page for a watcher that is behind the ring. The last one reaches as far as the feed has read:
   * else a watcher that missed nothing would stay behind it, and ask for ever. Throws if the engine
   * refuses to read.
   */
  oldPage({ filter }: Listener, position: Position): Promise<LogPage> {
    const { revision, index } = position
    const name = `${revision}/${index}/${filter.name}`
    const running = this.#oldPages.get(name)
    if (running) return running
    const seen = this.#position
    const reading = this.#log.page({
      after: index === Number.POSITIVE_INFINITY ? revision : revision - 1,
      items: limits.watchedOldPageItems,
      isRecent: false,
      wantsValue: (event) =>
        filter.withValues &&
        isAfter(positionOf(event), position) &&
        filter.seesKey(event.change.key),
      valuesMax: eventsPerBatchMax,
    })
    const page = reading.then((read) => (isLastPage(read) ? upTo(seen, read) : read))
    this.#oldPages.set(name, page)
    const done = (): void => void this.#oldPages.delete(name)
    page.then(done, done)
    return page
  }

  #beDue(): void {
    this.#isDue = true
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#isDue && this.#listeners.size > 0) {
      this.#isDue = false
      const asked = this.#asked
      this.#asked = []
      if (!(await this.#read())) await this.#parts.pause(limits.watchRetryMs)
      for (const resolve of asked) resolve()
      if (this.#isDue) await this.#parts.pause(limits.watchReadPauseMs)
    }
    this.#isRunning = false
    for (const resolve of this.#asked.splice(0)) resolve()
  }

  /** Reads one page. False if that failed: then it is due again. */
  async #read(): Promise<boolean> {
    try {
      const items = limits.watchedPageItems
      const wantsValue = (event: WatchEvent): boolean => this.#isValueWanted(event)
      const isRecent = !this.#hasFailed
      const page = await this.#log.page({
        after: this.#position,
        items,
        isRecent,
        wantsValue,
        valuesMax: limits.watchedEventsMax,
      })
      if (!this.#isClosed) this.#take(page)
      this.#hasFailed = false
      return true
    } catch (error) {
      // What the engine refuses is in the log already.
      if (!(error instanceof StorageError)) {
        this.#parts.environment.logError('Reading changes for watchers failed', error)
      }
      this.#isDue = true
      this.#hasFailed = true
      return false
    }
  }

  #take(page: LogPage): void {
    this.#position = page.revision
    if (page.kind === 'reset') {
      this.#parts.rings.remove(this.#ring)
      this.#ring.restart(page.revision)
    } else {
      this.#parts.rings.add(this.#ring, page.events)
      if (page.more) this.#isDue = true
      if (page.events.length === 0) return
    }
    const events = page.kind === 'reset' ? undefined : page.events
    for (const listener of this.#listeners) listener.note(events, page.revision)
  }

  #isValueWanted(event: WatchEvent): boolean {
    if (this.#valued === 0) return false
    if (this.#listeners.size > askedListenersMax) return true
    for (const { filter } of this.#listeners) {
      if (filter.withValues && filter.seesKey(event.change.key)) return true
    }
    return false
  }
}

function isLastPage(page: LogPage): boolean {
  return page.kind === 'changes' && !page.more
}

function upTo(seen: Revision, page: LogPage): LogPage {
  return { ...page, revision: Math.max(page.revision, seen) }
}
