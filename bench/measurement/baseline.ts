import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Machine } from './machine.ts'
import { cpuRatio, type Measured, type Outcome, othersMax } from './row.ts'

/** The two ratios of a row in the baseline. */
interface Ratios {
  /** Our rate divided by that of the reference. */
  readonly rate: number
  /** The reference's CPU time for one operation, divided by ours. */
  readonly cpu: number
}

/** The ratios of an earlier run. Later runs are compared with them. */
export interface Baseline {
  readonly savedOn: string
  readonly ratios: Readonly<Record<string, Ratios>>
}

/** By processors and Node: on others, the same program has other ratios. */
type Baselines = Readonly<Record<string, Baseline>>

/** A ratio is a defect if it is below the baseline by more than this part of it. */
const lossMax = 0.1
const file = new URL('../baseline.json', import.meta.url)

/** Undefined if no baseline was saved on such a machine. */
export function readBaseline(machine: Machine): Baseline | undefined {
  return readAll()[nameOf(machine)]
}

function readAll(): Baselines {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}

function nameOf({ cpus, node }: Machine): string {
  return `${cpus}, Node ${node}`
}

/**
 * Saves the ratios of a run. Rows that did not run, or were disturbed by other programs, keep their
 * saved ratios. Returns the names of the disturbed rows.
 */
export function saveBaseline(outcomes: readonly Measured[], machine: Machine): string[] {
  const ratioLines = outcomes.filter(({ unit }) => unit === 'ratio')
  const measured = ratioLines
    .filter(({ others }) => others <= othersMax)
    .map((outcome) => [outcome.name, ratiosOf(outcome)])
  const ratios = { ...readBaseline(machine)?.ratios, ...Object.fromEntries(measured) }
  const baseline: Baseline = { savedOn: machine.date, ratios }
  const all: Baselines = { ...readAll(), [nameOf(machine)]: baseline }
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`)
  return ratioLines.filter(({ others }) => others > othersMax).map(({ name }) => name)
}

/** How far a row is from the baseline, as parts of it; undefined if there is nothing to compare. */
export function changeOf(outcome: Outcome, baseline: Baseline | undefined): Ratios | undefined {
  const before = baseline?.ratios[outcome.name]
  if (outcome.unit !== 'ratio' || before === undefined) return undefined
  const now = ratiosOf(outcome)
  return { rate: now.rate / before.rate - 1, cpu: now.cpu / before.cpu - 1 }
}

export function isDefect({ rate }: Ratios): boolean {
  return rate < -lossMax
}

function ratiosOf(outcome: Outcome): Ratios {
  return { rate: rounded(outcome.value), cpu: rounded(cpuRatio(outcome)) }
}

function rounded(ratio: number): number {
  return Number(ratio.toFixed(3))
}
