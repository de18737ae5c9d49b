import type { RecordHead } from '../../../core/records/record.ts'
import { mediaTypeOf } from '../../../core/values/content-type.ts'
import type { HttpReply, HttpRequest } from '../../../transport/exchange.ts'
import { asksForOneRange } from '../../http/byte-range.ts'
import { encodingName } from '../../http/content-encoding.ts'
import { entityTagOf, parseEntityTag, parseEntityTags } from '../../http/entity-tags.ts'
import { formatHttpDate } from '../../http/http-date.ts'
import type { ApifyCall } from '../call/call.ts'
import { contentDisposition } from '../call/key-spelling.ts'

/** A record's bytes as they are stored, or decoded: two representations with their own ETags. */
export type Form = 'stored' | 'decoded'

/** Ranges of smaller stored values work too, but are not worth an `Accept-Ranges` header. */
const rangedBytesMin = 65_536

/**
 * The form that a GET or HEAD is answered with. A range is one of the decoded bytes, even if the
 * client accepts the encoding: it may hold decoded bytes and know nothing of the encoding. Only a
 * client that names the ETag of the stored bytes gets a range of them.
 */
export function formOf(
  { request, query }: Pick<ApifyCall, 'request' | 'query'>,
  { contentEncoding, revision }: RecordHead,
): Form {
  if (contentEncoding === '' || query.flag('stored')) return 'stored'
  if (!accepts(request.header('accept-encoding') ?? '', contentEncoding)) return 'decoded'
  const range = request.method === 'GET' ? request.header('range') : undefined
  if (range === undefined || !asksForOneRange(range)) return 'stored'
  return formOfRange(request, revision)
}

function formOfRange(request: HttpRequest, revision: number): Form {
  const stored = entityTagOf(revision, { isDecoded: false })
  const decoded = entityTagOf(revision, { isDecoded: true })
  const ifRange = request.header('if-range')
  // If it names neither form, the whole value is sent, and clients prefer it encoded.
  if (ifRange !== undefined) {
    const tag = parseEntityTag(ifRange)
    return tag && !tag.isWeak && tag.text === decoded ? 'decoded' : 'stored'
  }
  const expected = parseEntityTags(request.header('if-match') ?? '') ?? '*'
  const isStored =
    expected !== '*' && expected.some(({ text, isWeak }) => !isWeak && text === stored)
  return isStored ? 'stored' : 'decoded'
}

/** The headers of a reply with the whole record. `length` is of the decoded bytes, if known. */
export function headersOf(
  { query }: Pick<ApifyCall, 'query'>,
  head: RecordHead,
  { form, length }: { form: Form; length: number | undefined },
): Record<string, string | number> {
  const headers: Record<string, string | number> = { 'Content-Type': head.contentType }
  if (head.contentEncoding !== '') headers.Vary = 'Accept-Encoding'
  headers.ETag = entityTagOf(head.revision, { isDecoded: form === 'decoded' })
  headers['Last-Modified'] = formatHttpDate(head.modifiedAt)
  // Without this, caches may guess from `Last-Modified` how long a record stays the same.
  headers['Cache-Control'] = 'no-cache'
  if (form === 'decoded') {
    if (length !== undefined) headers['Content-Length'] = length
    headers['Accept-Ranges'] = 'bytes'
  } else {
    headers['Content-Length'] = head.size
    if (head.size >= rangedBytesMin) headers['Accept-Ranges'] = 'bytes'
    if (head.contentEncoding !== '') headers[encodingHeader(query)] = head.contentEncoding
  }
  if (query.flag('attachment')) headers['Content-Disposition'] = contentDisposition(head.key)
  headers['X-Content-Type-Options'] = 'nosniff'
  // Pages of every origin may show a record, also those that demand this of all that they load: no
  // cookie decides what is sent.
  headers['Cross-Origin-Resource-Policy'] = 'cross-origin'
  if (mayBePage(head.contentType)) headers['Content-Security-Policy'] = 'sandbox'
  return headers
}

/**
 * Browsers decode what has a `Content-Encoding`, and no page can forbid it. With `stored=1` the
 * stored bytes are the value, and another header says how they are encoded.
 */
function encodingHeader(query: ApifyCall['query']): string {
  return query.flag('stored') ? 'Coatcheck-Stored-Encoding' : 'Content-Encoding'
}

/** RFC 9110, 12.5.3. A client that names no encodings gets the value decoded. */
function accepts(acceptEncoding: string, encoding: string): boolean {
  const offers = acceptEncoding.split(',').map(parseOffer)
  const offer = offers.find(({ name }) => name === encoding) ?? offers.find(isAny)
  return offer !== undefined && offer.weight > 0
}

function parseOffer(text: string): { name: string; weight: number } {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  return { name: encodingName(name), weight: weight === undefined ? 1 : Number(weight) }
}

function isAny({ name }: { name: string }): boolean {
  return name === '*'
}

/** A value may be HTML or SVG. It must not run as a page of this server. */
function mayBePage(contentType: string): boolean {
  const mediaType = mediaTypeOf(contentType)
  return mediaType !== 'application/json' && mediaType !== 'application/octet-stream'
}

/** The headers of a 200 that a 304 must have too (RFC 9110, 15.4.5). */
export function headersOf304(headers: HttpReply['headers']): HttpReply['headers'] {
  const { ETag = '', Vary, 'Cache-Control': cacheControl = '' } = headers
  const policy = { 'Cross-Origin-Resource-Policy': 'cross-origin' }
  return { ETag, 'Cache-Control': cacheControl, ...policy, ...(Vary !== undefined && { Vary }) }
}
