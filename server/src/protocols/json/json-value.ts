import type { Awaitable } from '../../core/kernel/awaitable.ts'
import { asBuffer, type Bytes, strictUtf8 } from '../../core/kernel/bytes.ts'
import { type ErrorCode, StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { RecordHead, StoreRecord } from '../../core/records/record.ts'
import type { Store } from '../../core/stores/store.ts'
import { charsetOf, isJsonType, mediaTypeOf } from '../../core/values/content-type.ts'
import type { JsonState } from '../../core/values/record-info.ts'
import { DecodingError, decodeBytes, isContentEncoding } from '../http/content-encoding.ts'

/** A record as a door that speaks JSON sees it. */
export type JsonView =
  /** JSON text that was checked and may become part of a reply as it is. */
  { readonly kind: 'json'; readonly text: string } | { readonly kind: 'not-json' }

const notJson: JsonView = { kind: 'not-json' }

/**
 * The JSON view of a record: values of JSON types as they are, `text/*` as a JSON string,
 * everything else as not JSON. Unchecked bytes are parsed first, and the store remembers the
 * result. Throws `content-encoding-invalid`, `value-too-large`, `record-damaged`.
 */
export async function jsonViewOf(record: StoreRecord, store: Store): Promise<JsonView> {
  const view = await viewOf(record, limits.jsonViewBytesMax)
  if (view !== undefined) remember(record, store, view.kind === 'json')
  return view ?? notJson
}

/** The view of a record whose value was looked at; undefined: it did not have to be. */
async function viewOf(record: StoreRecord, bytesMax: number): Promise<JsonView | undefined> {
  const meaning = meaningOf(record.contentType)
  if (meaning === 'other' || record.jsonState === 'unsound') return undefined
  const text = decodeText(await decoded(record, bytesMax))
  const isSound = text !== undefined && (meaning === 'text' || isJson(text, record.jsonState))
  if (!isSound) return notJson
  return { kind: 'json', text: meaning === 'text' ? JSON.stringify(text) : text }
}

/** How much longer than its value an encoded value may be. */
const encodingBytesMax = 256

/**
 * The JSON view of a record as text, for those who watch it; undefined: there is none, or it has
 * more than `watchedValueBytesMax` bytes. No more than that is decoded. Throws `record-damaged`.
 */
export function watchedJsonOf(record: StoreRecord): Awaitable<string | undefined> {
  const bytesMax = limits.watchedValueBytesMax
  if (record.size > bytesMax + (record.contentEncoding === '' ? 0 : encodingBytesMax)) {
    return undefined
  }
  return readyJsonOf(record) ?? shortViewOf(record, bytesMax)
}

async function shortViewOf(record: StoreRecord, bytesMax: number): Promise<string | undefined> {
  const view = await ifReadable(() => viewOf(record, bytesMax))
  if (view?.kind !== 'json') return undefined
  return Buffer.byteLength(view.text) <= bytesMax ? view.text : undefined
}

/** Whether reading a record as JSON may take a while: others should be served before. */
export function isLongWork({ contentEncoding, size }: RecordHead): boolean {
  return contentEncoding !== '' || size > limits.quickJsonBytesMax
}

/**
 * Runs `work`, which reads a record as JSON. Undefined: the record can't be read as JSON, because
 * it is too large or can't be decoded by its content encoding. Throws what else `work` throws, such
 * as `record-damaged`.
 */
export async function ifReadable<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StorageError && unreadable.includes(error.code)) return undefined
    throw error
  }
}

const unreadable: readonly ErrorCode[] = ['content-encoding-invalid', 'value-too-large']

/** The content type of values that doors store as JSON. */
export const jsonType = 'application/json'

/** The JSON text of a record if it is at hand and was checked before; else use `jsonViewOf`. */
export function readyJsonOf(record: StoreRecord): string | undefined {
  const bytes = readyBytesOf(record)
  return bytes && asBuffer(bytes).toString('utf8')
}

/** The same as bytes: only of a small value that was stored by a door that speaks JSON. */
export function readyBytesOf(record: StoreRecord): Bytes | undefined {
  const { contentType, contentEncoding, jsonState, value } = record
  if (contentType !== jsonType || jsonState !== 'sound' || contentEncoding !== '') return undefined
  const { inline } = value
  return inline && inline[0] !== byteOrderMark ? inline : undefined
}

/** The first byte of a byte order mark in UTF-8. No JSON begins with it. */
const byteOrderMark = 0xef

function remember(record: StoreRecord, store: Store, isSound: boolean): void {
  if (record.jsonState !== 'unchecked') return
  store.rememberJson(record.key, record.revision, isSound ? 'sound' : 'unsound')
}

type Meaning = 'json' | 'text' | 'other'

function meaningOf(contentType: string): Meaning {
  if (isJsonType(contentType)) return 'json'
  if (!mediaTypeOf(contentType).startsWith('text/')) return 'other'
  const charset = charsetOf(contentType) ?? 'utf-8'
  return ['utf-8', 'utf8', 'us-ascii'].includes(charset) ? 'text' : 'other'
}

async function decoded(record: StoreRecord, outputBytesMax: number): Promise<Bytes> {
  const isEncoded = isContentEncoding(record.contentEncoding)
  if (record.size > outputBytesMax + (isEncoded ? encodingBytesMax : 0)) throw tooLarge()
  const bytes = record.value.inline ?? (await record.value.read())
  const encoding = record.contentEncoding
  if (!isContentEncoding(encoding)) return bytes
  try {
    return await decodeBytes(bytes, { encoding, outputBytesMax })
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    if (error.reason === 'too-large') throw tooLarge()
    throw new StorageError(
      'content-encoding-invalid',
      `This value can not be decoded as ${encoding}.`,
    )
  }
}

function tooLarge(): StorageError {
  const rule = `${limits.jsonViewBytesMax} bytes`
  return new StorageError(
    'value-too-large',
    `This value is over ${rule}, too large to be read as JSON.`,
  )
}

/** Decodes strict UTF-8, and drops a byte order mark in front; undefined: it is not UTF-8. */
function decodeText(bytes: Bytes): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function isJson(text: string, state: JsonState): boolean {
  if (state === 'sound') return true
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
