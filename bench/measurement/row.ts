import type { LoadProcess } from '../load/load-process.ts'

/** What every row is given. */
export interface Bench {
  /** The Coatcheck that is measured: a `coatcheck.js`. */
  readonly program: string
  /** Creates an empty folder for each caller; it is deleted after the run. */
  createFolder(): string
  readonly load: LoadProcess
  /** How often both sides of a ratio are measured, one after the other. */
  readonly rounds: number
  readonly roundMs: number
  /** Whether rows with much data use less. */
  readonly isQuick: boolean
  /** Flags for the Node of Coatcheck. */
  readonly nodeFlags: readonly string[]
}

export interface Row {
  /** The name for `--only`. */
  readonly name: string
  run(bench: Bench): Promise<readonly Outcome[]>
}

/**
 * `ratio`: our rate divided by that of the reference; more is better. For the others, less is
 * better. `times`: as a multiple of the same without a disturbance.
 */
export type Unit = 'ratio' | 'times' | 'ms' | 'MB' | 's'

/** One line of the table. */
export interface Outcome {
  /** Never changes: the baseline knows the line by it. */
  readonly name: string
  readonly what: string
  readonly value: number
  readonly unit: Unit
  /** The least ratio, or the most of any other unit; undefined: there is no target. */
  readonly target?: number
  /** The lowest and the highest value of a round. */
  readonly spread?: Spread
  readonly own?: Side
  readonly reference?: Side
}

/** A line, and the CPU time that other programs took meanwhile. */
export interface Measured extends Outcome {
  /** As a part of all processors, 0 to 1. */
  readonly others: number
}

/** If other programs took more than this part, a ratio says little. */
export const othersMax = 0.1

export interface Spread {
  readonly low: number
  readonly high: number
}

/** One side of a ratio, as medians over the rounds. */
export interface Side {
  readonly perSecond: number
  /** User and system time of the measured process for one operation, in microseconds. */
  readonly cpuUs: number
}

/**
 * The reference's CPU time for one operation, divided by ours: other load on the machine disturbs
 * it least. NaN without sides.
 */
export function cpuRatio({ own, reference }: Outcome): number {
  return own && reference ? reference.cpuUs / own.cpuUs : Number.NaN
}

export function isMet({ value, unit, target }: Outcome): boolean | undefined {
  if (target === undefined) return undefined
  return unit === 'ratio' ? value >= target : value <= target
}
