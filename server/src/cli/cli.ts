import { ConfigError, describeSettings } from '../config.ts'
import { EngineError } from '../core/engine.ts'
import { StorageError } from '../core/errors.ts'
import { DataFolderError } from '../data-folder.ts'
import { StartError } from '../server.ts'
import { checkCommand } from './check.ts'
import { serveCommand } from './serve.ts'
import { readVersion } from './version.ts'

type Variables = Readonly<Record<string, string | undefined>>
type Command = (args: readonly string[], environment: Variables) => Promise<number>

const commands: Readonly<Record<string, Command>> = { serve: serveCommand, check: checkCommand }

const usage = `Coatcheck, a key-value store of your own.

Usage: coatcheck serve [options]   serve the data of a folder
       coatcheck check [options]   walk the data of a folder and report what is wrong with it
       coatcheck --version | --help

Options, each also an environment variable (--port is COATCHECK_PORT):
${describeSettings()}

COATCHECK_INITIAL_TOKEN sets the token of the first start: 32 or more visible ASCII characters.
`

/** Runs one command line and answers the exit code: 0 well, 1 could not, 2 wrong usage. */
export async function runCli(args: readonly string[], environment: Variables): Promise<number> {
  const [name = '--help', ...rest] = args
  if (name === '--version') return print(`${readVersion()}\n`)
  if (name === '--help' || name === 'help' || rest.includes('--help')) return print(usage)
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) return refuse(`There is no command "${name}". Try: coatcheck --help`, 2)
  try {
    return await command(rest, environment)
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.message, 2)
    if (isExpected(error)) return refuse(error.message, 1)
    throw error
  }
}

function isExpected(error: unknown): error is Error {
  return [StartError, DataFolderError, StorageError, EngineError].some(
    (expected) => error instanceof expected,
  )
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function refuse(sentence: string, code: number): number {
  process.stderr.write(`coatcheck: ${sentence}\n`)
  return code
}
