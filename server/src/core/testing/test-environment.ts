import { createHash } from 'node:crypto'
import type { Environment } from '../kernel/environment.ts'

/**
 * Time stands still until a test moves it, random bytes come from a seed, and logged errors are
 * kept for the test.
 */
export class TestEnvironment implements Environment {
  readonly errors: unknown[] = []
  /** What was logged without a cause. */
  readonly events: string[] = []
  readonly #seed: number
  #now = Date.UTC(2026, 0, 1)
  #monotonic = 0
  #asleep = 0
  #drawn = 0

  constructor(seed = 1) {
    this.#seed = seed
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  asleep(): number {
    return this.#asleep
  }

  /** Lets time pass. A negative `ms` only sets the clock back: no time passes. */
  advance(ms: number): void {
    this.#now += ms
    this.#monotonic += Math.max(0, ms)
  }

  /** Sets the clock forward or, with a negative `ms`, back: no time passes. */
  setClock(ms: number): void {
    this.#now += ms
  }

  /** Lets time pass while the clock stands still. */
  standStill(ms: number): void {
    this.#monotonic += ms
  }

  /** The machine sleeps: its clock goes on, the monotonic clock does not. */
  sleep(ms: number): void {
    this.#now += ms
    this.#asleep += ms
  }

  randomBytes(count: number): Buffer {
    this.#drawn += 1
    const hash = createHash('shake256', { outputLength: count })
    return hash.update(`${this.#seed}/${this.#drawn}`).digest()
  }

  logError(message: string, cause: unknown): void {
    if (cause === undefined) this.events.push(message)
    else this.errors.push(cause)
  }
}
