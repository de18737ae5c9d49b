import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LoadProcess } from './load/load-process.ts'
import { readBaseline, saveBaseline } from './measurement/baseline.ts'
import { describeMachine, isInMemory, loadAverage, type Machine } from './measurement/machine.ts'
import { printProfile } from './measurement/profile.ts'
import { printTable, writeResults } from './measurement/report.ts'
import type { Bench, Measured, Outcome, Row } from './measurement/row.ts'
import { type Options, readOptions } from './options.ts'
import { rows } from './rows.ts'
import { Others } from './servers/others.ts'

const fullRun = { rounds: 7, roundMs: 2_000 } as const
const quickRun = { rounds: 2, roundMs: 500 } as const

await main()

async function main(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('The benchmark reads /proc: it needs Linux.')
  const options = readOptions(process.argv.slice(2))
  const chosen = rows.filter(({ name }) => isChosen(name, options))
  if (chosen.length === 0) throw new Error(`Rows are: ${rows.map(({ name }) => name).join(', ')}`)
  const machine = describeMachine()
  const load = { before: loadAverage(), after: 0 }
  announce(machine, options)
  const outcomes = await runAll(chosen, options)
  load.after = loadAverage()
  say(`load average ${load.after.toFixed(1)} at the end`)
  const isFull = !options.isQuick && !options.profile
  printTable(outcomes, isFull ? readBaseline(machine) : undefined)
  if (options.profile) return
  writeResults({ machine, isQuick: options.isQuick, load, outcomes })
  if (!options.saveBaseline) return
  const disturbed = saveBaseline(outcomes, machine)
  if (disturbed.length > 0) say(`not saved, disturbed by other programs: ${disturbed.join(', ')}`)
}

function announce({ cpus, memory, node }: Machine, { data }: Options): void {
  say(`${cpus}, ${memory}, Node ${node}, load average ${loadAverage().toFixed(1)}`)
  if (isInMemory(data)) say(`${data} is in memory: give --data a folder on a disk.`)
}

function isChosen(name: string, { only }: Options): boolean {
  return only.length === 0 || only.some((part) => name.includes(part))
}

async function runAll(chosen: readonly Row[], options: Options): Promise<Measured[]> {
  const all: Measured[] = []
  for (const row of chosen) {
    say(`${row.name} (load average ${loadAverage().toFixed(1)}) ...`)
    const others = new Others()
    const outcomes = await runRow(row, options)
    const share = others.share()
    // Said at once, so that a run that is interrupted later has not been for nothing.
    for (const { name, value, unit } of outcomes) say(`${name}: ${value.toFixed(3)} ${unit}`)
    all.push(...outcomes.map((outcome) => ({ ...outcome, others: share })))
  }
  return all
}

/** Each row begins with empty folders and leaves nothing behind, also when it is interrupted. */
async function runRow(row: Row, options: Options): Promise<readonly Outcome[]> {
  const home = mkdtempSync(join(options.data, 'coatcheck-bench-'))
  const remove = (): void => rmSync(home, { recursive: true, force: true })
  process.once('SIGINT', () => {
    remove()
    process.exit(130)
  })
  const load = new LoadProcess()
  const profiles = join(home, 'profiles')
  try {
    const outcomes = await row.run(benchOf({ options, load, home, profiles }))
    if (options.profile) printProfile(profiles)
    return outcomes
  } finally {
    process.removeAllListeners('SIGINT')
    await load.stop()
    remove()
  }
}

function benchOf(parts: {
  options: Options
  load: LoadProcess
  home: string
  profiles: string
}): Bench {
  const { options, load, home, profiles } = parts
  return {
    ...(options.isQuick ? quickRun : fullRun),
    program: options.program,
    isQuick: options.isQuick,
    load,
    createFolder: () => mkdtempSync(join(home, 'data-')),
    nodeFlags: options.profile ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [],
  }
}

/** Prints on stderr: stdout has only the table. */
function say(sentence: string): void {
  process.stderr.write(`bench: ${sentence}\n`)
}
