import { longTextHead } from './frames.ts'

/** UTF-16 units of a text that are encoded at once: at most three bytes each. */
const unitsAtOnce = 65_536

/**
 * The frame of a long text, encoded piece by piece as the client takes it: encoding 9 MB at once
 * would hold up everybody else for as long as it takes to answer a hundred short requests.
 */
export class LongText {
  readonly #text: string
  #head: Buffer | undefined
  #at = 0
  /** The bytes of the whole frame. */
  readonly size: number

  constructor(text: string) {
    const size = Buffer.byteLength(text)
    this.#text = text
    this.#head = longTextHead(size)
    this.size = this.#head.length + size
  }

  get isDone(): boolean {
    return this.#head === undefined && this.#at >= this.#text.length
  }

  /** The next bytes of the frame. */
  next(): Buffer {
    const piece = this.#head ?? Buffer.from(this.#nextText())
    this.#head = undefined
    return piece
  }

  #nextText(): string {
    const start = this.#at
    let end = Math.min(start + unitsAtOnce, this.#text.length)
    // The two halves of a surrogate pair must be encoded together.
    if (end < this.#text.length && isHighSurrogate(this.#text.charCodeAt(end - 1))) end -= 1
    this.#at = end
    return this.#text.slice(start, end)
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
