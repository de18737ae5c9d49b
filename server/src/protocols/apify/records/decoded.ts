import type { Bytes } from '../../../core/kernel/bytes.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import { decodeStream, isContentEncoding } from '../../http/content-encoding.ts'

/**
 * A value that decodes to more than this, and to more than so many times its own size, is a bomb.
 */
const decodedBytesMax = 64 * 1_048_576
const decodedRatioMax = 200

/** The value without its encoding, as it is read. Throws DecodingError, `record-damaged`. */
export function decodedParts({ contentEncoding, size, value }: StoreRecord): AsyncGenerator<Bytes> {
  if (!isContentEncoding(contentEncoding)) return value.chunks()
  const outputBytesMax = Math.max(decodedBytesMax, size * decodedRatioMax)
  return decodeStream(value.chunks(), { encoding: contentEncoding, outputBytesMax })
}

/** What `rest` gives behind `first`. Closing it closes `rest`, also before anything was taken. */
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
