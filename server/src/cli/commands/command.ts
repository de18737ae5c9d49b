import { ArgumentsError, parseArguments } from '../../installation/arguments/arguments.ts'
import { readConfig } from '../../installation/config.ts'
import { LocalApi } from '../api/local-api.ts'
import type { ServerAddress } from '../api/server-link.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { Screen } from '../terminal/screen.ts'

type Flag = { readonly type: 'string' | 'boolean' }

/** One command that uses the API of the data folder. */
export interface Command {
  /** The command line after `coatcheck`: `user add NAME [--admin]`. */
  readonly usage: string
  /** The text for `--help`: one line or a few. */
  readonly about: string
  /** The command's own flags. All commands also have the common flags. */
  readonly flags?: Readonly<Record<string, Flag>>
  /** How many arguments the command takes, without flags. */
  readonly words: { readonly min: number; readonly max: number }
  /**
   * Whether the command only reads. If no server has the data open, it then writes nothing to it.
   */
  readonly onlyReads?: boolean | ((given: Given) => boolean)
  /** Whether only a running server can answer: the command never opens the data itself. */
  readonly needsServer?: boolean
  /** Whether arguments after the first may be '', such as a key. */
  readonly mayBeEmpty?: boolean
  /** Whether `--url` and `--token` may name another server. */
  readonly mayBeRemote?: boolean
  /** Throws UsageError before it sends anything to the API. */
  run(call: CommandCall): Promise<void>
}

export interface CommandCall {
  readonly given: Given
  readonly api: LocalApi
  readonly screen: Screen
}

const commonFlags = {
  data: { type: 'string' },
  engine: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const

const remoteFlags = { url: { type: 'string' }, token: { type: 'string' } } as const

/** The flags that all commands have, for `--help`. */
export const commonFlagsHelp = [
  '  --data DIR     the data folder (./coatcheck-data); also COATCHECK_DATA',
  '  --engine NAME  as for coatcheck serve; needed for a database; also COATCHECK_ENGINE',
  '  --config FILE  a JSON file with settings, as for coatcheck serve',
  "  --json         prints the API's answer as JSON, for programs",
].join('\n')

/** The flags of commands about records, for `--help`. */
export const remoteFlagsHelp = [
  '  --url URL      a server anywhere, instead of the data folder; also COATCHECK_URL',
  '  --token TOKEN  for that server. Others can see it in the list of processes: better set',
  '                 COATCHECK_TOKEN',
].join('\n')

/** Words and flags of a command line. */
export class Given {
  readonly #words: readonly string[]
  readonly #flags: Readonly<Record<string, string | boolean | undefined>>

  constructor(
    words: readonly string[],
    flags: Readonly<Record<string, string | boolean | undefined>>,
  ) {
    this.#words = words
    this.#flags = flags
  }

  /** '' where there is none. */
  word(index: number): string {
    return this.#words[index] ?? ''
  }

  wordsFrom(index: number): readonly string[] {
    return this.#words.slice(index)
  }

  get wordCount(): number {
    return this.#words.length
  }

  flag(name: string): boolean {
    return this.#flags[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#flags[name]
    return typeof value === 'string' ? value : undefined
  }

  /** The text of a flag, which must be a whole number from 1 to `max`. Throws UsageError. */
  count(name: string, max: number): string | undefined {
    const text = this.text(name)
    if (text === undefined || (/^[1-9]\d*$/.test(text) && Number(text) <= max)) return text
    throw new UsageError(`--${name} is "${text}", but must be a number from 1 to ${max}.`)
  }
}

/** Runs a command with the words after its name. Throws UsageError, CommandError, ConfigError. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  try {
    const given = parse(command, args)
    const settings = ['data', 'engine', 'config']
    const flags = settings.flatMap((name) => flagWords(name, given.text(name)))
    const config = readConfig(flags, environment)
    const { onlyReads = false, needsServer = false } = command
    const isReadOnly = typeof onlyReads === 'function' ? onlyReads(given) : onlyReads
    const remote = command.mayBeRemote ? remoteOf(given, environment) : undefined
    const api = new LocalApi(config, { isReadOnly, remote, needsServer })
    const screen = new Screen({ isJson: given.flag('json') })
    for (const warning of config.warnings) screen.note(warning)
    await command.run({ given, api, screen }).finally(() => api.close())
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ArgumentsError)) throw error
    throw new UsageError(error.message, usageOf([command]))
  }
}

export function usageOf(commands: readonly Command[]): string {
  return commands
    .map(({ usage }, index) => `${index === 0 ? 'Usage:' : '      '} coatcheck ${usage}\n`)
    .join('')
}

/**
 * The server that the user names, by flags or variables; undefined: none. Throws UsageError. A
 * token in the environment is visible to fewer people than one on the command line.
 */
export function remoteOf(
  given: Pick<Given, 'text'>,
  environment: Readonly<Record<string, string | undefined>>,
): ServerAddress | undefined {
  const url = given.text('url') ?? environment.COATCHECK_URL
  const secret = given.text('token') ?? environment.COATCHECK_TOKEN
  if (!url) {
    if (given.text('token') === undefined) return undefined
    throw new UsageError('--token needs --url, or COATCHECK_URL.')
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('The URL of the server must be like https://data.example.com')
  }
  if (secret) return { url, secret }
  throw new UsageError('A server at a URL needs a token: set COATCHECK_TOKEN.')
}

function flagWords(name: string, text: string | undefined): readonly string[] {
  return text === undefined ? [] : [`--${name}=${text}`]
}

/** All flags that a command takes. */
export function flagsOf({ flags, mayBeRemote }: Command): Readonly<Record<string, Flag>> {
  return { ...flags, ...commonFlags, ...(mayBeRemote && remoteFlags) }
}

function parse(command: Command, args: readonly string[]): Given {
  const { words, mayBeEmpty } = command
  const options = flagsOf(command)
  const { values, words: positionals } = parseArguments(args, options, { allowWords: true })
  if (positionals.length < words.min) throw new UsageError('An argument is missing.')
  const extra = positionals[words.max]
  if (extra !== undefined) throw new UsageError(`Unexpected argument "${extra}".`)
  const named = mayBeEmpty ? positionals.slice(0, 1) : positionals.slice(0, words.min)
  if (named.includes('')) throw new UsageError('An argument is empty.')
  return new Given(positionals, values)
}
