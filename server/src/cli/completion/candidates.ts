import { describeSettings } from '../../installation/config.ts'
import { type Command, flagsOf } from '../commands/command.ts'

/** All commands, as `cli.ts` knows them. */
export interface KnownCommands {
  /** Names of the commands that do not. */
  readonly programs: readonly string[]
  /** The help of one of these; undefined: its options are the settings. */
  helpOf(program: string): Promise<string | undefined>
  /** Commands that use the API, by noun and verb. */
  readonly nouns: Readonly<Record<string, Readonly<Record<string, Command>>>>
}

/** What may stand in the place of the word that is being typed. */
export type Candidates =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'stores' }
  /** A file, or a word that nobody can guess: the shell knows better. */
  | { readonly kind: 'files' }

const files: Candidates = { kind: 'files' }

/** The candidates for the last of the words after `coatcheck`. */
export async function candidatesFor(
  words: readonly string[],
  known: KnownCommands,
): Promise<Candidates> {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const [name = '', ...rest] = before
  if (before.length === 0) {
    const names = [...known.programs, ...Object.keys(known.nouns)]
    return { kind: 'words', words: [...names, '--help', '--version'] }
  }
  if (known.programs.includes(name)) {
    const help = await known.helpOf(name)
    if (typed.startsWith('-')) return optionsIn(help)
    return forPlace(before.length === 1 ? firstPlaceIn(help) : undefined)
  }
  const verbs = Object.hasOwn(known.nouns, name) ? known.nouns[name] : undefined
  if (!verbs) return files
  const only = verbs['']
  if (only) return forCommand(only, rest, typed)
  const [verb, ...more] = rest
  if (verb === undefined) return { kind: 'words', words: [...Object.keys(verbs), '--help'] }
  const command = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  return command ? forCommand(command, more, typed) : files
}

function optionsIn(help: string | undefined): Candidates {
  const options = (help ?? describeSettings()).match(/--[a-z][a-z-]*/g) ?? []
  return { kind: 'words', words: [...new Set([...options, '--help'])] }
}

/** The word after the name of a program: `bash|zsh|fish`. */
function firstPlaceIn(help: string | undefined): string | undefined {
  return /^Usage: coatcheck \w+ (\S+)/.exec(help ?? '')?.[1]
}

function forCommand(command: Command, before: readonly string[], typed: string): Candidates {
  const flags = flagsOf(command)
  const hasEnded = before.includes('--')
  if (!hasEnded && typed.startsWith('-') && typed !== '-') {
    const options = Object.keys(flags).map((name) => `--${name}`)
    return { kind: 'words', words: [...options, '--help'] }
  }
  const takesValue = (word: string): boolean =>
    Object.entries(flags).some(([name, { type }]) => type === 'string' && word === `--${name}`)
  if (!hasEnded && takesValue(before.at(-1) ?? '')) return files
  const place = before.filter(
    (word, at) => !word.startsWith('-') && !takesValue(before[at - 1] ?? ''),
  ).length
  return forPlace(placesOf(command)[place])
}

/** The words of a usage line after the name of the command, without options. */
function placesOf({ usage }: Command): readonly string[] {
  const words = usage.replaceAll(/\[?--?\w[\w-]*(?:[ =][A-Z|-]+)?\]?/g, '').split(/ +/)
  return words.filter((word) => /^\[?[A-Z]/.test(word) || word.includes('|'))
}

function forPlace(place: string | undefined): Candidates {
  if (place === undefined) return files
  if (/^\[?(STORE|PROJECT)\b/.test(place)) return { kind: 'stores' }
  const words = place.replaceAll(/[[\]]/g, '').split('|')
  const named = words.filter((word) => /^[a-z]+$/.test(word))
  return named.length > 0 ? { kind: 'words', words: named } : files
}
