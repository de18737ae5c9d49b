import { EngineError } from '../core/engine/engine.ts'
import { StorageError } from '../core/kernel/errors.ts'
import { CopyError } from '../core/upkeep/copy-error.ts'
import { ConfigError, describeSettings, withoutPasswords } from '../installation/config.ts'
import { DataFolderError } from '../installation/data-folder.ts'
import { StartError } from '../installation/start-error.ts'
import { readVersion } from '../installation/version.ts'
import { auditCommand } from './commands/audit.ts'
import { checkCommand } from './commands/check.ts'
import { type Command, commonFlagsHelp, runCommand, usageOf } from './commands/command.ts'
import { copyCommand, copyHelp } from './commands/copy.ts'
import { serveCommand } from './commands/serve.ts'
import { statusCommand } from './commands/status.ts'
import { storeCommands } from './commands/store.ts'
import { tokenCommands } from './commands/token.ts'
import { userCommands } from './commands/user.ts'
import { projectCommands } from './projects/project.ts'
import { CommandError, UsageError } from './terminal/command-errors.ts'
import { printable } from './terminal/printable.ts'

type Variables = Readonly<Record<string, string | undefined>>
type Program = (args: readonly string[], environment: Variables) => Promise<number>

const programs: Readonly<Record<string, Program>> = {
  serve: serveCommand,
  check: checkCommand,
  copy: copyCommand,
}

/** Of what has no settings of a server. */
const helps: Readonly<Record<string, string>> = { copy: copyHelp }

/** What is done with the data by way of the API: by what it is done to, and how. */
const nouns: Readonly<Record<string, Readonly<Record<string, Command>>>> = {
  user: userCommands,
  token: tokenCommands,
  store: storeCommands,
  project: projectCommands,
  audit: { '': auditCommand },
  status: { '': statusCommand },
}

const usage = `Coatcheck, a key-value store of your own.

Usage: coatcheck serve [options]   serve the data of a folder
       coatcheck check [options]   walk all data and report what is wrong with it
       coatcheck copy ...          copy all data to another place, resumably, and compare
       coatcheck status ...        whether the server serves, and what its engine promises
       coatcheck user ...          list, add, disable, enable users, or make them admins
       coatcheck token ...         list, create and revoke tokens
       coatcheck store ...         list, show, rename, share, clear and delete stores
       coatcheck project ...       make App Lab projects, say what pages may, export, import
       coatcheck audit ...         what was done, and by whom
       coatcheck --version | --help

coatcheck user --help tells of users, coatcheck copy --help of copies, and so on.

Options of serve and check, each also an environment variable (--port is COATCHECK_PORT):
${describeSettings()}

COATCHECK_INITIAL_TOKEN sets the token of the first start: 32 or more visible ASCII characters.
`

/** Runs one command line and answers the exit code: 0 well, 1 could not, 2 wrong usage. */
export async function runCli(args: readonly string[], environment: Variables): Promise<number> {
  const [name = '--help', ...rest] = args
  if (name === '--version') return print(`${readVersion()}\n`)
  if (name === '--help' || name === 'help') return print(usage)
  const program = own(programs, name)
  const commands = own(nouns, name)
  if (program && rest.includes('--help')) return print(own(helps, name) ?? usage)
  try {
    if (program) return await program(rest, environment)
    if (commands) return await runNoun(commands, rest, environment)
    return refuse(`There is no command "${name}". Try: coatcheck --help`, 2)
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.message, 2)
    if (error instanceof UsageError) return refuse(error.message, 2, error.usage)
    if (isExpected(error)) return refuse(error.message, 1)
    throw error
  }
}

async function runNoun(
  commands: Readonly<Record<string, Command>>,
  args: readonly string[],
  environment: Variables,
): Promise<number> {
  const isAsking = args.includes('--help') && !args.slice(0, args.indexOf('--help')).includes('--')
  if (isAsking) return print(helpOf(Object.values(commands)))
  const only = own(commands, '')
  const [verb = '', ...rest] = args
  const command = only ?? own(commands, verb)
  if (!command) {
    const what = verb === '' ? 'It needs to be said what to do.' : `There is no "${verb}".`
    throw new UsageError(what, usageOf(Object.values(commands)))
  }
  await runCommand(command, only ? args : rest, environment)
  return 0
}

function helpOf(commands: readonly Command[]): string {
  const indented = (text: string): string => text.replaceAll('\n', '\n      ')
  const lines = commands.map(
    ({ usage, about }) => `  coatcheck ${usage}\n      ${indented(about)}\n`,
  )
  return `Usage:\n${lines.join('')}\nOptions of all:\n${commonFlagsHelp}\n`
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function isExpected(error: unknown): error is Error {
  const expected = [StartError, DataFolderError, StorageError, EngineError, CopyError, CommandError]
  return expected.some((one) => error instanceof one)
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** One sentence, and what would be right where it was the command line that was wrong. */
function refuse(sentence: string, code: number, usage = ''): number {
  process.stderr.write(`coatcheck: ${printable(withoutPasswords(sentence))}\n${usage}`)
  return code
}
