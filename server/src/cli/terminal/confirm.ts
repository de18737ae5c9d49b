import { createInterface } from 'node:readline'
import { CommandError, UsageError } from './command-errors.ts'

/**
 * Has whoever sits at the terminal type one of `names`. Throws CommandError where something else
 * comes, and UsageError where nobody sits there.
 */
export async function confirm(what: string, names: readonly string[]): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageError(`${what} needs --yes where nobody can be asked.`)
  const answer = await ask(`${what}. Type the id or name to confirm: `)
  if (!names.includes(answer.trim())) throw new CommandError('Nothing was done.')
}

/** '' where the input ends instead. */
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
