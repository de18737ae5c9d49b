import { type JsonValue, parseJson } from '../json/json.ts'
import { CoatcheckError, notUnderstood } from './errors.ts'
import type { Patience } from './patience.ts'

/** An answer whose body may still be on the way. Read its body, or `discard` it. */
export class Answer {
  readonly status: number
  readonly headers: Headers
  readonly #patience: Patience
  readonly #body: ReadableStream<Uint8Array<ArrayBuffer>> | null

  constructor(response: Response, patience: Patience) {
    this.status = response.status
    this.headers = response.headers
    this.#body = response.body
    this.#patience = patience
  }

  header(name: string): string {
    return this.headers.get(name) ?? ''
  }

  /**
   * The body as it comes. The reader may take its time; the network may not. A reader that stops
   * early closes the connection.
   */
  async *chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const reader = this.#body?.getReader()
    let isWhole = reader === undefined
    try {
      while (reader) {
        const { done, value } = await this.#read(reader.read())
        isWhole = done
        if (done) return
        this.#patience.moved(value.byteLength)
        yield value
      }
    } finally {
      if (isWhole) this.#patience.release()
      else this.discard()
    }
  }

  /** The whole body. Throws CoatcheckError `answer-too-large` beyond `bytesMax` bytes. */
  async bytes(bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array<ArrayBuffer>[] = []
    let size = 0
    for await (const part of this.chunks()) {
      size += part.byteLength
      if (size > bytesMax) throw this.#tooLarge(bytesMax)
      parts.push(part)
    }
    return joined(parts, size)
  }

  /** The whole body as UTF-8. */
  async text(bytesMax: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(bytesMax))
  }

  /** The whole body as JSON. Throws CoatcheckError `answer-not-understood`. */
  async json(bytesMax: number): Promise<JsonValue> {
    const text = await this.text(bytesMax)
    try {
      return parseJson(text)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      throw notUnderstood(this.status, 'The server sent an answer that is not JSON.', error)
    }
  }

  /** Closes the connection, unless the whole body was read. */
  discard(): void {
    this.#patience.stop(new Error('The answer was not read to its end.'))
  }

  /** Rejects with CoatcheckError `connection-failed`, or as `Patience.wait` does. */
  async #read<Piece>(reading: Promise<Piece>): Promise<Piece> {
    try {
      return await this.#patience.wait(reading)
    } catch (error) {
      // fetch has TypeErrors for connections that break.
      const isBroken = error instanceof TypeError && !this.#patience.signal.aborted
      if (!isBroken) throw error
      throw connectionFailed('The connection ended in the middle of the answer.', error)
    }
  }

  #tooLarge(bytesMax: number): CoatcheckError {
    const message = `The answer has more than ${bytesMax} bytes.`
    return new CoatcheckError(message, { status: this.status, type: 'answer-too-large' })
  }
}

function joined(parts: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  const [only] = parts
  if (only && parts.length === 1) return only
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** The server can't be reached, or the connection broke. */
export function connectionFailed(message: string, cause: unknown): CoatcheckError {
  return new CoatcheckError(message, { status: 0, type: 'connection-failed', cause })
}
