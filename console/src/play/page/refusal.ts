/** What the server did not do, in a sentence for people. */
export class Refusal extends Error {
  /** Of the answer; 0 where there was none. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const noAnswer = 'The server does not answer. Is it running?'

/** A sentence for whatever went wrong. What is no refusal is a mistake of ours, and thrown on. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) return error.message
  throw error
}
