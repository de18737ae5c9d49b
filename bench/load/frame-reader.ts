const textFrame = 0x81
const shortMax = 125
const mediumMark = 126
const longMark = 127

/**
 * Counts the replies that a server sends. Reads as little of them as possible: where they end, and
 * how they begin. Throws for a frame that is not a whole text, and for another beginning.
 */
export class FrameReader {
  readonly #start: Buffer
  /** The beginning of a frame whose length is not known yet. */
  #head: Buffer | undefined
  #bytesLeft = 0

  constructor(replyStart: string) {
    this.#start = Buffer.from(replyStart, 'latin1')
  }

  /** How many replies end in these bytes. The bytes are not kept. */
  count(bytes: Buffer): number {
    const all = this.#head ? Buffer.concat([this.#head, bytes]) : bytes
    this.#head = undefined
    let ends = 0
    let at = this.#bytesLeft
    if (at > 0 && at <= all.length) ends += 1
    while (at < all.length) {
      const size = this.#frameBytes(all, at)
      if (size === undefined) {
        this.#head = Buffer.from(all.subarray(at))
        this.#bytesLeft = 0
        return ends
      }
      at += size
      if (at <= all.length) ends += 1
    }
    this.#bytesLeft = at - all.length
    return ends
  }

  /** The bytes of a frame; undefined until its head and the beginning of the reply are there. */
  #frameBytes(all: Buffer, at: number): number | undefined {
    if (all[at] !== textFrame) throw new Error(`No text: ${all.toString('latin1', at, at + 80)}`)
    const mark = all[at + 1] ?? longMark
    const headBytes = mark <= shortMax ? 2 : mark === mediumMark ? 4 : 10
    if (all.length < at + headBytes + this.#start.length) return undefined
    this.#check(all, at + headBytes)
    if (mark <= shortMax) return headBytes + mark
    return headBytes + (mark === mediumMark ? all.readUInt16BE(at + 2) : all.readUInt32BE(at + 6))
  }

  #check(all: Buffer, at: number): void {
    const end = at + this.#start.length
    if (all.compare(this.#start, 0, this.#start.length, at, end) === 0) return
    throw new Error(`Unexpected reply: ${all.toString('latin1', at, at + 200)}`)
  }
}
