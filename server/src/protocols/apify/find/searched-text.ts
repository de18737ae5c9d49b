import { type Bytes, strictUtf8 } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { RecordHead, StoreRecord } from '../../../core/records/record.ts'
import { isCompressedType, isJsonType } from '../../../core/values/content-type.ts'
import { DecodingError, decodeBytes, isContentEncoding } from '../../http/content-encoding.ts'
import type { Matcher } from './matcher.ts'

/** How much longer than its value an encoded value may be. */
const encodingBytesMax = 256

/**
 * Whether a value may hold what is sought, so that it is worth reading. Types that are compressed
 * by themselves, such as pictures, hold no text.
 */
export function isSearchable(
  { contentType, contentEncoding, size }: RecordHead,
  { isJson }: Pick<Matcher, 'isJson'>,
): boolean {
  const sizeMax = limits.findValueBytesMax + (contentEncoding === '' ? 0 : encodingBytesMax)
  if (size > sizeMax) return false
  return isJson ? isJsonType(contentType) : !isCompressedType(contentType)
}

/** The decoded text of a value; undefined: it is too long, damaged, or not UTF-8. */
export async function textOf(record: StoreRecord): Promise<string | undefined> {
  try {
    return strictUtf8.decode(await decoded(record))
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

async function decoded({ value, contentEncoding: encoding }: StoreRecord): Promise<Bytes> {
  const bytes = value.inline ?? (await value.read())
  if (!isContentEncoding(encoding)) return bytes
  return decodeBytes(bytes, { encoding, outputBytesMax: limits.findValueBytesMax })
}

function isUnreadable(error: unknown): boolean {
  if (error instanceof StorageError) return error.code === 'record-damaged'
  return error instanceof DecodingError || error instanceof TypeError
}
