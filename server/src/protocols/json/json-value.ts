import { asBuffer, type Bytes } from '../../core/kernel/bytes.ts'
import { type ErrorCode, StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { StoreRecord } from '../../core/records/record.ts'
import type { Store } from '../../core/stores/store.ts'
import type { JsonState } from '../../core/values/record-info.ts'
import { DecodingError, decodeBytes, isContentEncoding } from '../http/content-encoding.ts'

/** What a record is to a door that speaks JSON. */
export type JsonView =
  /** JSON text that may become part of a reply as it is: it was parsed once. */
  { readonly kind: 'json'; readonly text: string } | { readonly kind: 'not-json' }

const notJson: JsonView = { kind: 'not-json' }
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The JSON view of a record: JSON types as their JSON, `text/*` as a JSON string, everything else
 * as not JSON. Bytes that nobody has checked are parsed first, and what was found is remembered.
 * Throws `content-encoding-invalid`, `value-too-large`, `record-damaged`.
 */
export async function jsonViewOf(record: StoreRecord, store: Store): Promise<JsonView> {
  const meaning = meaningOf(record.contentType)
  if (meaning === 'other' || record.jsonState === 'unsound') return notJson
  const text = decodeText(await decoded(record))
  const isSound = text !== undefined && (meaning === 'text' || isJson(text, record.jsonState))
  remember(record, store, isSound)
  if (!isSound) return notJson
  return { kind: 'json', text: meaning === 'text' ? JSON.stringify(text) : text }
}

/**
 * `work`, which looks at the JSON of a record; undefined where the record can't be read as such: it
 * is too large for that, or not encoded as it says. Throws `record-damaged`.
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

/** The type of what a door that speaks JSON stores. */
export const jsonType = 'application/json'

/** JSON text that needs no look; undefined where `jsonViewOf` must look. */
export function readyJsonOf(record: StoreRecord): string | undefined {
  const bytes = readyBytesOf(record)
  return bytes && asBuffer(bytes).toString('utf8')
}

/** ... as its bytes: a door that speaks JSON has stored it, and it is small. */
export function readyBytesOf(record: StoreRecord): Bytes | undefined {
  const { contentType, contentEncoding, jsonState, value } = record
  if (contentType !== jsonType || jsonState !== 'sound' || contentEncoding !== '') return undefined
  const { inline } = value
  return inline && inline[0] !== byteOrderMark ? inline : undefined
}

/** Its first byte, with which no JSON begins. */
const byteOrderMark = 0xef

function remember(record: StoreRecord, store: Store, isSound: boolean): void {
  if (record.jsonState !== 'unchecked') return
  store.rememberJson(record.key, record.revision, isSound ? 'sound' : 'unsound')
}

type Meaning = 'json' | 'text' | 'other'

function meaningOf(contentType: string): Meaning {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';')
  const mediaType = type.trim()
  if (mediaType === 'application/json' || mediaType.endsWith('+json')) return 'json'
  if (!mediaType.startsWith('text/')) return 'other'
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='))
  const name = charset?.slice('charset='.length).replaceAll('"', '') ?? 'utf-8'
  return ['utf-8', 'utf8', 'us-ascii'].includes(name) ? 'text' : 'other'
}

async function decoded(record: StoreRecord): Promise<Bytes> {
  const outputBytesMax = limits.jsonViewBytesMax
  if (record.size > outputBytesMax) throw tooLarge()
  const bytes = record.value.inline ?? (await record.value.read())
  const encoding = record.contentEncoding
  if (!isContentEncoding(encoding)) return bytes
  try {
    return await decodeBytes(bytes, { encoding, outputBytesMax })
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    if (error.reason === 'too-large') throw tooLarge()
    throw new StorageError('content-encoding-invalid', `This value is not ${encoding} as it says.`)
  }
}

function tooLarge(): StorageError {
  const rule = `${limits.jsonViewBytesMax} bytes`
  return new StorageError(
    'value-too-large',
    `This value is over ${rule}, too large for JSON doors.`,
  )
}

/** Strict UTF-8, a byte order mark in front allowed and left out; undefined where it is none. */
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
