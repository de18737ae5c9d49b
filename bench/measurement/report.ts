import { mkdirSync, writeFileSync } from 'node:fs'
import { type Baseline, changeOf, isDefect } from './baseline.ts'
import type { Machine } from './machine.ts'
import { cpuRatio, isMet, type Measured, type Outcome, othersMax, type Side } from './row.ts'

const columns = [
  'row',
  'what',
  'value',
  'target',
  '',
  'rounds',
  'by second',
  'CPU us',
  'CPU ratio',
  'others',
  'baseline',
]

export function printTable(outcomes: readonly Measured[], baseline: Baseline | undefined): void {
  const lines = [columns, ...outcomes.map((outcome) => lineOf(outcome, baseline))]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => widthOf(line, column))))
  for (const line of lines) {
    const cells = line.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
}

/** Saves the run in a folder that git ignores: as the latest one, and under its date. */
export function writeResults(run: {
  machine: Machine
  isQuick: boolean
  load: { before: number; after: number }
  outcomes: readonly Measured[]
}): void {
  const folder = new URL('../results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const text = `${JSON.stringify(run, undefined, 2)}\n`
  for (const name of ['latest', run.machine.date]) {
    writeFileSync(new URL(`${name}.json`, folder), text)
  }
}

function widthOf(line: readonly string[], column: number): number {
  return line[column]?.length ?? 0
}

function lineOf(outcome: Measured, baseline: Baseline | undefined): string[] {
  const { name, what, value, unit, target, spread, own, reference } = outcome
  const limit = unit === 'ratio' ? '>=' : '<='
  return [
    name,
    what,
    unit === 'ratio' ? number(value) : `${number(value)} ${unit}`,
    target === undefined ? '' : `${limit} ${target}`,
    verdict(outcome),
    spread ? `${number(spread.low)}..${number(spread.high)}` : '',
    pair(own, reference, ({ perSecond }) => perSecond),
    pair(own, reference, ({ cpuUs }) => cpuUs),
    reference ? number(cpuRatio(outcome)) : '',
    `${Math.round(outcome.others * 100)} %`,
    comparison(outcome, baseline),
  ]
}

function verdict(outcome: Outcome): string {
  const met = isMet(outcome)
  if (met === undefined) return ''
  return met ? 'ok' : 'missed'
}

function pair(
  own: Side | undefined,
  reference: Side | undefined,
  pick: (side: Side) => number,
): string {
  if (!own) return ''
  return reference ? `${number(pick(own))} / ${number(pick(reference))}` : number(pick(own))
}

function comparison(outcome: Measured, baseline: Baseline | undefined): string {
  const change = changeOf(outcome, baseline)
  if (!change) return ''
  const text = `${percent(change.rate)} (CPU ${percent(change.cpu)})`
  if (outcome.others > othersMax) return `${text} disturbed`
  return isDefect(change) ? `${text} DEFECT` : text
}

function percent(part: number): string {
  return `${part < 0 ? '' : '+'}${Math.round(part * 100)} %`
}

/** Three digits: such measurements are not more exact. */
function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
