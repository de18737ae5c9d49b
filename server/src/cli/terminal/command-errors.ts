/** The command line is not one; the message is a sentence, and `usage` shows what would be. */
export class UsageError extends Error {
  readonly usage: string

  constructor(message: string, usage = '') {
    super(message)
    this.name = 'UsageError'
    this.usage = usage
  }
}

/** It could not be done; the message is a sentence for the terminal. */
export class CommandError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CommandError'
  }
}

/** What the system says of a file that it does not read or write. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
