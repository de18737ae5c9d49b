/** What an `onError` is given: a sentence for people, and a word for programs. */
export interface Refusal {
  readonly msg: string
  readonly type: string
}

/** A call that was refused or could not be made. Promises are rejected with it. */
export class AppLabError extends Error implements Refusal {
  override readonly name = 'AppLabError'
  /** The same as `message`, under App Lab's name for it. */
  readonly msg: string
  /** Such as `KEY_INVALID`; `NO_ANSWER` where the server could not be reached. */
  readonly type: string

  constructor({ msg, type }: Refusal) {
    super(msg)
    this.msg = msg
    this.type = type
  }
}
