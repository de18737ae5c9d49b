import { BytePool, type Holding } from '../../core/kernel/bounds/byte-pool.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { lruCache } from '../../core/kernel/lru-cache.ts'
import { DecodingError } from './content-encoding.ts'

/** Who waits for a value to be decoded: whose share of the room it takes, and until when. */
export interface Asker {
  readonly owner: string
  /** Aborted, with an error as its reason, once nobody waits any more. */
  readonly signal: AbortSignal
}

/** What is wrong with a value that does not decode to its end. */
type Fault = DecodingError['reason']

/**
 * The decoded lengths of values, which are known once a value was decoded to its end. A value is
 * decoded once, however many wait for its length, and no longer than somebody waits. That a value
 * can't be decoded is remembered, too: it may take gigabytes to find out.
 */
export class DecodedLengths {
  readonly #known = lruCache<string, number | Fault>(limits.decodedLengthsMax)
  readonly #running = new Map<string, SharedWork<number>>()
  readonly #room = new BytePool({
    bytesMax: limits.decodingsBytesMax,
    ownerBytesMax: limits.decodingsBytesOwnerMax,
  })

  /** Undefined if the value was not decoded to its end yet. */
  known(name: string): number | undefined {
    const known = this.#known.get(name)
    return typeof known === 'number' ? known : undefined
  }

  note(name: string, length: number): number {
    this.#known.set(name, length)
    return length
  }

  /** Throws DecodingError if it is known that the value can't be decoded. */
  assertNoFault(name: string): void {
    const known = this.#known.get(name)
    if (typeof known === 'string') throw new DecodingError(known)
  }

  /**
   * The length of the value that `open` decodes. Throws DecodingError, `store-busy`, the reason of
   * the signal, and what `open` throws.
   */
  async find(name: string, open: () => AsyncIterable<Bytes>, asker: Asker): Promise<number> {
    this.assertNoFault(name)
    const known = this.known(name)
    if (known !== undefined) return known
    const running = this.#running.get(name)
    const work = running && !running.isStopped ? running : this.#start(name, open, asker)
    return work.wait(asker.signal)
  }

  /**
   * Room for decoding more than a megabyte without sending it. Waits for it. Throws `store-busy` if
   * that takes too long, and the reason of the signal.
   */
  async takeRoom({ owner, signal }: Asker): Promise<Disposable> {
    const holding = this.#room.open(owner)
    if (!holding.take(limits.chunkBytes)) await roomFor(holding, signal)
    return { [Symbol.dispose]: () => holding.set(0) }
  }

  #start(name: string, open: () => AsyncIterable<Bytes>, { owner }: Asker): SharedWork<number> {
    const work: SharedWork<number> = new SharedWork(async (stop) => {
      try {
        return this.note(name, await this.#count(open, { owner, signal: stop }))
      } catch (error) {
        if (error instanceof DecodingError) this.#known.set(name, error.reason)
        throw error
      } finally {
        if (this.#running.get(name) === work) this.#running.delete(name)
      }
    })
    this.#running.set(name, work)
    return work
  }

  /** A long value is begun again once there is room: until then it holds no decoder. */
  async #count(open: () => AsyncIterable<Bytes>, asker: Asker): Promise<number> {
    const length = await count(open(), { signal: asker.signal, most: limits.chunkBytes })
    if (length <= limits.chunkBytes) return length
    using _ = await this.takeRoom(asker)
    return await count(open(), { signal: asker.signal, most: Number.POSITIVE_INFINITY })
  }
}

/** The length of all parts, or a length over `most`. Throws the reason of the signal. */
async function count(
  parts: AsyncIterable<Bytes>,
  { signal, most }: { signal: AbortSignal; most: number },
): Promise<number> {
  let length = 0
  for await (const part of parts) {
    signal.throwIfAborted()
    length += part.length
    if (length > most) return length
  }
  return length
}

/** Waits until the holding has room for a chunk. */
function roomFor(holding: Holding, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const end = (): void => {
    clearTimeout(timer)
    signal.removeEventListener('abort', give)
  }
  const leave = holding.wait(() => {
    if (!holding.take(limits.chunkBytes)) return false
    end()
    resolve()
    return true
  })
  const refuse = (reason: unknown): void => {
    leave()
    end()
    reject(reason)
  }
  const busy = 'Too many long values are being decoded. Try again.'
  const timer = setTimeout(() => refuse(new StorageError('store-busy', busy)), limits.roomWaitMsMax)
  const give = (): void => refuse(signal.reason)
  signal.addEventListener('abort', give)
  if (signal.aborted) give()
  return promise
}

/** Work that several wait for. It is told to stop once nobody waits any more. */
class SharedWork<T> {
  readonly #stop = new AbortController()
  readonly #result: Promise<T>
  #waiting = 0

  constructor(work: (stop: AbortSignal) => Promise<T>) {
    this.#result = Promise.resolve(this.#stop.signal).then(work)
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** The result. Throws the reason of the signal once it is aborted. */
  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting += 1
    const { promise: ended, reject } = Promise.withResolvers<never>()
    const end = (): void => reject(signal.reason)
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
    try {
      return await Promise.race([this.#result, ended])
    } finally {
      signal.removeEventListener('abort', end)
      this.#waiting -= 1
      if (this.#waiting === 0) this.#stop.abort()
    }
  }
}
