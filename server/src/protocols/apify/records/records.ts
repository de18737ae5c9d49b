import type { Bytes } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { RecordHead, StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { mediaTypeOf } from '../../../core/values/content-type.ts'
import type { Span } from '../../../core/values/value.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { DecodingError } from '../../http/content-encoding.ts'
import { entityTagOf } from '../../http/entity-tags.ts'
import { formatHttpDate } from '../../http/http-date.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { encodingOf } from '../../rest/request-encoding.ts'
import { whileAllowed } from '../../rest/while-allowed.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { isApifyKey, spellKey } from '../call/key-spelling.ts'
import { recordLink } from '../call/links.ts'
import { conformingBody } from '../stores/schemas.ts'
import { anyKeyUrl } from './any-key.ts'
import {
  assertWholeValue,
  conditionOf,
  headersOfSpan,
  unchangedReply,
  wantedSpan,
} from './conditional.ts'
import { decodedParts, resumed } from './decoded.ts'

/** Our choice for requests without a content type. Apify's clients always send one. */
const defaultContentType = 'application/octet-stream'

/** Ranges of smaller values work too, but are not worth an `Accept-Ranges` header. */
const rangedBytesMin = 65_536

/** GET .../records/{key} */
export async function getRecord(call: ApifyCall): Promise<HttpReply> {
  const key = keyOf(call)
  const found = findStore(call, { action: 'read', extent: { key }, link: recordLink(call) })
  const store = found instanceof Promise ? await found : found
  const stored = store.get(key)
  const record = stored instanceof Promise ? await stored : stored
  if (!record) throw recordNotFound()
  const headers = headersOf(call, record)
  const unchanged = unchangedReply(call, record, headers)
  if (unchanged) return unchanged
  if (!isServedAsStored(call, record)) {
    const body = await decodedBody(record)
    if (body instanceof Uint8Array) headers['Content-Length'] = body.length
    return whileAllowed({ status: 200, headers, body }, store)
  }
  const span = wantedSpan(call, record, headers)
  if (span) return whileAllowed(await partialReply(record, span, headers), store)
  const { inline } = record.value
  if (inline) return { status: 200, headers, body: inline }
  return whileAllowed({ status: 200, headers, body: await storedBody(record) }, store)
}

/** HEAD .../records/{key}: the headers of GET. */
export async function headRecord(call: ApifyCall): Promise<HttpReply> {
  const key = keyOf(call)
  const store = await findStore(call, { action: 'read', extent: { key }, link: recordLink(call) })
  const head = await store.head(key)
  if (!head) throw recordNotFound()
  const headers = headersOf(call, head)
  return unchangedReply(call, head, headers) ?? { status: 200, headers, body: '' }
}

/** PUT and POST .../records/{key}: any bytes, kept as they are sent. */
export async function putRecord(call: ApifyCall): Promise<HttpReply> {
  const { request } = call
  assertWholeValue(call)
  const condition = conditionOf(call)
  const contentEncoding = encodingOf(request.header('content-encoding'))
  const contentType = request.header('content-type') ?? defaultContentType
  const key = keyOf(call)
  const found = findStore(call, { action: 'write', extent: { key } })
  const store = found instanceof Promise ? await found : found
  if (!call.takesAnyKey && !isApifyKey(key)) await assertExists(store, key)
  const record = { key, contentType, contentEncoding }
  const source = store.hasNoSchema ? request.body : await conformingBody(call, { store, record })
  const { revision } = await store.put({ ...record, source }, condition)
  const ETag = entityTagOf(revision, { isDecoded: false })
  return jsonReply(201, {}, { Location: recordUrl(call, store.id, key), ETag })
}

/** DELETE .../records/{key}: succeeds even if there is no such record. */
export async function deleteRecord(call: ApifyCall): Promise<HttpReply> {
  const condition = conditionOf(call)
  const key = keyOf(call)
  const store = await findStore(call, { action: 'write', extent: { key } })
  await store.delete(key, condition)
  return emptyReply(204)
}

/** Refuses an empty segment, which URL libraries make of the keys `.` and ''. */
function keyOf({ key, takesAnyKey }: ApifyCall): string {
  if (key !== undefined && (key !== '' || takesAnyKey)) return key
  throw new StorageError('record-key-invalid', 'The path contains no record key.')
}

function recordUrl(call: ApifyCall, storeId: string, key: string): string {
  if (call.takesAnyKey) return anyKeyUrl(call, storeId, key)
  return `${call.request.baseUrl}/v2/key-value-stores/${storeId}/records/${spellKey(key)}`
}

/** Only other doors create records with keys outside Apify's alphabet; this one replaces them. */
async function assertExists(store: Store, key: string): Promise<void> {
  if (await store.head(key)) return
  throw new StorageError('record-key-invalid', 'Record key contains invalid character')
}

function isServedAsStored(call: ApifyCall, { contentEncoding }: RecordHead): boolean {
  if (contentEncoding === '') return true
  return accepts(call.request.header('accept-encoding') ?? '', contentEncoding)
}

/** RFC 9110, 12.5.3. A client that names no encodings gets the value decoded. */
function accepts(acceptEncoding: string, encoding: string): boolean {
  const offers = acceptEncoding.toLowerCase().split(',').map(parseOffer)
  const offer = offers.find(({ name }) => name === encoding) ?? offers.find(isAny)
  return offer !== undefined && offer.weight > 0
}

function parseOffer(text: string): { name: string; weight: number } {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  return { name, weight: weight === undefined ? 1 : Number(weight) }
}

function isAny({ name }: { name: string }): boolean {
  return name === '*'
}

function headersOf(call: ApifyCall, head: RecordHead): Record<string, string | number> {
  const headers: Record<string, string | number> = { 'Content-Type': head.contentType }
  if (head.contentEncoding !== '') headers.Vary = 'Accept-Encoding'
  const isDecoded = !isServedAsStored(call, head)
  headers.ETag = entityTagOf(head.revision, { isDecoded })
  headers['Last-Modified'] = formatHttpDate(head.modifiedAt)
  // Without this, caches may guess from `Last-Modified` how long a record stays the same.
  headers['Cache-Control'] = 'no-cache'
  if (!isDecoded) {
    headers['Content-Length'] = head.size
    if (head.size >= rangedBytesMin) headers['Accept-Ranges'] = 'bytes'
    if (head.contentEncoding !== '') headers['Content-Encoding'] = head.contentEncoding
  }
  if (call.query.flag('attachment')) {
    headers['Content-Disposition'] = `attachment; filename="${spellKey(head.key)}"`
  }
  headers['X-Content-Type-Options'] = 'nosniff'
  if (mayBePage(head.contentType)) headers['Content-Security-Policy'] = 'sandbox'
  return headers
}

/** A value may be HTML or SVG. It must not run as a page of this server. */
function mayBePage(contentType: string): boolean {
  const mediaType = mediaTypeOf(contentType)
  return mediaType !== 'application/json' && mediaType !== 'application/octet-stream'
}

async function partialReply(
  { value }: StoreRecord,
  span: Span,
  headers: HttpReply['headers'],
): Promise<HttpReply> {
  const parts = value.chunks(span)
  const body = resumed(await parts.next(), parts)
  return { status: 206, headers: headersOfSpan(headers, span, value.size), body }
}

/** Reads the first chunk before the reply begins, so that a damaged record gets an error reply. */
async function storedBody({ value }: StoreRecord): Promise<Bytes | AsyncIterable<Bytes>> {
  if (value.size <= limits.chunkBytes) return value.read()
  const chunks = value.chunks()
  return resumed(await chunks.next(), chunks)
}

/**
 * Decodes up to a megabyte as a whole. If a small stored value decodes to more, it is decoded once
 * completely before the reply begins, so that malformed bytes and decompression bombs get an error
 * reply.
 */
async function decodedBody(record: StoreRecord): Promise<Bytes | AsyncIterable<Bytes>> {
  try {
    const parts = decodedParts(record)
    const { held, isWhole } = await take(parts, limits.chunkBytes)
    if (isWhole) return held
    const behind = resumed({ value: held, done: false }, parts)
    if (record.size > limits.chunkBytes) return behind
    for await (const _ of behind);
    return decodedParts(record)
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    const code = error.reason === 'too-large' ? 'value-too-large' : 'content-encoding-invalid'
    const what = error.reason === 'too-large' ? 'it decodes to too many bytes' : 'its bytes are not'
    throw new StorageError(
      code,
      `The Content-Encoding of this record is ${record.contentEncoding}, but ${what}.`,
    )
  }
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

function recordNotFound(): StorageError {
  return new StorageError('record-not-found', 'There is no such record.')
}
