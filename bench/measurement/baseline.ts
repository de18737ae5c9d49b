import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Machine } from './machine.ts'
import { cpuRatio, type Measured, type Outcome, othersMax } from './row.ts'

/** Both ways to compare, kept for a row. */
interface Ratios {
  /** Of the rates. */
  readonly rate: number
  /** Of the CPU time for one operation. */
  readonly cpu: number
}

/** The ratios of an earlier run, which later ones are held against. */
export interface Baseline {
  readonly savedOn: string
  readonly ratios: Readonly<Record<string, Ratios>>
}

/** By processors and Node: the same program has other ratios on others. */
type Baselines = Readonly<Record<string, Baseline>>

/** More than this part below the baseline is a defect. */
const lossMax = 0.1
const file = new URL('../baseline.json', import.meta.url)

/** Undefined where none was saved yet on such a machine. */
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
 * Rows that were left out of this run, or disturbed by others, keep what was saved of them. Returns
 * the names of the disturbed ones.
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

/**
 * How far a row is from the baseline, as parts of it; undefined where there is nothing to compare.
 */
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
