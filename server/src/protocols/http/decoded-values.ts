import type { Bytes } from '../../core/kernel/bytes.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { RecordHead, StoreRecord } from '../../core/records/record.ts'
import type { Span } from '../../core/values/value.ts'
import { DecodingError, decodeStream, isContentEncoding } from './content-encoding.ts'
import { type Asker, DecodedLengths } from './decoded-lengths.ts'

/** A body, and its length if that is known before it is read. */
export interface DecodedBody {
  readonly body: Bytes | AsyncIterable<Bytes>
  readonly length: number | undefined
}

/**
 * The values of encoded records, decoded. A value is decoded while it is read, from its beginning
 * each time. Its length is remembered once it was decoded to its end. All methods throw
 * `content-encoding-invalid`, `value-too-large`, `record-damaged` and, if the owner waits too long
 * because of many other long values, `store-busy`; the streams throw DecodingError and
 * `record-damaged`.
 */
export class DecodedValues {
  readonly #lengths = new DecodedLengths()

  /** The length, if this version of the record was decoded before. */
  knownLength(storeId: string, head: RecordHead): number | undefined {
    return this.#lengths.known(nameOf(storeId, head))
  }

  /** The length. Decodes the value to find it out, unless it is known. */
  async length(storeId: string, record: StoreRecord, asker: Asker): Promise<number> {
    const name = nameOf(storeId, record)
    return understood(record, () => this.#lengths.find(name, () => decodedParts(record), asker))
  }

  /**
   * The whole value. Up to a megabyte is decoded at once. If a small stored value decodes to more,
   * it is first decoded to its end, so that malformed bytes and decompression bombs are refused
   * before the reply begins.
   */
  async whole(storeId: string, record: StoreRecord, asker: Asker): Promise<DecodedBody> {
    const name = nameOf(storeId, record)
    return understood(record, async () => {
      this.#lengths.assertNoFault(name)
      const parts = decodedParts(record)
      const { held, isWhole } = await take(parts, limits.chunkBytes)
      if (isWhole) return { body: held, length: this.#lengths.note(name, held.length) }
      const body = resumed({ value: held, done: false }, parts)
      const length = this.#lengths.known(name)
      if (length !== undefined) return { body, length }
      if (record.size > limits.chunkBytes) {
        const note = (counted: number): void => void this.#lengths.note(name, counted)
        return { body: counting(body, note), length }
      }
      await parts.return(undefined)
      const counted = await this.#lengths.find(name, () => decodedParts(record), asker)
      return { body: decodedParts(record), length: counted }
    })
  }

  /**
   * The bytes of `span`, which lies within the decoded value. Before a span that begins far from
   * the beginning there are empty parts, so that the work ends soon after its reader goes away.
   */
  async part(record: StoreRecord, span: Span, asker: Asker): Promise<AsyncIterable<Bytes>> {
    if (span.start > limits.chunkBytes) {
      const room = await this.#lengths.takeRoom(asker)
      return farPart(decodedParts(record), { span, room })
    }
    return understood(record, async () => {
      const parts = cut(decodedParts(record), span)
      return resumed(await parts.next(), parts)
    })
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
async function* cut(
  parts: AsyncIterable<Bytes>,
  { start, end }: Span,
  { keepsEmpty = false } = {},
): AsyncGenerator<Bytes> {
  let at = 0
  for await (const part of parts) {
    const wanted = part.subarray(Math.max(0, start - at), Math.max(0, end - at))
    if (wanted.length > 0 || keepsEmpty) yield wanted
    at += part.length
    if (at >= end) return
  }
}

/** As `cut`, with empty parts for what is dropped. Gives `room` back at the first wanted byte. */
function farPart(
  parts: AsyncGenerator<Bytes>,
  { span, room }: { span: Span; room: Disposable },
): AsyncIterable<Bytes> {
  const wanted = cut(parts, span, { keepsEmpty: true })
  const next = async (): Promise<IteratorResult<Bytes>> => {
    try {
      const part = await wanted.next()
      if (part.done || part.value.length > 0) room[Symbol.dispose]()
      return part
    } catch (error) {
      room[Symbol.dispose]()
      throw error
    }
  }
  const close = async (): Promise<IteratorResult<Bytes>> => {
    room[Symbol.dispose]()
    await wanted.return(undefined)
    return parts.return(undefined) // `wanted` does not close it if it was never read
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: close }) }
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
