import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export interface Options {
  /** Only the rows whose name contains one of these; empty: all. */
  readonly only: readonly string[]
  /** Shorter rounds and less data: to see that the benchmark runs, not to compare. */
  readonly isQuick: boolean
  readonly saveBaseline: boolean
  /** The `coatcheck.js` that is measured. */
  readonly program: string
  /** Where folders for data are made; must be on the disk that is to be measured. */
  readonly data: string
  /** Prints where Coatcheck spends its time while a row runs. */
  readonly profile: boolean
}

const flags = {
  only: { type: 'string', multiple: true },
  quick: { type: 'boolean' },
  'save-baseline': { type: 'boolean' },
  server: { type: 'string' },
  data: { type: 'string' },
  profile: { type: 'boolean' },
} as const

/** Throws TypeError with a sentence for the terminal. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: flags, strict: true })
  const isQuick = values.quick ?? false
  const profile = values.profile ?? false
  const saveBaseline = values['save-baseline'] ?? false
  if (saveBaseline && (isQuick || profile)) {
    throw new TypeError('A baseline is saved from a full run without --quick and --profile.')
  }
  return {
    only: values.only ?? [],
    isQuick,
    saveBaseline,
    program: values.server ?? ownProgram(),
    data: values.data ?? tmpdir(),
    profile,
  }
}

function ownProgram(): string {
  return fileURLToPath(new URL('../server/bin/coatcheck.js', import.meta.url))
}
