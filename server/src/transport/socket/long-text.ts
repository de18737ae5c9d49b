import { longTextHead } from './frames.ts'

/** UTF-16 units of a text that are encoded at once: at most three bytes each. */
const unitsAtOnce = 65_536

/**
 * The frame of a long text, encoded piece by piece as the client takes it: encoding 9 MB at once
 * would hold up everybody else for as long as it takes to answer a hundred short requests.
 */
export class LongText {
  readonly #pieces: readonly string[]
  #head: Buffer | undefined
  /** What is encoded next: a place in a piece. */
  #piece = 0
  #at = 0
  /** The bytes of the whole frame. */
  readonly size: number

  /** The text is all pieces, one behind the other. See `LongAnswer`. */
  constructor(pieces: readonly string[]) {
    const size = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
    this.#pieces = pieces
    this.#head = longTextHead(size)
    this.size = this.#head.length + size
  }

  get isDone(): boolean {
    return this.#head === undefined && this.#piece >= this.#pieces.length
  }

  /** The next bytes of the frame. */
  next(): Buffer {
    const bytes = this.#head ?? Buffer.from(this.#nextText())
    this.#head = undefined
    return bytes
  }

  #nextText(): string {
    let text = ''
    while (text.length < unitsAtOnce && this.#piece < this.#pieces.length) {
      text += this.#take(unitsAtOnce - text.length)
    }
    return text
  }

  /** Up to so many units of the piece that is next: one more if they end within a pair. */
  #take(units: number): string {
    const piece = this.#pieces[this.#piece] ?? ''
    const start = this.#at
    let end = Math.min(start + units, piece.length)
    // The two halves of a surrogate pair must be encoded together.
    if (end < piece.length && isHighSurrogate(piece.charCodeAt(end - 1))) end += 1
    this.#at = end
    if (end < piece.length) return piece.slice(start, end)
    this.#piece += 1
    this.#at = 0
    return piece.slice(start)
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
