import type { Environment } from '../../../core/kernel/environment.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { RateLimit } from '../../../core/people/rate-limit.ts'

/** Whose call it is. */
export interface PageCaller {
  readonly channelId: string
  /** Undefined: nobody knows. */
  readonly userId: string | undefined
  /** The address that the call came from. */
  readonly peer: string
}

/** How often pages may call: each of them, and all of one project. */
export class PageRates {
  readonly #project: RateLimit
  readonly #page: RateLimit
  readonly #peer: RateLimit

  constructor(environment: Environment) {
    this.#project = new RateLimit(environment, limits.projectCallsPerMinuteMax)
    this.#page = new RateLimit(environment, limits.pageCallsPerMinuteMax)
    this.#peer = new RateLimit(environment, limits.peerCallsPerMinuteMax)
  }

  /**
   * Counts a call. Returns for how many ms the page must wait first; 0: not at all. What is refused
   * to one page takes nothing from the others of its project.
   */
  take(caller: PageCaller): number {
    return this.#takePage(caller) || this.#project.take(caller.channelId)
  }

  #takePage({ channelId, userId, peer }: PageCaller): number {
    if (userId === undefined) return this.#peer.take(`${channelId}/${peer}`)
    return this.#page.take(`${channelId}/${userId}`)
  }
}
