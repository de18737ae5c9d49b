import { addressGroup } from '../../../core/kernel/bounds/address-group.ts'
import type { Environment } from '../../../core/kernel/environment.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { RateLimit } from '../../../core/people/rate-limit.ts'

/** Who sent a page's call. */
export interface PageCaller {
  readonly channelId: string
  /** Undefined: the page sent no user id of this project. */
  readonly userId: string | undefined
  /** The address that the call came from. */
  readonly peer: string
}

/**
 * Limits the calls of pages per minute: of one user, of all pages behind one address that send no
 * user id, and of all pages of one project.
 */
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
   * Counts a call. Returns how many ms the page must wait before it may call; 0: it need not wait.
   * A call that is refused to one page does not count for its project.
   */
  take(caller: PageCaller): number {
    return this.#takePage(caller) || this.#project.take(caller.channelId)
  }

  #takePage({ channelId, userId, peer }: PageCaller): number {
    if (userId === undefined) return this.#peer.take(`${channelId}/${addressGroup(peer)}`)
    return this.#page.take(`${channelId}/${userId}`)
  }
}
