/** The server refused something or did not answer; the message is a sentence for people. */
export class Refusal extends Error {
  /** The status of the answer; 0 if there was none. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const noAnswer = 'The server does not answer. Is it running?'

/** The sentence for an error. An error that is not a Refusal is a bug of ours, and is thrown on. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) return error.message
  throw error
}

/** Whether the server did not answer at all. */
export function isOutage(error: unknown): boolean {
  return error instanceof Refusal && error.status === 0
}
