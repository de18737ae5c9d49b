import type { Bytes } from '../../../core/kernel/bytes.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import { decodeStream, isContentEncoding } from '../../http/content-encoding.ts'
import { decodedBytesMax, decodedRatioMax } from '../stores/wire.ts'

/** The value, decoded while it is read. Throws DecodingError, `record-damaged`. */
export function decodedParts({ contentEncoding, size, value }: StoreRecord): AsyncGenerator<Bytes> {
  if (!isContentEncoding(contentEncoding)) return value.chunks()
  const outputBytesMax = Math.max(decodedBytesMax, size * decodedRatioMax)
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
