import { chunkKey } from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { RecordInfo } from './record-info.ts'

/** Some of a value's bytes: from `start` up to, but not including, `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * The stored bytes of one version of a record. They never change, even if the record is written
 * meanwhile.
 */
export interface StoredValue {
  /** In bytes, as stored. */
  readonly size: number
  /** The whole value, if it is already in memory. */
  readonly inline: Bytes | undefined
  /** The whole value. Throws `record-damaged`. */
  read(): Promise<Bytes>
  /**
   * The value from start to end, or the part in `span`, at most 1 MiB at a time. Each chunk that
   * holds such bytes is read when the caller asks for it. Throws `record-damaged`.
   */
  chunks(span?: Span): AsyncGenerator<Bytes>
}

/** Reads values, and knows which values this server is reading, so that the sweeper spares them. */
export class Values {
  readonly #engine: StorageEngine
  readonly #reading = new Map<string, number>()

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  open({ place, size }: Pick<RecordInfo, 'place' | 'size'>): StoredValue {
    if (place.kind === 'inline') return inlineValue(place.bytes)
    const { valueId } = place
    const chunks = (span: Span = { start: 0, end: size }): AsyncGenerator<Bytes> => {
      assertWithin(span, size)
      return this.#chunks(valueId, { size, ...span })
    }
    return { size, inline: undefined, chunks, read: () => readAll(chunks(), size) }
  }

  isBeingRead(valueId: Bytes): boolean {
    return this.#reading.has(nameOf(valueId))
  }

  async *#chunks(
    valueId: Bytes,
    { size, start, end }: Span & { size: number },
  ): AsyncGenerator<Bytes> {
    const name = nameOf(valueId)
    this.#reading.set(name, (this.#reading.get(name) ?? 0) + 1)
    try {
      for (let index = chunkOf(start); index * limits.chunkBytes < end; index += 1) {
        const chunk = await this.#chunk(valueId, { index, size })
        const before = index * limits.chunkBytes
        yield chunk.subarray(Math.max(0, start - before), end - before)
      }
    } finally {
      const others = (this.#reading.get(name) ?? 1) - 1
      if (others === 0) this.#reading.delete(name)
      else this.#reading.set(name, others)
    }
  }

  async #chunk(valueId: Bytes, { index, size }: { index: number; size: number }): Promise<Bytes> {
    const [entry] = await this.#engine.get([chunkKey(valueId, index)])
    const expected = Math.min(limits.chunkBytes, size - index * limits.chunkBytes)
    if (entry && !entry.isDamaged && entry.value.length === expected) return entry.value
    throw new StorageError('record-damaged', `Part ${index} of this value is damaged or lost.`)
  }
}

function inlineValue(bytes: Bytes): StoredValue {
  return {
    size: bytes.length,
    inline: bytes,
    read: async () => bytes,
    async *chunks(span = { start: 0, end: bytes.length }) {
      assertWithin(span, bytes.length)
      if (span.start < span.end) yield bytes.subarray(span.start, span.end)
    },
  }
}

function assertWithin({ start, end }: Span, size: number): void {
  assert(0 <= start && start <= end && end <= size, 'A span lies within its value.')
}

/** The chunk that holds the byte at `position`. */
function chunkOf(position: number): number {
  return Math.floor(position / limits.chunkBytes)
}

async function readAll(chunks: AsyncIterable<Bytes>, size: number): Promise<Bytes> {
  const parts: Bytes[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const [only] = parts
  const whole = parts.length === 1 && only ? only : Buffer.concat(parts)
  assert(whole.length === size, 'Chunks add up to the size in the info.')
  return whole
}

function nameOf(valueId: Bytes): string {
  return asBuffer(valueId).toString('latin1')
}
