import type { Revision } from '../../core/engine/engine.ts'
import type { Newest } from '../../core/engine/newest.ts'
import type { News } from '../../core/engine/news.ts'
import { Heard } from './hearing/heard.ts'
import { readNotice } from './hearing/notice.ts'
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
  readonly #heard = new Heard()
  /** The newest revision when the clock was last polled. */
  #polled: Revision = 0
  #waiters = 0
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #isToLookAgain = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** See `StorageEngine.newerThan`. */
  async newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#while(this.#options.newest.newerThan(revision, signal))
  }

  /** See `StorageEngine.newsAfter`. */
  async newsAfter(place: number, signal: AbortSignal): Promise<News> {
    return this.#while(this.#heard.newsAfter(place, signal))
  }

  /** The newest revision as the database knows it now, with the commits of all servers. */
  async newest(): Promise<Revision> {
    const { newest } = this.#options
    newest.advance(await this.#revision())
    return newest.revision
  }

  /** Called when the database sends a notification. */
  hear(payload: string | undefined): void {
    this.#heard.note(readNotice(payload))
    if (this.#waiters > 0) void this.#look()
  }

  /** Called when notifications begin to come: none came for the commits until now. */
  listen(): void {
    this.#heard.miss(0)
    if (this.#waiters > 0) void this.#look()
  }

  /** Rejects all waiting callers. */
  close(): void {
    this.#heard.close()
    this.#options.newest.close()
  }

  async #while<T>(waiting: Promise<T>): Promise<T> {
    this.#begin()
    try {
      return await waiting
    } finally {
      this.#end()
    }
  }

  #begin(): void {
    this.#waiters += 1
    if (this.#waiters > 1) return
    this.#timer = setInterval(() => void this.#poll(), this.#options.pollMs)
    this.#timer.unref()
    void Promise.allSettled([this.#options.hears.session()])
    void this.#look()
  }

  #end(): void {
    this.#waiters -= 1
    if (this.#waiters === 0) clearInterval(this.#timer)
  }

  /**
   * Besides reading the clock, finds out whether a notification was lost: it should have come since
   * the last poll. Others may send false ones to the channel: none is true that is ahead of the
   * clock.
   */
  async #poll(): Promise<void> {
    const { revision } = this.#heard
    if (revision < this.#polled) this.#heard.miss(this.#polled)
    await this.#look()
    this.#polled = this.#options.newest.revision
    if (revision > this.#polled) this.#heard.miss(this.#polled)
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
