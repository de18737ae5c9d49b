import { parseArgs } from 'node:util'
import type { CopyPhase, CopyProgress, CopyReport } from '../../core/upkeep/copy.ts'
import {
  firstSentence,
  isDatabase,
  parseDatabase,
  withoutPasswords,
} from '../../installation/config.ts'
import { copyData, type Place } from '../../installation/copy-data.ts'
import { CommandError, UsageError } from '../terminal/command-errors.ts'
import { ProgressBar } from '../terminal/progress-bar.ts'
import { sizeCell } from '../terminal/readable.ts'
import { Screen } from '../terminal/screen.ts'

const usageLine =
  'Usage: coatcheck copy --from PLACE --to PLACE [--restart] [--skip-damaged] [--json]\n'

export const copyHelp = `${usageLine}
Copies all data, with its revisions, to an empty place, and compares both.
A PLACE is a data folder that no server uses, or postgres://USER@HOST/DATABASE whose
servers are stopped. Run the same command again to continue an interrupted copy. No
server starts on the target before the copy is complete.

  --from PLACE    the place to copy from
  --to PLACE      the place to copy to
  --restart       deletes an incomplete copy that can't be continued, and starts again
  --skip-damaged  leaves out damaged entries; without it, they stop the copy
  --json          prints entries, bytes, newest (revision) and skipped as JSON
`

type Variables = Readonly<Record<string, string | undefined>>

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

const interrupted = 'The copy was interrupted. Run the same command again to continue it.'

/** `coatcheck copy`: copies data that no server uses to another place, and compares both. */
export async function copyCommand(
  args: readonly string[],
  environment: Variables,
): Promise<number> {
  const { from, to, restart, json, 'skip-damaged': skipDamaged } = parse(args)
  const bar = new ProgressBar(process.stderr, '')
  const onProgress = ({ phase, done, total }: CopyProgress): void => {
    bar.title = titles[phase]
    bar.show(done, total)
  }
  const signal = untilInterrupted()
  const options = { restart, skipDamaged, signal, onProgress }
  const places = { from: placeOf(from, environment), to: placeOf(to, environment) }
  for (const [flag, text] of Object.entries({ from, to })) warnOfPassword(flag, text)
  const report = await copyData(places, options).finally(() => bar.end())
  const screen = new Screen({ isJson: json })
  if (json) screen.json(report)
  else screen.sentence(sentenceOf(report))
  return 0
}

function placeOf(text: string, environment: Variables): Place {
  if (isDatabase(text)) return { kind: 'database', address: parseDatabase(text, environment) }
  if (!/^\w+:\/\//.test(text)) return { kind: 'folder', path: text }
  const sentence = `"${text}" is neither a folder nor postgres://USER@HOST/DATABASE.`
  throw new UsageError(withoutPasswords(sentence), usageLine)
}

function warnOfPassword(flag: string, text: string): void {
  if (withoutPasswords(text) === text) return
  const sentence = `All users of this machine can read the password in --${flag}`
  process.stderr.write(`${sentence}. Use PGPASSWORD or PGPASSFILE instead.\n`)
}

function parse(args: readonly string[]) {
  const { from, to, restart = false, json = false, ...more } = parseFlags(args)
  if (!from) throw new UsageError('Missing option --from: the place to copy from.', usageLine)
  if (!to) throw new UsageError('Missing option --to: the place to copy to.', usageLine)
  return { from, to, restart, json, 'skip-damaged': more['skip-damaged'] ?? false }
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(firstSentence(error.message), usageLine)
    throw error
  }
}

/** The first Ctrl-C ends the copy between two restores, a second one at once. Both are safe. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new CommandError(interrupted)))
  }
  return controller.signal
}

function sentenceOf({ entries, bytes, newest, skipped }: CopyReport): string {
  const what = `${entries} entries, ${sizeCell(bytes).readable}, up to revision ${newest}`
  const without = skipped === 0 ? '' : `, ${skipped} damaged and left out`
  return `${what}${without}: the copy is the same as its source.`
}
