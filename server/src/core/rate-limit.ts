import type { Environment } from './environment.ts'
import { limits } from './limits.ts'

interface Bucket {
  /** What is left of a minute, as of `at`: each time takes its part of it. */
  leftMs: number
  at: number
}

/**
 * How often something may be done: as many times at once as in a minute, and then as many again in
 * the next. Counted by this server alone.
 */
export class RateLimit {
  readonly #environment: Environment
  readonly #costMs: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(environment: Environment, perMinute: number) {
    this.#environment = environment
    this.#costMs = minuteMs / perMinute
  }

  /** Counts one of `who`. Returns for how many ms they must wait first; 0: not at all. */
  take(who: string): number {
    const now = this.#environment.now()
    const bucket = this.#buckets.get(who) ?? this.#add(who, now)
    const passed = Math.max(0, now - bucket.at)
    bucket.leftMs = Math.min(minuteMs, bucket.leftMs + passed)
    bucket.at = now
    if (bucket.leftMs < this.#costMs) return Math.ceil(this.#costMs - bucket.leftMs)
    bucket.leftMs -= this.#costMs
    return 0
  }

  #add(who: string, now: number): Bucket {
    // The one that came first goes first: it is full again, or nearly.
    for (const first of this.#buckets.keys()) {
      if (this.#buckets.size < limits.rateLimitedMax) break
      this.#buckets.delete(first)
    }
    const bucket = { leftMs: minuteMs, at: now }
    this.#buckets.set(who, bucket)
    return bucket
  }
}

const minuteMs = 60_000
