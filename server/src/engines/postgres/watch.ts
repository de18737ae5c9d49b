import type { Revision } from '../../core/engine/engine.ts'
import type { Newest } from '../../core/engine/newest.ts'
import type { Lane } from './link/lane.ts'
import { readRevision } from './statements.ts'

export interface WatchOptions {
  readonly newest: Newest
  /** Where the clock is read ... */
  readonly reads: Lane
  /** ... and where other servers are heard of. */
  readonly hears: Lane
  readonly pollMs: number
}

/**
 * Learns of commits of other servers while somebody waits for one: when the database notifies, and
 * by looking every `pollMs` in case it does not.
 */
export class Watch {
  readonly #options: WatchOptions
  #waiters = 0
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #isToLookAgain = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** See `StorageEngine.newerThan`. */
  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    const waiting = this.#options.newest.newerThan(revision, signal)
    this.#begin()
    try {
      return await waiting
    } finally {
      this.#end()
    }
  }

  /** The database notified. */
  hear(): void {
    if (this.#waiters > 0) void this.#look()
  }

  #begin(): void {
    this.#waiters += 1
    if (this.#waiters > 1) return
    this.#timer = setInterval(() => void this.#look(), this.#options.pollMs)
    this.#timer.unref()
    void Promise.allSettled([this.#options.hears.session()])
    void this.#look()
  }

  #end(): void {
    this.#waiters -= 1
    if (this.#waiters === 0) clearInterval(this.#timer)
  }

  /** One at a time. What can't be seen now is looked for again. */
  async #look(): Promise<void> {
    this.#isToLookAgain = this.#isLooking
    if (this.#isLooking) return
    this.#isLooking = true
    const [found] = await Promise.allSettled([this.#revision()])
    this.#isLooking = false
    if (found?.status === 'fulfilled') this.#options.newest.advance(found.value)
    if (this.#isToLookAgain) await this.#look()
  }

  async #revision(): Promise<Revision> {
    return readRevision(await this.#options.reads.session())
  }
}
