/** The command line is wrong. The message is a sentence; `usage` shows the right form. */
export class UsageError extends Error {
  readonly usage: string

  constructor(message: string, usage = '') {
    super(message)
    this.name = 'UsageError'
    this.usage = usage
  }
}

/** The command failed; the message is a sentence for the terminal. */
export class CommandError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CommandError'
  }
}
