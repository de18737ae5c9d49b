import { EngineError } from '../core/engine/engine.ts'
import { StorageError } from '../core/kernel/errors.ts'
import { CopyError } from '../core/upkeep/copy-error.ts'
import { ArgumentsError } from '../installation/arguments/arguments.ts'
import { closestTo } from '../installation/arguments/closest-name.ts'
import { withoutPasswords } from '../installation/arguments/passwords.ts'
import { ConfigError, describeSettings } from '../installation/config.ts'
import { DataFolderError } from '../installation/folder/folder-errors.ts'
import { StartError } from '../installation/start-error.ts'
import { readVersion } from '../installation/version.ts'
import { auditCommand } from './commands/audit.ts'
import { clockCommands } from './commands/clock.ts'
import {
  type Command,
  commonFlagsHelp,
  remoteFlagsHelp,
  runCommand,
  usageOf,
} from './commands/command.ts'
import { statusCommand } from './commands/status.ts'
import { storeCommands } from './commands/store.ts'
import { tokenCommands } from './commands/token.ts'
import { userCommands } from './commands/user.ts'
import { projectCommands } from './projects/project.ts'
import { getCommand } from './records/get.ts'
import { listCommand, removeCommand } from './records/list-remove.ts'
import { patchCommand } from './records/patch.ts'
import { putCommand } from './records/put.ts'
import { watchCommand } from './records/watch.ts'
import { CommandError, UsageError } from './terminal/command-errors.ts'
import { printable } from './terminal/printable.ts'

type Variables = Readonly<Record<string, string | undefined>>

interface Program {
  run(args: readonly string[], environment: Variables): Promise<number>
  /** Of a program that has its own options instead of the server's settings. */
  readonly help?: string
}

/** Loaded when they run: the other commands start in a third of the time without the server. */
const programs: Readonly<Record<string, () => Promise<Program>>> = {
  serve: async () => ({ run: (await import('./commands/serve.ts')).serveCommand }),
  check: async () => ({ run: (await import('./commands/check.ts')).checkCommand }),
  repair: async () => {
    const { repairCommand, repairHelp } = await import('./commands/repair.ts')
    return { run: repairCommand, help: repairHelp }
  },
  copy: async () => {
    const { copyCommand, copyHelp } = await import('./commands/copy.ts')
    return { run: copyCommand, help: copyHelp }
  },
  completion: async () => {
    const { completionCommand, completionHelp } = await import('./completion/completion.ts')
    const known = { programs: Object.keys(programs), helpOf: programHelp, nouns }
    return {
      run: (args, environment) => completionCommand(args, environment, known),
      help: completionHelp,
    }
  },
}

/** Commands that use the API, by noun and verb, such as `user add`. */
const nouns: Readonly<Record<string, Readonly<Record<string, Command>>>> = {
  user: userCommands,
  token: tokenCommands,
  store: storeCommands,
  project: projectCommands,
  audit: { '': auditCommand },
  clock: clockCommands,
  status: { '': statusCommand },
  put: { '': putCommand },
  get: { '': getCommand },
  ls: { '': listCommand },
  rm: { '': removeCommand },
  patch: { '': patchCommand },
  watch: { '': watchCommand },
}

const usage = `Coatcheck, a self-hosted key-value store.

Usage: coatcheck serve [options]   start the server
       coatcheck check [options]   read all data and report what is damaged
       coatcheck repair [options]  open a data folder whose journal is refused
       coatcheck copy ...          copy all data to another place, and compare both
       coatcheck status ...        show whether the server works, and how safe its data is
       coatcheck user ...          list, add, disable, enable users, or make them admins
       coatcheck token ...         list, create and revoke tokens
       coatcheck store ...         list, show, rename, share, clear and delete stores
       coatcheck project ...       create App Lab projects, set what pages may do, export, import
       coatcheck put|get|ls|rm ... store, read, list and delete records
       coatcheck patch ...         change a JSON value in one step
       coatcheck watch ...         print changes as they happen
       coatcheck audit ...         show who did what
       coatcheck clock ...         show or confirm the time, if a wrong clock holds expiry
       coatcheck completion ...    complete commands in bash, zsh or fish
       coatcheck --version | --help     or -v | -h

Each command has its own help, such as: coatcheck user --help

Options of serve and check. Each is also an environment variable: --port is COATCHECK_PORT.
${describeSettings()}

COATCHECK_INITIAL_TOKEN sets the token of the first start: 32 or more visible ASCII characters.
`

async function programHelp(program: string): Promise<string | undefined> {
  return (await own(programs, program)?.())?.help
}

/** Runs one command line. Returns the exit code: 0 success, 1 failure, 2 wrong usage. */
export async function runCli(args: readonly string[], environment: Variables): Promise<number> {
  const [name = '--help', ...rest] = args
  if (['--version', '-v', 'version'].includes(name)) return print(`${readVersion()}\n`)
  const [noun, ...verb] = name === 'help' ? rest : []
  if (noun !== undefined) return runCli([noun, ...verb, '--help'], environment)
  if (['--help', '-h', 'help'].includes(name)) return print(usage)
  const program = await own(programs, name)?.()
  const commands = own(nouns, name)
  if (program && asksForHelp(rest)) return print(program.help ?? usage)
  try {
    if (program) return await program.run(rest, environment)
    if (commands) return await runNoun(commands, rest, environment)
    const known = [...Object.keys(programs), ...Object.keys(nouns)]
    return refuse(`Unknown command "${name}".${meant(name, known)} Try: coatcheck --help`, 2)
  } catch (error) {
    if (error instanceof ArgumentsError) return refuse(error.message, 2, shortUsage(name))
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
  if (asksForHelp(args)) return print(helpOf(Object.values(commands)))
  const only = own(commands, '')
  const [verb = '', ...rest] = args
  const command = only ?? own(commands, verb)
  if (!command) {
    const unknown = `Unknown subcommand "${verb}".${meant(verb, Object.keys(commands))}`
    const what = verb === '' ? 'Missing subcommand.' : unknown
    throw new UsageError(what, usageOf(Object.values(commands)))
  }
  await runCommand(command, only ? args : rest, environment)
  return 0
}

/** Words behind `--` are never options. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const options = end < 0 ? args : args.slice(0, end)
  return options.includes('--help') || options.includes('-h')
}

/** How to write a program whose options are the settings. */
function shortUsage(name: string): string {
  return `Usage: coatcheck ${name} [options]\nThe options: coatcheck ${name} --help\n`
}

function meant(typed: string, known: readonly string[]): string {
  const name = closestTo(typed, known)
  return name === undefined ? '' : ` Did you mean "${name}"?`
}

function helpOf(commands: readonly Command[]): string {
  const indented = (text: string): string => text.replaceAll('\n', '\n      ')
  const lines = commands.map(
    ({ usage, about }) => `  coatcheck ${usage}\n      ${indented(about)}\n`,
  )
  const remote = commands.some(({ mayBeRemote }) => mayBeRemote) ? `${remoteFlagsHelp}\n` : ''
  return `Usage:\n${lines.join('')}\nOptions of all commands:\n${commonFlagsHelp}\n${remote}`
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

/** Prints one sentence on stderr, then `usage`: how to write the command. */
function refuse(sentence: string, code: number, usage = ''): number {
  process.stderr.write(`coatcheck: ${printable(withoutPasswords(sentence))}\n${usage}`)
  return code
}
