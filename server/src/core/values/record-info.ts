import { innerIdBytes } from '../disk/keyspace.ts'
import type { Entry, Revision } from '../engine/engine.ts'
import { assert } from '../kernel/assert.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

/**
 * Whether a value's decoded bytes match its content type (JSON that parses, text that is UTF-8).
 * Unchecked bytes never become part of a JSON response.
 */
export type JsonState = 'unchecked' | 'sound' | 'unsound'

/** Where a value's bytes are stored: in this entry, or in chunks under a value id. */
export type ValuePlace =
  | { readonly kind: 'inline'; readonly bytes: Bytes }
  | { readonly kind: 'chunks'; readonly valueId: Bytes }

/** All that is known of a record without reading its value. */
export interface RecordInfo {
  /** As sent, parameters included. */
  readonly contentType: string
  /** As sent; '' for none. */
  readonly contentEncoding: string
  /** The number of stored bytes. Values are stored as sent. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
  readonly jsonState: JsonState
  readonly place: ValuePlace
  /**
   * The revision that wrote the value. Only set if the info was written again without a new value.
   */
  readonly valueRevision?: Revision
}

const jsonStates: readonly JsonState[] = ['unchecked', 'sound', 'unsound']
const version = 1
const inlineFlag = 0x80
const textLengthMax = 255
const fixedBytes = 28

/**
 * DO NOT CHANGE, it is on disk: version (1 byte), flags (1: the JSON state, 0x80 for inline),
 * modifiedAt, size and valueRevision (8 each, doubles, 0 for none), the lengths of type and
 * encoding (1 each), type, encoding, then the bytes or the value id.
 */
export function encodeInfo(info: RecordInfo): Buffer {
  const { contentType, contentEncoding, place } = info
  const longest = Math.max(contentType.length, contentEncoding.length)
  assert(longest <= textLengthMax, 'The length of a type or encoding fits into one byte.')
  const tail = place.kind === 'inline' ? place.bytes : place.valueId
  const textEnd = fixedBytes + contentType.length + contentEncoding.length
  const bytes = Buffer.allocUnsafe(textEnd + tail.length)
  bytes[0] = version
  bytes[1] = jsonStates.indexOf(info.jsonState) | (place.kind === 'inline' ? inlineFlag : 0)
  bytes.writeDoubleBE(info.modifiedAt, 2)
  bytes.writeDoubleBE(info.size, 10)
  bytes.writeDoubleBE(info.valueRevision ?? 0, 18)
  bytes[26] = contentType.length
  bytes[27] = contentEncoding.length
  bytes.write(contentType + contentEncoding, fixedBytes, 'latin1')
  bytes.set(tail, textEnd)
  return bytes
}

/** Throws `record-damaged`. The inline bytes are a view into the entry. */
export function decodeInfo(entry: Entry): RecordInfo {
  if (entry.isDamaged) throw new StorageError('record-damaged', 'This record is damaged on disk.')
  const bytes = asBuffer(entry.value)
  const flags = bytes[1] ?? 0
  assert(bytes[0] === version, 'A record info has this version.')
  const typeEnd = fixedBytes + (bytes[26] ?? 0)
  const textEnd = typeEnd + (bytes[27] ?? 0)
  const tail = bytes.subarray(textEnd)
  const valueRevision = bytes.readDoubleBE(18)
  return {
    contentType: bytes.toString('latin1', fixedBytes, typeEnd),
    contentEncoding: textEnd === typeEnd ? '' : bytes.toString('latin1', typeEnd, textEnd),
    size: bytes.readDoubleBE(10),
    modifiedAt: bytes.readDoubleBE(2),
    jsonState: jsonStates[flags & 3] ?? 'unchecked',
    place: flags & inlineFlag ? { kind: 'inline', bytes: tail } : chunksPlace(tail),
    ...(valueRevision > 0 && { valueRevision }),
  }
}

function chunksPlace(valueId: Bytes): ValuePlace {
  assert(valueId.length === innerIdBytes, 'A value in chunks has an id.')
  return { kind: 'chunks', valueId }
}

/** The number of chunks of a value of `size` bytes that is stored in chunks. */
export function chunkCount(size: number): number {
  return Math.ceil(size / limits.chunkBytes)
}
