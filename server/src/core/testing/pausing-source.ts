import { type ByteSource, WholeSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'

/** A value in two parts or more; `pause` runs before its second part is taken. */
export class PausingSource implements ByteSource {
  readonly #source: ByteSource
  readonly #pause: () => Promise<void>
  #taken = 0

  constructor(bytes: Bytes, pause: () => Promise<void>) {
    this.#source = new WholeSource(bytes)
    this.#pause = pause
  }

  async take(count: number): Promise<Bytes> {
    this.#taken += 1
    if (this.#taken === 2) await this.#pause()
    return this.#source.take(count)
  }
}
