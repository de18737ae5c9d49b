import { CommandError } from '../terminal/command-errors.ts'

/** The connection was lost, or never made: the server may come back. */
export class ConnectionError extends CommandError {
  constructor(message: string) {
    super(message)
    this.name = 'ConnectionError'
  }
}

/** The server is there, and neither takes nor sends anything. */
export class SilenceError extends CommandError {
  constructor(url: string, silenceMs: number) {
    super(`The server at ${url} has not answered for ${silenceMs / 1_000} seconds.`)
    this.name = 'SilenceError'
  }
}

/** What a user is told about an error of a socket. */
export function connectionError(url: string, error: unknown): ConnectionError {
  const { code = '', message = '' } = Object(error)
  if (code === 'ECONNREFUSED') return new ConnectionError(`No server answers at ${url}.`)
  const isBroken = ['ECONNRESET', 'EPIPE'].includes(code)
  const why = isBroken ? 'was lost' : `failed: ${message || code}`
  return new ConnectionError(`The connection to the server at ${url} ${why}.`)
}
