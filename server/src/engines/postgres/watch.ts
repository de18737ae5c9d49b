import type { Revision } from '../../core/engine/engine.ts'
import type { Newest } from '../../core/engine/newest.ts'
import type { ReconnectingSession } from './link/reconnecting-session.ts'
import { readRevision } from './statements.ts'

export interface WatchOptions {
  readonly newest: Newest
  /** The session that reads the clock ... */
  readonly reads: ReconnectingSession
  /** ... and the one that gets notifications of other servers' commits. */
  readonly hears: ReconnectingSession
  readonly pollMs: number
}

/**
 * Notices commits of other servers while somebody waits for one: through notifications of the
 * database, and by reading the clock every `pollMs` in case a notification is lost.
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

  /** The newest revision as the database knows it now, with the commits of all servers. */
  async newest(): Promise<Revision> {
    const { newest } = this.#options
    newest.advance(await this.#revision())
    return newest.revision
  }

  /** Called when the database sends a notification. */
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

  /** Reads the clock, one read at a time. Ignore a failure: the next poll reads again. */
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
