import type { Bytes } from '../../core/kernel/bytes.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { lruCache } from '../../core/kernel/lru-cache.ts'
import type { RecordHead, StoreRecord } from '../../core/records/record.ts'
import type { Span } from '../../core/values/value.ts'
import { DecodingError, decodeStream, isContentEncoding } from './content-encoding.ts'

/** A body, and its length if that is known before it is read. */
export interface DecodedBody {
  readonly body: Bytes | AsyncIterable<Bytes>
  readonly length: number | undefined
}

/**
 * The values of encoded records, decoded. A value is decoded while it is read, from its beginning
 * each time. Its length is remembered once it was decoded to its end. All methods throw
 * `content-encoding-invalid`, `value-too-large` and `record-damaged`; the streams throw
 * DecodingError and `record-damaged`.
 */
export class DecodedValues {
  readonly #lengths = lruCache<string, number>(limits.decodedLengthsMax)

  /** The length, if this version of the record was decoded before. */
  knownLength(storeId: string, head: RecordHead): number | undefined {
    return this.#lengths.get(nameOf(storeId, head))
  }

  /** The length. Decodes the value to find it out, unless it is known. */
  async length(storeId: string, record: StoreRecord): Promise<number> {
    return (
      this.knownLength(storeId, record) ??
      this.#note(storeId, record, await understood(record, () => lengthOf(decodedParts(record))))
    )
  }

  /**
   * The whole value. Up to a megabyte is decoded at once. If a small stored value decodes to more,
   * it is first decoded to its end, so that malformed bytes and decompression bombs are refused
   * before the reply begins.
   */
  async whole(storeId: string, record: StoreRecord): Promise<DecodedBody> {
    return understood(record, async () => {
      const parts = decodedParts(record)
      const { held, isWhole } = await take(parts, limits.chunkBytes)
      if (isWhole) return { body: held, length: this.#note(storeId, record, held.length) }
      const body = resumed({ value: held, done: false }, parts)
      const length = this.knownLength(storeId, record)
      if (length !== undefined) return { body, length }
      if (record.size > limits.chunkBytes) {
        const note = (counted: number): void => void this.#note(storeId, record, counted)
        return { body: counting(body, note), length }
      }
      const counted = this.#note(storeId, record, await lengthOf(body))
      return { body: decodedParts(record), length: counted }
    })
  }

  /** The bytes of `span`, which lies within the decoded value. */
  async part(record: StoreRecord, span: Span): Promise<AsyncIterable<Bytes>> {
    return understood(record, async () => {
      const parts = cut(decodedParts(record), span)
      return resumed(await parts.next(), parts)
    })
  }

  #note(storeId: string, head: RecordHead, length: number): number {
    this.#lengths.set(nameOf(storeId, head), length)
    return length
  }
}

/** A revision is a commit, which may have written several records. */
function nameOf(storeId: string, { key, revision }: RecordHead): string {
  return `${storeId}/${revision}/${key}`
}

/** The value, decoded while it is read. Throws DecodingError, `record-damaged`. */
export function decodedParts({ contentEncoding, size, value }: StoreRecord): AsyncGenerator<Bytes> {
  if (!isContentEncoding(contentEncoding)) return value.chunks()
  const outputBytesMax = Math.max(limits.decodedBytesMax, size * limits.decodedRatioMax)
  return decodeStream(value.chunks(), { encoding: contentEncoding, outputBytesMax })
}

/** `first`, then `rest`. Closing it closes `rest`, even if nothing was read yet. */
export function resumed(
  first: IteratorResult<Bytes>,
  rest: AsyncGenerator<Bytes>,
): AsyncIterable<Bytes> {
  let taken: IteratorResult<Bytes> | undefined = first
  const next = async (): Promise<IteratorResult<Bytes>> => {
    const result = taken ?? (await rest.next())
    taken = undefined
    return result
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: () => rest.return(undefined) }) }
}

/** The same parts; calls `onEnd` with their length once they are read to their end. */
function counting(parts: AsyncIterable<Bytes>, onEnd: (length: number) => void) {
  const begin = (): AsyncIterator<Bytes> => {
    const source = parts[Symbol.asyncIterator]()
    let length = 0
    const next = async (): Promise<IteratorResult<Bytes>> => {
      const part = await source.next()
      if (part.done) onEnd(length)
      else length += part.value.length
      return part
    }
    const close = async (): Promise<IteratorResult<Bytes>> =>
      (await source.return?.()) ?? { done: true, value: undefined }
    return { next, return: close }
  }
  return { [Symbol.asyncIterator]: begin }
}

/** The bytes of `span`. What comes before it is dropped, what comes after it is not read. */
async function* cut(parts: AsyncIterable<Bytes>, { start, end }: Span): AsyncGenerator<Bytes> {
  let at = 0
  for await (const part of parts) {
    const wanted = part.subarray(Math.max(0, start - at), Math.max(0, end - at))
    if (wanted.length > 0) yield wanted
    at += part.length
    if (at >= end) return
  }
}

async function lengthOf(parts: AsyncIterable<Bytes>): Promise<number> {
  let length = 0
  for await (const part of parts) length += part.length
  return length
}

/** The first bytes: at least `count` of them, or all if there are fewer. */
async function take(
  parts: AsyncGenerator<Bytes>,
  count: number,
): Promise<{ held: Bytes; isWhole: boolean }> {
  const taken: Bytes[] = []
  for (let length = 0; length < count; ) {
    const { value, done } = await parts.next()
    if (done) return { held: Buffer.concat(taken), isWhole: true }
    taken.push(value)
    length += value.length
  }
  return { held: Buffer.concat(taken), isWhole: false }
}

async function understood<T>({ contentEncoding }: RecordHead, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    const isTooLarge = error.reason === 'too-large'
    const what = isTooLarge ? 'it decodes to too many bytes' : 'its bytes are not'
    throw new StorageError(
      isTooLarge ? 'value-too-large' : 'content-encoding-invalid',
      `The Content-Encoding of this record is ${contentEncoding}, but ${what}.`,
    )
  }
}
