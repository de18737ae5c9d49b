import type { EngineHealth, InstalledEngine } from '../engine/installed-engine.ts'
import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'

/** What the keeper of a server may ask of what is acknowledged. */
export type DurabilityWish = 'any' | 'single' | 'replicated'

export const durabilityWishes: readonly DurabilityWish[] = ['any', 'single', 'replicated']

/** How a server is, now. */
export interface HealthReport {
  /** `degraded`: it serves, but not as it should. `unavailable`: it does not serve. */
  readonly status: 'ok' | 'degraded' | 'unavailable'
  /** What the engine says of itself: for its keeper alone, since it may name machines. */
  readonly engine: EngineHealth
  /** What this server finds wrong, in sentences that anybody may read. */
  readonly problems: readonly string[]
  /** How far the engine's clock is ahead of the server's; undefined: it has none of its own. */
  readonly clockSkewMs: number | undefined
}

/** Between which times an engine was asked. */
interface Asked {
  readonly before: number
  readonly after: number
}

interface HealthParts {
  readonly engine: Pick<InstalledEngine, 'health'>
  readonly environment: Environment
  readonly wish: DurabilityWish
}

/** How a server is: asked of the engine once at a time, and once in `limits.cachedHealthMs`. */
export class Health {
  readonly #parts: HealthParts
  #asking: Promise<HealthReport> | undefined
  #told: { readonly at: number; readonly report: HealthReport } | undefined

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** Whoever asks at the same time is told the same. */
  async report(): Promise<HealthReport> {
    const age = this.#told ? this.#parts.environment.now() - this.#told.at : -1
    // What was told in the future was told before the clock was set back.
    if (this.#told && age >= 0 && age < limits.cachedHealthMs) return this.#told.report
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
    this.#told = { at: after, report }
    return report
  }

  #judge(engine: EngineHealth, { before, after }: Asked): HealthReport {
    const clockSkewMs =
      engine.now === undefined ? undefined : Math.round(engine.now - (before + after) / 2)
    const problems = [
      ...durabilityProblems(engine, this.#parts.wish),
      ...clockProblems(clockSkewMs, { before, after }),
    ]
    return { status: statusOf(engine, problems), engine, problems, clockSkewMs }
  }
}

/** Whether an engine's own settings promise as much as is wished for, kept just now or not. */
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
  // What can't be reached promises nothing, and whyNot says so.
  if (engine.whyNot !== undefined) return []
  if (engine.durability === 'degraded')
    return ['What is acknowledged is not replicated as it should be.']
  return promises(engine, wish) ? [] : [`What is acknowledged is not ${wordOf(wish)} any more.`]
}

function wordOf(wish: DurabilityWish): string {
  return wish === 'replicated' ? 'replicated' : 'on a disk'
}

/** An engine that took long to answer may have looked at its clock at any moment meanwhile. */
function clockProblems(skewMs: number | undefined, { before, after }: Asked): string[] {
  if (skewMs === undefined) return []
  if (Math.abs(skewMs) - Math.abs(after - before) / 2 <= limits.clockSkewMsMax) return []
  return [`The clocks of this server and of its database are ${Math.abs(skewMs)} ms apart.`]
}
