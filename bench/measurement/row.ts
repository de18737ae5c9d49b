import type { LoadProcess } from '../load/load-process.ts'

/** What every row is given. */
export interface Bench {
  /** The Coatcheck that is measured: a `coatcheck.js`. */
  readonly program: string
  /** An empty folder of its own for each caller; gone after the run. */
  createFolder(): string
  readonly load: LoadProcess
  /** How often both sides of a ratio are measured, one after the other. */
  readonly rounds: number
  readonly roundMs: number
  /** Less data where a row has much. */
  readonly isQuick: boolean
  /** Flags for the Node of Coatcheck. */
  readonly nodeFlags: readonly string[]
}

export interface Row {
  /** What `--only` is given. */
  readonly name: string
  run(bench: Bench): Promise<readonly Outcome[]>
}

/**
 * `ratio`: our rate by that of what we compare with, more is better. Of all else less is better.
 */
export type Unit = 'ratio' | 'ms' | 'MB' | 's'

/** One line of the table. */
export interface Outcome {
  /** Stays the same for good: the baseline knows the line by it. */
  readonly name: string
  readonly what: string
  readonly value: number
  readonly unit: Unit
  /** The least ratio, or the most of anything else; undefined: there for information. */
  readonly target?: number
  /** The worst and the best round. */
  readonly spread?: Spread
  readonly own?: Side
  readonly reference?: Side
}

/** A line together with what other programs took of the machine meanwhile. */
export interface Measured extends Outcome {
  /** A part of all processors. */
  readonly others: number
}

/** From here on a ratio says little. */
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
 * How little CPU we take beside the other: what a busy machine disturbs least. NaN without sides.
 */
export function cpuRatio({ own, reference }: Outcome): number {
  return own && reference ? reference.cpuUs / own.cpuUs : Number.NaN
}

export function isMet({ value, unit, target }: Outcome): boolean | undefined {
  if (target === undefined) return undefined
  return unit === 'ratio' ? value >= target : value <= target
}
