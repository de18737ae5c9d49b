import { createInterface } from 'node:readline'
import { CommandError, UsageError } from './command-errors.ts'

/**
 * Asks the user at the terminal to type one of `names`. Throws CommandError for any other answer,
 * and UsageError if the input is not a terminal.
 */
export async function confirm(what: string, names: readonly string[]): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageError(`${what} needs --yes without a terminal.`)
  const answer = await ask(`${what}. Type the id or name to confirm: `)
  if (!names.includes(answer.trim())) throw new CommandError('Nothing was done.')
}

/** Resolves with the answer, or '' if the input ends. */
function ask(question: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  terminal.once('close', () => resolve(''))
  terminal.question(question, (answer) => {
    resolve(answer)
    terminal.close()
  })
  return promise
}
