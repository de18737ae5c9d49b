import type { Environment } from './environment.ts'
import { limits } from './limits.ts'

interface Bucket {
  /** What is left, as of `at`. */
  tokens: number
  at: number
}

/**
 * How often something may be done: as many times at once as in a minute, and then as many again in
 * the next. Counted by this server alone.
 */
export class RateLimit {
  readonly #environment: Environment
  readonly #perMinute: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(environment: Environment, perMinute: number) {
    this.#environment = environment
    this.#perMinute = perMinute
  }

  /** Counts one of `who`. Returns for how many ms they must wait first; 0: not at all. */
  take(who: string): number {
    const now = this.#environment.now()
    const bucket = this.#buckets.get(who) ?? this.#add(who, now)
    const passed = Math.max(0, now - bucket.at)
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + passed * this.#perMs)
    bucket.at = now
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / this.#perMs)
    bucket.tokens -= 1
    return 0
  }

  get #perMs(): number {
    return this.#perMinute / minuteMs
  }

  #add(who: string, now: number): Bucket {
    // The one that came first goes first: it is full again, or nearly.
    for (const first of this.#buckets.keys()) {
      if (this.#buckets.size < limits.rateLimitedMax) break
      this.#buckets.delete(first)
    }
    const bucket = { tokens: this.#perMinute, at: now }
    this.#buckets.set(who, bucket)
    return bucket
  }
}

const minuteMs = 60_000
