import type { SteadyClock } from '../clock/steady-clock.ts'
import type { EngineWatch } from '../engine/engine-watch.ts'
import type { EngineHealth, InstalledEngine } from '../engine/installed-engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'

/** The durability of acknowledged writes that the operator of a server asks for. */
export type DurabilityWish = 'any' | 'single' | 'replicated'

export const durabilityWishes: readonly DurabilityWish[] = ['any', 'single', 'replicated']

/** The current health of a server. */
export interface HealthReport {
  /**
   * `degraded`: it serves requests, but with problems. `unavailable`: it does not serve requests.
   */
  readonly status: 'ok' | 'degraded' | 'unavailable'
  /** The engine's own report: only for the operator, since it may name machines. */
  readonly engine: EngineHealth
  /** The problems that this server finds, in sentences that anybody may read. */
  readonly problems: readonly string[]
  /** More about them, only for the operator. */
  readonly details: readonly string[]
  /**
   * How far the engine's clock is ahead of the server's; undefined: the engine has no clock of its
   * own.
   */
  readonly clockSkewMs: number | undefined
}

/** The times before and after a request to the engine. */
interface Asked {
  readonly before: number
  readonly after: number
}

interface HealthParts {
  readonly engine: Pick<InstalledEngine, 'health'>
  readonly environment: Environment
  readonly clock: Pick<SteadyClock, 'problem'>
  readonly wish: DurabilityWish
  /** Undefined: nobody watches what the engine refuses. */
  readonly watch?: EngineWatch
}

/**
 * The health of a server. Asks the engine once at a time, and at most once in
 * `limits.cachedHealthMs`.
 */
export class Health {
  readonly #parts: HealthParts
  #asking: Promise<HealthReport> | undefined
  #told: { readonly at: number; readonly report: HealthReport } | undefined
  /** What the engine promised when it last served, and when that was, in ms since 1970. */
  #known: { readonly at: number; readonly durability: EngineHealth['durability'] } | undefined

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** Simultaneous calls get the same report. */
  async report(): Promise<HealthReport> {
    const age = this.#parts.environment.monotonic() - (this.#told?.at ?? -Infinity)
    if (this.#told && age < limits.cachedHealthMs) return this.#told.report
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<HealthReport> {
    const before = this.#parts.environment.now()
    const engine = await this.#parts.engine.health()
    const after = this.#parts.environment.now()
    const report = this.#judge(engine, { before, after })
    this.#told = { at: this.#parts.environment.monotonic(), report }
    if (engine.whyNot === undefined) this.#known = { at: after, durability: engine.durability }
    return report
  }

  #judge(engine: EngineHealth, { before, after }: Asked): HealthReport {
    const clockSkewMs =
      engine.now === undefined ? undefined : Math.round(engine.now - (before + after) / 2)
    const { problem } = this.#parts.clock
    // An engine that does not serve at all says so itself.
    const refusals = engine.whyNot === undefined ? (this.#parts.watch?.refusals() ?? []) : []
    const problems = [
      ...(problem === undefined ? [] : [problem]),
      ...refusals.map(({ sentence }) => sentence),
      ...durabilityProblems(engine, this.#parts.wish),
      ...clockProblems(clockSkewMs, { before, after }),
      ...roomProblems(engine),
    ]
    const details = [...refusals.map(({ reason }) => reason), ...this.#lastKnown(engine)]
    return { status: statusOf(engine, problems), engine, problems, details, clockSkewMs }
  }

  #lastKnown({ durability }: EngineHealth): string[] {
    if (durability !== 'unknown' || !this.#known) return []
    const at = new Date(this.#known.at).toISOString()
    return [`The durability was last known at ${at}: ${this.#known.durability}.`]
  }
}

/**
 * Whether the engine's settings promise the wanted durability, even if it can't keep the promise
 * now.
 */
export function promises({ durability }: EngineHealth, wish: DurabilityWish): boolean {
  if (wish === 'any') return true
  if (wish === 'single') return durability !== 'none'
  return durability === 'replicated' || durability === 'degraded'
}

function statusOf({ whyNot }: EngineHealth, problems: readonly string[]): HealthReport['status'] {
  if (whyNot !== undefined) return 'unavailable'
  return problems.length === 0 ? 'ok' : 'degraded'
}

function durabilityProblems(engine: EngineHealth, wish: DurabilityWish): string[] {
  // An engine that can't be reached promises nothing. `whyNot` reports that already.
  if (engine.whyNot !== undefined) return []
  if (engine.durability === 'degraded')
    return ['Acknowledged writes are not replicated as they should be.']
  return promises(engine, wish) ? [] : [`Acknowledged writes are no longer ${wordOf(wish)}.`]
}

function roomProblems({ freeBytes }: EngineHealth): string[] {
  if (freeBytes === undefined || freeBytes >= limits.fullDiskBytesMax) return []
  return ['The disk is full.']
}

function wordOf(wish: DurabilityWish): string {
  return wish === 'replicated' ? 'replicated' : 'on a disk'
}

/**
 * A slow engine may have read its clock at any moment during the request, so allow for half its
 * duration.
 */
function clockProblems(skewMs: number | undefined, { before, after }: Asked): string[] {
  if (skewMs === undefined) return []
  if (Math.abs(skewMs) - Math.abs(after - before) / 2 <= limits.clockSkewMsMax) return []
  return [`The clocks of this server and of its database are ${Math.abs(skewMs)} ms apart.`]
}
