import type { CopyPhase, CopyProgress, CopyReport } from '../../core/upkeep/copy.ts'
import { ArgumentsError, parseArguments } from '../../installation/arguments/arguments.ts'
import { withoutPasswords } from '../../installation/arguments/passwords.ts'
import { isDatabase, isInsecureFolderTaken, parseDatabase } from '../../installation/config.ts'
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

COATCHECK_INSECURE_FOLDER=on accepts folders that other users of this machine may write to.
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
  const { from, to, restart, json, skipDamaged } = parse(args)
  const bar = new ProgressBar(process.stderr, '')
  const onProgress = ({ phase, done, total }: CopyProgress): void => {
    bar.title = titles[phase]
    bar.show(done, total)
  }
  const signal = untilInterrupted()
  const isInsecureTaken = isInsecureFolderTaken(environment)
  const options = { restart, skipDamaged, signal, onProgress, isInsecureTaken }
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

interface CopyFlags {
  readonly from: string
  readonly to: string
  readonly restart: boolean
  readonly skipDamaged: boolean
  readonly json: boolean
}

function parse(args: readonly string[]): CopyFlags {
  const given = parseFlags(args)
  const place = (name: 'from' | 'to'): string => {
    const text = given[name]
    if (typeof text === 'string' && text !== '') return text
    throw new UsageError(`Missing option --${name}: the place to copy ${name}.`, usageLine)
  }
  const has = (name: string): boolean => given[name] === true
  const [restart, skipDamaged, json] = [has('restart'), has('skip-damaged'), has('json')]
  return { from: place('from'), to: place('to'), restart, skipDamaged, json }
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArguments(args, flags).values
  } catch (error) {
    if (error instanceof ArgumentsError) throw new UsageError(error.message, usageLine)
    throw error
  }
}

/** The first Ctrl-C ends the copy between two restores, a second one at once. Both are safe. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => controller.abort(new CommandError(interrupted)))
  }
  return controller.signal
}

function sentenceOf({ entries, bytes, newest, skipped }: CopyReport): string {
  const what = `${entries} entries, ${sizeCell(bytes).readable}, up to revision ${newest}`
  const without = skipped === 0 ? '' : `, ${skipped} damaged and left out`
  return `${what}${without}: the copy is the same as its source.`
}
