import { statusName } from './statuses.ts'

/** Details of a refusal, besides its status. */
export interface RefusalDetails {
  /** `m` of the answer: the name of a parameter, or a sentence. */
  readonly reason?: string
  readonly token?: bigint | undefined
  readonly keys?: ReadonlyMap<string, number>
}

/** A command that the server refused, or could not carry out. */
export class NemesisError extends Error {
  override readonly name = 'NemesisError'
  /** Such as 100. */
  readonly status: number
  /** Such as `SessionNotExist`. */
  readonly statusName: string
  /** Such as `KV_SET`. */
  readonly command: string
  /** The session that the answer names. */
  readonly token: bigint | undefined
  /** The statuses of single keys, where the answer has them. */
  readonly keys: ReadonlyMap<string, number>

  constructor(
    command: string,
    code: number,
    { reason = '', token, keys = new Map() }: RefusalDetails = {},
  ) {
    const name = statusName(code)
    super(`${command}: ${name} (${code})${reason === '' ? '' : `: ${reason}`}`)
    this.status = code
    this.statusName = name
    this.command = command
    this.token = token
    this.keys = keys
  }
}

/** There is no connection, or it ended before the answer came. */
export class NemesisConnectionError extends Error {
  override readonly name = 'NemesisConnectionError'
  /** `unknown`: the command was sent, and may have been carried out or not. */
  readonly outcome: 'unknown' | 'not-sent'

  constructor(message: string, outcome: 'unknown' | 'not-sent') {
    super(message)
    this.outcome = outcome
  }
}
