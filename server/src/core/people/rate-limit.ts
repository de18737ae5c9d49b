import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'

interface Bucket {
  /**
   * What is left at the time `at` of the monotonic clock: each call takes 60,000, and each ms adds
   * `perMinute`.
   */
  left: number
  at: number
}

/**
 * Limits how often something may be done: `perMinute` times, even all at once, and the same number
 * again in the next minute. Each server counts for itself.
 */
export class RateLimit {
  readonly #environment: Environment
  readonly #perMinute: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(environment: Environment, perMinute: number) {
    this.#environment = environment
    this.#perMinute = perMinute
  }

  /** Counts one call by `who`. Returns how many ms they must wait first; 0: the call is allowed. */
  take(who: string): number {
    const now = this.#environment.monotonic()
    const bucket = this.#bucketOf(who, now)
    const passed = Math.max(0, now - bucket.at)
    bucket.left = Math.min(this.#full, bucket.left + passed * this.#perMinute)
    bucket.at = now
    if (bucket.left < minuteMs) return Math.ceil((minuteMs - bucket.left) / this.#perMinute)
    bucket.left -= minuteMs
    return 0
  }

  get #full(): number {
    return minuteMs * this.#perMinute
  }

  #bucketOf(who: string, now: number): Bucket {
    const bucket = this.#buckets.get(who) ?? { left: this.#full, at: now }
    // They are kept in the order of their last uses.
    this.#buckets.delete(who)
    // The bucket that was not used for longest is removed first: it is full again, or nearly.
    for (const first of this.#buckets.keys()) {
      if (this.#buckets.size < limits.rateLimitedMax) break
      this.#buckets.delete(first)
    }
    this.#buckets.set(who, bucket)
    return bucket
  }
}

const minuteMs = 60_000
