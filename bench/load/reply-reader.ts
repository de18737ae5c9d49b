import type { Expected } from './plan.ts'

const headEnd = '\r\n\r\n'
const contentLength = /\r\ncontent-length: *(\d+)/i

/**
 * Tells where replies end. Reads as little of them as possible: status and Content-Length. Throws
 * for a reply with another framing, and for one that is not as expected.
 */
export class ReplyReader {
  readonly #expected: Expected
  /** The beginning of a head whose end is not there yet. */
  #head: Buffer | undefined
  #bodyBytesLeft = 0

  constructor(expected: Expected) {
    this.#expected = expected
  }

  /** Whether these bytes end the reply. The bytes are not kept. */
  isEnd(bytes: Buffer): boolean {
    if (this.#bodyBytesLeft > 0) return this.#takeBody(bytes.length)
    const all = this.#head ? Buffer.concat([this.#head, bytes]) : bytes
    const end = all.indexOf(headEnd)
    if (end < 0) {
      this.#head = Buffer.from(all)
      return false
    }
    this.#head = undefined
    this.#bodyBytesLeft = this.#bodyBytesOf(all.toString('latin1', 0, end))
    return this.#takeBody(all.length - end - headEnd.length)
  }

  #takeBody(count: number): boolean {
    this.#bodyBytesLeft -= count
    if (this.#bodyBytesLeft < 0) throw new Error('A reply is longer than it says.')
    return this.#bodyBytesLeft === 0
  }

  #bodyBytesOf(head: string): number {
    const { status, bodyBytes, isHead } = this.#expected
    const length = contentLength.exec(head)?.[1]
    if (!head.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`Unexpected reply: ${head}`)
    if (length === undefined) throw new Error(`A reply without Content-Length: ${head}`)
    if (bodyBytes !== undefined && bodyBytes !== Number(length)) {
      throw new Error(`A reply of ${length} bytes, not ${bodyBytes}: ${head}`)
    }
    return isHead ? 0 : Number(length)
  }
}
