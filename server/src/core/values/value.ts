import { chunkKey } from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import type { Awaitable } from '../kernel/awaitable.ts'
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
 * meanwhile. They stay readable until this is disposed of: whoever gets a record must do so when he
 * needs its value no longer, or the bytes of a replaced value are never removed from the disk.
 */
export interface StoredValue extends Disposable {
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
  /** Keeps the value readable as well, such as for a stream that is not begun yet. */
  hold(): Disposable
}

/** Reads values, and knows which values this server needs, so that the sweeper spares them. */
export class Values {
  readonly #engine: StorageEngine
  /** How many hold each value. */
  readonly #held = new Map<string, number>()
  readonly #lookups = new Set<Promise<unknown>>()

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  /** Opens the value of a record that `look` has found, before the promise of `look` resolves. */
  open({ place, size }: Pick<RecordInfo, 'place' | 'size'>): StoredValue {
    if (place.kind === 'inline') return inlineValue(place.bytes)
    const { valueId } = place
    const chunks = (span: Span = { start: 0, end: size }): AsyncGenerator<Bytes> => {
      assertWithin(span, size)
      return this.#chunks(valueId, { size, ...span })
    }
    const hold = (): Disposable => this.#hold(nameOf(valueId))
    const own = hold()
    return {
      size,
      inline: undefined,
      chunks,
      read: () => readAll(chunks(), size),
      hold,
      [Symbol.dispose]: () => own[Symbol.dispose](),
    }
  }

  /**
   * Runs `lookup`, which finds records, and opens their values if it needs them. A value that it
   * found and that is replaced meanwhile is not removed before the end of `lookup`.
   */
  look<T>(lookup: () => Awaitable<T>): Awaitable<T> {
    const found = lookup()
    // A look-up that is over at once can't be interrupted by the sweeper.
    if (!(found instanceof Promise)) return found
    this.#lookups.add(found)
    const end = (): void => void this.#lookups.delete(found)
    found.then(end, end)
    return found
  }

  /** Resolves once all look-ups that run now have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#lookups)
  }

  /** Whether the value is open. */
  isHeld(valueId: Bytes): boolean {
    return this.#held.has(nameOf(valueId))
  }

  #hold(name: string): Disposable {
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#letGo(name)
        isHeld = false
      },
    }
  }

  #letGo(name: string): void {
    const others = (this.#held.get(name) ?? 1) - 1
    if (others === 0) this.#held.delete(name)
    else this.#held.set(name, others)
  }

  async *#chunks(
    valueId: Bytes,
    { size, start, end }: Span & { size: number },
  ): AsyncGenerator<Bytes> {
    using _ = this.#hold(nameOf(valueId))
    for (let index = chunkOf(start); index * limits.chunkBytes < end; index += 1) {
      const chunk = await this.#chunk(valueId, { index, size })
      const before = index * limits.chunkBytes
      yield chunk.subarray(Math.max(0, start - before), end - before)
    }
  }

  async #chunk(valueId: Bytes, { index, size }: { index: number; size: number }): Promise<Bytes> {
    const [entry] = await this.#engine.get([chunkKey(valueId, index)])
    const expected = Math.min(limits.chunkBytes, size - index * limits.chunkBytes)
    if (entry && !entry.isDamaged && entry.value.length === expected) return entry.value
    throw new StorageError('record-damaged', `Part ${index} of this value is damaged or lost.`)
  }
}

/** A value in its record's info is in memory: nobody needs to hold it. */
const unheld: Disposable = Object.freeze({ [Symbol.dispose]: () => undefined })

function inlineValue(bytes: Bytes): StoredValue {
  return {
    size: bytes.length,
    inline: bytes,
    read: async () => bytes,
    hold: () => unheld,
    [Symbol.dispose]: unheld[Symbol.dispose],
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
