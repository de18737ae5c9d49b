import type { Environment } from '../../core/environment.ts'
import { limits } from '../../core/limits.ts'
import { RateLimit } from '../../core/rate-limit.ts'

/** Whose call it is. */
export interface PageCaller {
  readonly channelId: string
  /** Undefined: nobody knows. */
  readonly userId: string | undefined
}

/** How often pages may call: each of them, and all of one project. */
export class PageRates {
  readonly #project: RateLimit
  readonly #page: RateLimit

  constructor(environment: Environment) {
    this.#project = new RateLimit(environment, limits.projectCallsPerMinuteMax)
    this.#page = new RateLimit(environment, limits.pageCallsPerMinuteMax)
  }

  /**
   * Counts a call. Returns for how many ms the page must wait first; 0: not at all. What is refused
   * to one page takes nothing from the others of its project.
   */
  take(caller: PageCaller): number {
    return this.#takePage(caller) || this.#project.take(caller.channelId)
  }

  #takePage({ channelId, userId }: PageCaller): number {
    return userId === undefined ? 0 : this.#page.take(`${channelId}/${userId}`)
  }
}
