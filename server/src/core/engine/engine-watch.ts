import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'
import { type AtomicWrite, EngineError } from './engine.ts'

/** What the engine refuses at the moment. */
export interface Refusal {
  /** For anybody: it names no machine. */
  readonly sentence: string
  /** For the operator: the engine's own words about the last refusal. */
  readonly reason: string
}

/** Times are those of the monotonic clock. */
interface Refused {
  readonly since: number
  /** How many since then, and how many of them the log has told. */
  count: number
  toldCount: number
  toldAt: number
  lastAt: number
  /** Whether one was served after the last that was refused. */
  isServedSince: boolean
  last: EngineError
  /** The size of the largest write that found no room. */
  bytes: number
}

/**
 * Whether the engine serves reads and writes. The log gets a line when it begins to refuse them, a
 * line when it serves them again, and the number of refused ones in between once a minute.
 */
export class EngineWatch {
  readonly reads: ServiceWatch
  readonly writes: ServiceWatch

  constructor(environment: Environment) {
    this.reads = new ServiceWatch('Reads', environment)
    this.writes = new ServiceWatch('Writes', environment)
  }

  /** What is refused now, as far as the last requests show. */
  refusals(): Refusal[] {
    const all = [this.writes.refusal(), this.reads.refusal()]
    return all.filter((one) => one !== undefined)
  }
}

class ServiceWatch {
  readonly #name: string
  readonly #environment: Environment
  #refused: Refused | undefined

  constructor(name: string, environment: Environment) {
    this.#name = name
    this.#environment = environment
  }

  /** If false, `served` need not be called. */
  get isRefusing(): boolean {
    return this.#refused !== undefined
  }

  refused(error: unknown, write?: AtomicWrite): void {
    if (!(error instanceof EngineError) || !isRefusal(error)) return
    const now = this.#environment.monotonic()
    const bytes = write && error.failure === 'full' ? sizeOf(write) : 0
    if (!this.#refused) this.#begin(error, now)
    const refused = this.#refused
    if (!refused) return
    refused.last = error
    refused.lastAt = now
    refused.isServedSince = false
    refused.bytes = Math.max(refused.bytes, bytes)
    refused.count += 1
    if (now - refused.toldAt >= limits.refusalsToldMs) this.#tellCount(refused, now)
  }

  /** To be called with the write, if it was one. */
  served(write?: AtomicWrite): void {
    const refused = this.#refused
    if (!refused) return
    const now = this.#environment.monotonic()
    const age = now - refused.lastAt
    // A short write may find room where a long one does not.
    const isLarge = (write ? sizeOf(write) : 0) >= refused.bytes / 2
    if (!isLarge && age < limits.refusalTrustedMs) return
    refused.isServedSince = true
    // Others may still be refused at the same time: they would make a line each.
    if (age < limits.refusalSettledMs) return
    this.#refused = undefined
    const seconds = ((now - refused.since) / 1_000).toFixed(1)
    this.#log(`are served again after ${seconds} s; ${refused.count} were refused.`)
  }

  refusal(): Refusal | undefined {
    const refused = this.#refused
    if (!refused || refused.isServedSince) return undefined
    const age = this.#environment.monotonic() - refused.lastAt
    if (age >= limits.refusalTrustedMs) return undefined
    const sentence = `${this.#name} are refused, because ${why(refused.last)}.`
    return { sentence, reason: refused.last.message }
  }

  #begin(error: EngineError, now: number): void {
    const counts = { count: 0, toldCount: 1, bytes: 0 }
    const times = { since: now, toldAt: now, lastAt: now }
    this.#refused = { ...counts, ...times, isServedSince: false, last: error }
    this.#log(`are refused, because ${why(error)}: ${error.message}`)
  }

  #tellCount(refused: Refused, now: number): void {
    const seconds = Math.round((now - refused.toldAt) / 1_000)
    const more = refused.count - refused.toldCount
    refused.toldAt = now
    refused.toldCount = refused.count
    this.#log(`are still refused: ${more} more in ${seconds} s. ${refused.last.message}`)
  }

  #log(what: string): void {
    this.#environment.logError(`${this.#name} ${what}`, undefined)
  }
}

/** Other failures are about one request, or a closed engine. */
function isRefusal({ failure }: EngineError): boolean {
  return failure === 'unavailable' || failure === 'full'
}

function why({ failure }: EngineError): string {
  return failure === 'full' ? 'the storage is full' : 'the storage fails'
}

function sizeOf({ puts = [] }: AtomicWrite): number {
  return puts.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
}
