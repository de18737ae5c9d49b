import { createHash } from 'node:crypto'
import type { ByteSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { RepeatableRequest } from './repeatable.ts'

/** A request with a name. Its fingerprint is made of a few texts and of its value's bytes. */
export class NamedRequest implements RepeatableRequest {
  readonly scope: string
  readonly name: string
  readonly #hash = createHash('sha256')
  #value: HashedSource | undefined
  #isRepetition = false

  /** `parts` are all that is asked for, except the value. */
  constructor({
    scope,
    name,
    parts,
  }: Pick<RepeatableRequest, 'scope' | 'name'> & { parts: readonly (string | undefined)[] }) {
    this.scope = scope
    this.name = name
    this.#hash.update(JSON.stringify(parts))
  }

  /** Whether the request was done before. */
  get isRepetition(): boolean {
    return this.#isRepetition
  }

  noteRepetition(): void {
    this.#isRepetition = true
  }

  /** The value, which becomes a part of the fingerprint as it is read. */
  reading(value: ByteSource): ByteSource {
    this.#value = new HashedSource(value)
    return this.#value
  }

  fingerprint(): string {
    const hash = this.#hash.copy()
    if (this.#value) hash.update(this.#value.digest())
    return hash.digest('base64')
  }
}

class HashedSource implements ByteSource {
  readonly #source: ByteSource
  readonly #hash = createHash('sha256')

  constructor(source: ByteSource) {
    this.#source = source
  }

  get whole(): Bytes | undefined {
    return this.#source.whole
  }

  async take(count: number): Promise<Bytes> {
    const taken = await this.#source.take(count)
    this.#hash.update(taken)
    return taken
  }

  /** Of all bytes: those that were taken or, if none was, of the value in memory. */
  digest(): Bytes {
    const hash = this.#hash.copy()
    const { whole } = this.#source
    if (whole) hash.update(whole)
    return hash.digest()
  }
}
