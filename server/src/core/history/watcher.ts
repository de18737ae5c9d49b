import type { Revision } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import { type ErrorCode, StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { LiveUse } from '../values/live-uses.ts'
import type { Feed, Filter, Listener } from './feed.ts'
import {
  bytesOf,
  collapsed,
  endOf,
  isAfter,
  isEnd,
  isWholeStore,
  type Position,
  positionOf,
  type WatchEvent,
} from './watch-event.ts'

export type WatchBatch =
  | {
      readonly kind: 'changes'
      /** The latest change of each key, in the order of their revisions. At least one. */
      readonly events: readonly WatchEvent[]
      /**
       * Whoever has got this batch may continue after this revision. Undefined: the batch ends in
       * the middle of a commit.
       */
      readonly resume: Revision | undefined
    }
  /** The log does not reach back: read the store again. The watcher goes on from there. */
  | { readonly kind: 'reset'; readonly revision: Revision }

export interface WatcherParts {
  readonly feed: Feed
  readonly filter: Filter
  /** Undefined: the log knows nothing of the place where the watcher wanted to begin. */
  readonly after: Revision | undefined
  readonly use: LiveUse
  /** Called once, at the end. */
  readonly onEnd: () => void
}

/** What says that the store itself is gone, and not only the right to it. */
const goneCodes: readonly ErrorCode[] = ['store-not-found', 'project-not-found']

/**
 * One who watches a store. It holds nothing but its position: changes are taken from the feed when
 * it asks for them, so a slow watcher skips to the latest change of each key.
 */
export class Watcher implements Disposable {
  readonly filter: Filter
  readonly #feed: Feed
  readonly #use: LiveUse
  readonly #onEnd: () => void
  readonly #listener: Listener
  #position: Position
  #isLost: boolean
  #isOver = false
  #isDisposed = false
  #wake: (() => void) | undefined

  constructor({ feed, filter, after, use, onEnd }: WatcherParts) {
    this.filter = filter
    this.#feed = feed
    this.#use = use
    this.#onEnd = onEnd
    this.#position = endOf(after ?? feed.position)
    this.#isLost = after === undefined
    this.#listener = { filter, note: (events, revision) => this.#note(events, revision) }
    feed.add(this.#listener)
    use.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  /** Aborted when the caller has lost the right to watch. */
  get signal(): AbortSignal {
    return this.#use.signal
  }

  /**
   * Whoever has got all batches may continue after this revision; undefined while the last one has
   * ended in the middle of a commit, or if a reset is to come.
   */
  get resume(): Revision | undefined {
    const { revision, index } = this.#position
    return index === Number.POSITIVE_INFINITY && !this.#isLost ? revision : undefined
  }

  /**
   * The next changes, once there are some. Undefined: the store was dropped or has expired, as the
   * last batch has said, or the watcher was disposed of. Throws the StorageError that ends the use
   * when its caller has lost the right to it. To be called once at a time.
   */
  async next(): Promise<WatchBatch | undefined> {
    for (;;) {
      const batch = await this.poll()
      if (batch || this.#isOver) return batch
      await this.wait()
    }
  }

  /** Like `next`, but does not wait for changes. Undefined: there are none yet, or `isOver`. */
  async poll(): Promise<WatchBatch | undefined> {
    assert(this.#wake === undefined, 'A watcher is asked once at a time.')
    if (this.#isOver) return undefined
    if (this.#use.signal.aborted) return this.#last(this.#use.signal.reason)
    if (this.#isBehind()) return this.#old()
    return this.#take(this.#feed.ring.after(this.#position), this.#feed.position)
  }

  /** Resolves once `poll` may have something to say. */
  async wait(): Promise<void> {
    if (!this.#isBehind()) await this.#waitForNote()
  }

  /** Whether nothing comes any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#wake?.()
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#feed.remove(this.#listener)
    this.#use[Symbol.dispose]()
    this.#onEnd()
  }

  #isBehind(): boolean {
    return this.#isLost || !this.#feed.ring.holdsAfter(this.#position)
  }

  /** A page of the log. Undefined: there is nothing for this watcher on it. */
  async #old(): Promise<WatchBatch | undefined> {
    if (this.#isLost) return this.#reset(this.#feed.position)
    try {
      const page = await this.#feed.oldPage(this.#listener, this.#position)
      return page.kind === 'reset'
        ? this.#reset(Math.max(page.revision, this.#feed.position))
        : this.#take(page.events, page.revision)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      await Promise.race([this.#feed.pause(limits.watchRetryMs), this.#waitForNote()])
      this.#wake?.()
      return undefined
    }
  }

  #reset(revision: Revision): WatchBatch {
    this.#isLost = false
    this.#position = endOf(revision)
    return { kind: 'reset', revision }
  }

  /** A bounded batch of what this watcher has not seen yet; undefined: there is nothing. */
  #take(events: readonly WatchEvent[], end: Revision): WatchBatch | undefined {
    const news = events.filter((event) => isAfter(positionOf(event), this.#position))
    const seen = collapsed(news.filter((event) => this.#sees(event)))
    const count = countWithin(seen, limits.watchBatchBytesMax)
    const batch = seen.slice(0, count)
    const last = batch.at(-1)
    this.#position = last && count < seen.length ? placeOf(last, seen[count]) : this.#endAt(end)
    if (!last) return undefined
    if (isEnd(last)) this.#isOver = true
    return { kind: 'changes', events: batch, resume: this.resume }
  }

  #endAt(end: Revision): Position {
    return isAfter(endOf(end), this.#position) ? endOf(end) : this.#position
  }

  #sees(event: WatchEvent): boolean {
    return isWholeStore(event) || this.filter.seesKey(event.change.key)
  }

  async #waitForNote(): Promise<void> {
    if (this.#isOver || this.#use.signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = () => {
      this.#wake = undefined
      resolve()
    }
    await promise
  }

  /** Only wakes a watcher that sees one of the changes. The others have passed them. */
  #note(events: readonly WatchEvent[] | undefined, revision: Revision): void {
    if (!this.#wake) return
    if (!events || this.#isBehind() || events.some((event) => this.#sees(event))) this.#wake()
    else this.#position = this.#endAt(revision)
  }

  /** The end of the store, if that is why the use has ended. Otherwise throws the reason. */
  async #last(reason: unknown): Promise<WatchBatch | undefined> {
    this.#isOver = true
    if (reason instanceof StorageError && goneCodes.includes(reason.code)) {
      await Promise.race([this.#feed.look(), this.#feed.pause(limits.watchRetryMs)])
      const last = this.#feed.ring.after(this.#position).findLast(isEnd)
      if (last) return { kind: 'changes', events: [last], resume: last.change.revision }
    }
    throw reason
  }
}

/** How many of these events one batch has: at least one, and nothing behind the store's end. */
function countWithin(events: readonly WatchEvent[], bytesMax: number): number {
  let bytes = 0
  for (const [at, event] of events.entries()) {
    bytes += bytesOf(event)
    if (isEnd(event)) return at + 1
    if (bytes > bytesMax && at > 0) return at
  }
  return events.length
}

/** The position behind `event`, if `next` is the next one that is seen. */
function placeOf(event: WatchEvent, next: WatchEvent | undefined): Position {
  const { revision } = event.change
  return next?.change.revision === revision ? positionOf(event) : endOf(revision)
}
