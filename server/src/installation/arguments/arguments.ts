import { parseArgs } from 'node:util'
import { closestTo } from './closest-name.ts'
import { withoutPasswords } from './passwords.ts'

/** The command line is wrong; the message is a sentence for the terminal. */
export class ArgumentsError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ArgumentsError'
  }
}

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>

interface ParsedArguments {
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  /** The words that belong to no option. */
  readonly words: readonly string[]
}

/** Splits a command line into options and words. Throws ArgumentsError. */
export function parseArguments(
  args: readonly string[],
  options: Options,
  { allowWords = false } = {},
): ParsedArguments {
  try {
    const joined = joinNumbers(args, options)
    const parsed = parseArgs({ args: joined, options, allowPositionals: allowWords, strict: true })
    return { values: parsed.values, words: parsed.positionals }
  } catch (error) {
    if (error instanceof TypeError) throw new ArgumentsError(sentenceOf(error, options))
    throw error
  }
}

/**
 * Node takes the number of `--days -1` for an option. As `--days=-1` it is a value, and the check
 * of the value says what is allowed.
 */
function joinNumbers(args: readonly string[], options: Options): string[] {
  const joined: string[] = []
  let hasEnded = false
  for (const word of args) {
    const last = joined.at(-1) ?? ''
    const isValueOf = /^--[^=]+$/.test(last) && options[last.slice(2)]?.type === 'string'
    if (!hasEnded && isValueOf && /^-\d/.test(word)) joined.splice(-1, 1, `${last}=${word}`)
    else joined.push(word)
    hasEnded ||= word === '--'
  }
  return joined
}

function sentenceOf({ message }: TypeError, options: Options): string {
  const sentence = `${withoutPasswords(message).split(/\. |\n/, 1)[0]}.`.replace(/\.\.$/, '.')
  const [, option = ''] = /'--([^' ]+)/.exec(message) ?? []
  if (message.includes('ambiguous')) {
    return `Option --${option} needs a value; one that begins with a hyphen: --${option}=-VALUE.`
  }
  if (!message.startsWith('Unknown option')) return sentence
  const meant = closestTo(option, Object.keys(options))
  return meant === undefined ? sentence : `${sentence} Did you mean --${meant}?`
}
