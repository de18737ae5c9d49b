import type { Bytes } from '../../core/engine.ts'
import { StorageError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { RecordHead, StoreRecord } from '../../core/record.ts'
import type { Store } from '../../core/store.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { DecodingError, isContentEncoding } from '../content-encoding.ts'
import { findStore } from './address.ts'
import { decodedParts, resumed } from './decoded.ts'
import { RequestError } from './errors.ts'
import { isApifyKey, spellKey } from './key-spelling.ts'
import type { ApifyCall } from './routes.ts'
import { conformingBody } from './schemas.ts'
import { emptyReply, jsonReply } from './wire.ts'

/** What Apify's clients always send; ours to choose where there is none. */
const defaultContentType = 'application/octet-stream'

/** GET .../records/{key} */
export async function getRecord(call: ApifyCall): Promise<HttpReply> {
  const found = findStore(call, 'read')
  const store = found instanceof Promise ? await found : found
  const record = await store.get(keyOf(call))
  if (!record) throw recordNotFound()
  const headers = headersOf(call, record)
  if (!isServedAsStored(call, record)) {
    return { status: 200, headers, body: await decodedBody(record) }
  }
  const body = record.value.inline ?? (await storedBody(record))
  return { status: 200, headers, body }
}

/** HEAD .../records/{key}: the headers of GET. */
export async function headRecord(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, 'read')
  const head = await store.head(keyOf(call))
  if (!head) throw recordNotFound()
  return { status: 200, headers: headersOf(call, head), body: '' }
}

/** PUT and POST .../records/{key}: any bytes, kept as they are sent. */
export async function putRecord(call: ApifyCall): Promise<HttpReply> {
  const { request } = call
  const contentEncoding = encodingOf(request.header('content-encoding') ?? '')
  const contentType = request.header('content-type') ?? defaultContentType
  const found = findStore(call, 'write')
  const store = found instanceof Promise ? await found : found
  const key = keyOf(call)
  if (!isApifyKey(key)) await assertExists(store, key)
  const record = { key, contentType, contentEncoding }
  const source = store.hasNoSchema ? request.body : await conformingBody(call, { store, record })
  await store.put({ ...record, source })
  const location = `${request.baseUrl}/v2/key-value-stores/${store.id}/records/${spellKey(key)}`
  return jsonReply(201, {}, { Location: location })
}

/** DELETE .../records/{key}: done as well where there is none. */
export async function deleteRecord(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, 'write')
  await store.delete(keyOf(call))
  return emptyReply(204)
}

export function unsupportedEncoding(encoding: string): RequestError {
  return new RequestError(
    { status: 415, type: 'unsupported-content-encoding' },
    `Content-Encoding "${encoding}" is not supported.`,
  )
}

/** An empty segment is what URLs make of the keys `.` and ''. */
function keyOf({ key }: ApifyCall): string {
  if (key !== undefined && key !== '') return key
  throw new StorageError('record-key-invalid', 'The path spells no record key.')
}

/** Keys outside Apify's alphabet come from other doors: here they can be replaced, not made. */
async function assertExists(store: Store, key: string): Promise<void> {
  if (await store.head(key)) return
  throw new StorageError('record-key-invalid', 'Record key contains invalid character')
}

function encodingOf(header: string): string {
  const encoding = header.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return ''
  if (isContentEncoding(encoding)) return encoding
  throw unsupportedEncoding(header)
}

function isServedAsStored(call: ApifyCall, { contentEncoding }: RecordHead): boolean {
  if (contentEncoding === '') return true
  return accepts(call.request.header('accept-encoding') ?? '', contentEncoding)
}

/** RFC 9110, 12.5.3; a client that names no encodings gets none. */
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
  if (isServedAsStored(call, head)) {
    headers['Content-Length'] = head.size
    if (head.contentEncoding !== '') headers['Content-Encoding'] = head.contentEncoding
  }
  if (call.query.flag('attachment')) {
    headers['Content-Disposition'] = `attachment; filename="${spellKey(head.key)}"`
  }
  headers['X-Content-Type-Options'] = 'nosniff'
  if (mayBePage(head.contentType)) headers['Content-Security-Policy'] = 'sandbox'
  return headers
}

/** What users store may be HTML or SVG: it must not run as a page of this server. */
function mayBePage(contentType: string): boolean {
  return !/^application\/(json|octet-stream)\s*(;|$)/i.test(contentType)
}

/** The first chunk is read before the reply begins, so that a damaged record is told. */
async function storedBody({ value }: StoreRecord): Promise<Bytes | AsyncIterable<Bytes>> {
  if (value.size <= limits.chunkBytes) return value.read()
  const chunks = value.chunks()
  return resumed(await chunks.next(), chunks)
}

/**
 * The first bytes are decoded before the reply begins, so that a value that is no such encoding is
 * told.
 */
async function decodedBody(record: StoreRecord): Promise<AsyncIterable<Bytes>> {
  const parts = decodedParts(record)
  try {
    return resumed(await parts.next(), parts)
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    const code = error.reason === 'too-large' ? 'value-too-large' : 'content-encoding-invalid'
    const encoding = record.contentEncoding
    throw new StorageError(code, `This record is not ${encoding} as its Content-Encoding says.`)
  }
}

function recordNotFound(): StorageError {
  return new StorageError('record-not-found', 'There is no such record.')
}
