import type { Bytes } from './bytes.ts'

/** Bytes that are read once, from front to back: a request's body, or a value on its way in. */
export interface ByteSource {
  /** All of the bytes, when they are in memory already and nothing was taken yet. */
  readonly whole?: Bytes | undefined
  /**
   * The next bytes: exactly `count`, or fewer at the end.
   * Throws StorageError `upload-aborted` when the sender goes away first.
   */
  take(count: number): Promise<Bytes>
}

/** A source whose bytes are all in memory. */
export class WholeSource implements ByteSource {
  #bytes: Bytes
  #isWhole = true

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  get whole(): Bytes | undefined {
    return this.#isWhole ? this.#bytes : undefined
  }

  async take(count: number): Promise<Bytes> {
    this.#isWhole = false
    const taken = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return taken
  }
}
