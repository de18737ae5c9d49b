import { parseArgs } from 'node:util'
import { firstSentence } from '../config.ts'
import { copyData } from '../copy-data.ts'
import type { CopyPhase, CopyProgress, CopyReport } from '../core/copy.ts'
import { CommandError, UsageError } from './command-errors.ts'
import { ProgressBar } from './progress-bar.ts'
import { sizeCell } from './readable.ts'
import { Screen } from './screen.ts'

export const copyUsage = 'coatcheck copy --from DIR --to DIR [--restart] [--skip-damaged] [--json]'

const flags = {
  from: { type: 'string' },
  to: { type: 'string' },
  restart: { type: 'boolean' },
  'skip-damaged': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

const titles = {
  reading: 'Reading',
  copying: 'Copying',
  comparing: 'Comparing',
} as const satisfies Record<CopyPhase, string>

const interrupted = 'The copy was interrupted: the same command goes on where it stopped.'

/** `coatcheck copy`: copies the data of a folder that nobody serves to another, and compares. */
export async function copyCommand(args: readonly string[]): Promise<number> {
  const { from, to, restart, json, 'skip-damaged': skipDamaged } = parse(args)
  const bar = new ProgressBar(process.stderr, '')
  const onProgress = ({ phase, done, total }: CopyProgress): void => {
    bar.title = titles[phase]
    bar.show(done, total)
  }
  const signal = untilInterrupted()
  const options = { restart, skipDamaged, signal, onProgress }
  const report = await copyData({ from, to }, options).finally(() => bar.end())
  const screen = new Screen({ isJson: json })
  if (json) screen.json(report)
  else screen.sentence(sentenceOf(report))
  return 0
}

function parse(args: readonly string[]) {
  const { from, to, restart = false, json = false, ...more } = parseFlags(args)
  if (!from) throw new UsageError('It needs to be said what to copy: --from.', usageLine)
  if (!to) throw new UsageError('It needs to be said where to copy: --to.', usageLine)
  return { from, to, restart, json, 'skip-damaged': more['skip-damaged'] ?? false }
}

const usageLine = `Usage: ${copyUsage}\n`

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(firstSentence(error.message), usageLine)
    throw error
  }
}

/** Ctrl-C ends it between two restores; again, at once, which harms nothing either. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new CommandError(interrupted)))
  }
  return controller.signal
}

function sentenceOf({ entries, bytes, newest, skipped }: CopyReport): string {
  const what = `${entries} entries, ${sizeCell(bytes).readable}, up to revision ${newest}`
  const without = skipped === 0 ? '' : `, without ${skipped} that are damaged`
  return `${what}${without}: the copy is the same as its source.`
}
