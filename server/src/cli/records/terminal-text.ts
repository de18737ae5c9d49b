import type { Bytes } from '../../core/kernel/bytes.ts'
import { CommandError } from '../terminal/command-errors.ts'

/** Control characters that texts do not have, but that move a cursor or change a terminal. */
const harmful = /[\p{Cc}--[\t\n\r]]/v

/** Tells texts from other values, piece by piece, before they are shown on a terminal. */
export class TerminalText {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })

  /** Throws CommandError if these bytes are no text. `bytes` undefined: the value ends. */
  check(bytes?: Bytes): void {
    if (harmful.test(this.#decoded(bytes))) throw notShown()
  }

  #decoded(bytes: Bytes | undefined): string {
    try {
      return this.#decoder.decode(bytes, { stream: bytes !== undefined })
    } catch (error) {
      if (error instanceof TypeError) throw notShown()
      throw error
    }
  }
}

function notShown(): CommandError {
  const what = 'The value is not plain text, and could harm the terminal'
  return new CommandError(`${what}: use --out FILE, a pipe, or --force.`)
}
