import { limits } from '../../core/kernel/limits.ts'
import { readConfig } from '../../installation/config.ts'
import { LocalApi } from '../api/local-api.ts'
import { remoteOf } from '../commands/command.ts'
import { UsageError } from '../terminal/command-errors.ts'
import { candidatesFor, type KnownCommands } from './candidates.ts'
import { completionScripts } from './scripts.ts'

type Variables = Readonly<Record<string, string | undefined>>

const usage = 'Usage: coatcheck completion bash|zsh|fish\n'

export const completionHelp = `${usage}
Prints a script that completes commands, options and names of stores in your shell.

  bash  source <(coatcheck completion bash)        in ~/.bashrc
  zsh   source <(coatcheck completion zsh)         in ~/.zshrc, after compinit
  fish  coatcheck completion fish > ~/.config/fish/completions/coatcheck.fish
`

/** `coatcheck completion`: prints the script for a shell, or the candidates that it asks for. */
export async function completionCommand(
  args: readonly string[],
  environment: Variables,
  known: KnownCommands,
): Promise<number> {
  const [shell = '', ...rest] = args
  if (shell === 'words')
    return printCandidates(rest.slice(rest[0] === '--' ? 1 : 0), environment, known)
  if (!Object.hasOwn(completionScripts, shell) || rest.length > 0) {
    throw new UsageError('Name one shell: bash, zsh or fish.', usage)
  }
  process.stdout.write(completionScripts[shell as keyof typeof completionScripts])
  return 0
}

/** Prints one candidate on a line, and nothing at all if anything is wrong or takes too long. */
async function printCandidates(
  words: readonly string[],
  environment: Variables,
  known: KnownCommands,
): Promise<number> {
  const typed = words.at(-1) ?? ''
  const candidates = await candidatesFor(words, known)
  if (candidates.kind === 'files') return 0
  const found =
    candidates.kind === 'words' ? candidates.words : await storeNames(words, environment)
  for (const one of found) if (one.startsWith(typed)) process.stdout.write(`${one}\n`)
  return 0
}

/** Ends the process if the answer does not come in time: nobody waits for a completion. */
async function storeNames(
  words: readonly string[],
  environment: Variables,
): Promise<readonly string[]> {
  const timer = setTimeout(() => process.exit(0), limits.completionMsMax)
  let api: LocalApi | undefined
  try {
    const given = optionsIn(words)
    const settings = ['data', 'engine', 'config'].flatMap((name) => {
      const value = given.text(name)
      return value === undefined ? [] : [`--${name}=${value}`]
    })
    const config = readConfig(settings, environment)
    api = new LocalApi(config, { isReadOnly: true, remote: remoteOf(given, environment) })
    return await namesOf(api)
  } catch {
    // Whatever is wrong: the command itself will say it.
    return []
  } finally {
    await api?.close().catch(() => undefined)
    clearTimeout(timer)
  }
}

/** Names that mean one store, and `USER~NAME` of all others. */
async function namesOf(api: LocalApi): Promise<readonly string[]> {
  const query = { user: api.isRemote ? undefined : '*', limit: String(limits.pageItemsMax) }
  const { items } = await api.ask<{ items: readonly Named[] }>('GET', '/coatcheck/v1/search', {
    query,
  })
  const named = items.filter(({ name }) => name !== null)
  const counts = Map.groupBy(named, ({ name }) => name)
  return named.flatMap(({ name, username, userId }) => {
    const address = `${username ?? userId}~${name}`
    return counts.get(name)?.length === 1 ? [name ?? '', address] : [address]
  })
}

interface Named {
  readonly name: string | null
  readonly username: string | null
  readonly userId: string
}

/** The options of the line that say where the stores are. */
function optionsIn(words: readonly string[]): { text(name: string): string | undefined } {
  return {
    text: (name) => {
      const at = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`))
      const word = words[at]
      if (word === undefined) return undefined
      return word.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1]
    },
  }
}
