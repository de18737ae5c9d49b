import type { Bytes } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { whileHeld } from '../../../core/records/held-records.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { Span } from '../../../core/values/value.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { asksForOneRange } from '../../http/byte-range.ts'
import { resumed } from '../../http/decoded-values.ts'
import { entityTagOf } from '../../http/entity-tags.ts'
import { exactCondition, validatorsOf } from '../../http/exact-condition.ts'
import { namedRequest, scopeOf, withRepetition } from '../../rest/named-request.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { encodingOf } from '../../rest/request-encoding.ts'
import { ownerOf } from '../../rest/routes.ts'
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
  isPlainRead,
  unchangedReply,
  wantedSpan,
  wantsPart,
} from './conditional.ts'
import { assertExists, keyOf } from './record-keys.ts'
import { type Form, formOf, headersOf } from './representation.ts'

/** Our choice for requests without a content type. Apify's clients always send one. */
const defaultContentType = 'application/octet-stream'

/** GET .../records/{key} */
export async function getRecord(call: ApifyCall): Promise<HttpReply> {
  const key = keyOf(call)
  const found = findStore(call, { action: 'read', extent: { key }, link: recordLink(call) })
  const store = found instanceof Promise ? await found : found
  const stored = store.get(key)
  const record = stored instanceof Promise ? await stored : stored
  if (!record) throw recordNotFound()
  const reply = (): Promise<HttpReply> => recordReply(call, store, record)
  return record.value.inline ? reply() : whileHeld([record], reply)
}

async function recordReply(call: ApifyCall, store: Store, record: StoreRecord): Promise<HttpReply> {
  const form = formOf(call, record)
  const headers = headersOf(call, record, { form, length: undefined })
  if (!isPlainRead(call)) {
    const entityTag = String(headers.ETag)
    const current = await validatorsOf(call, { store, head: record, entityTag })
    const unchanged = unchangedReply(call, current, headers)
    if (unchanged) return unchanged
    if (wantsPart(call, current, record)) {
      const part = await partialReply(call, { store, record, form, headers })
      if (part) return part
    }
  }
  if (form === 'decoded') return decodedReply(call, { store, record, headers })
  const { inline } = record.value
  if (inline) return { status: 200, headers, body: inline }
  return whileAllowed({ status: 200, headers, body: await storedBody(record) }, store)
}

/** HEAD .../records/{key}: the headers of GET, without a length that is not known yet. */
export async function headRecord(call: ApifyCall): Promise<HttpReply> {
  const key = keyOf(call)
  const store = await findStore(call, { action: 'read', extent: { key }, link: recordLink(call) })
  const head = await store.head(key)
  if (!head) throw recordNotFound()
  const length = call.decodedValues.knownLength(store.id, head)
  const headers = headersOf(call, head, { form: formOf(call, head), length })
  const reply = { status: 200, headers, body: '' }
  if (isPlainRead(call)) return reply
  const current = await validatorsOf(call, { store, head, entityTag: String(headers.ETag) })
  return unchangedReply(call, current, headers) ?? reply
}

/** PUT and POST .../records/{key}: any bytes, kept as they are sent. */
export async function putRecord(call: ApifyCall): Promise<HttpReply> {
  const { request } = call
  assertWholeValue(call)
  const condition = conditionOf(call)
  const named = namedRequest(call, scopeOf(call))
  const contentEncoding = encodingOf(request.header('content-encoding'))
  const contentType = request.header('content-type') ?? defaultContentType
  const key = keyOf(call)
  const found = findStore(call, { action: 'write', extent: { key } })
  const store = found instanceof Promise ? await found : found
  if (!call.takesAnyKey && !isApifyKey(key)) await assertExists(store, key)
  const record = { key, contentType, contentEncoding }
  const source = store.hasNoSchema ? request.body : await conformingBody(call, { store, record })
  const exact = condition && (await exactCondition(condition, store, key))
  const value = named?.reading(source) ?? source
  const { revision } = await store.put({ ...record, source: value }, exact, named)
  const ETag = entityTagOf(revision, { isDecoded: false })
  const reply = jsonReply(201, {}, { Location: recordUrl(call, store.id, key), ETag })
  return withRepetition(reply, named)
}

/** DELETE .../records/{key}: succeeds even if there is no such record. */
export async function deleteRecord(call: ApifyCall): Promise<HttpReply> {
  const condition = conditionOf(call)
  const named = namedRequest(call, scopeOf(call))
  const key = keyOf(call)
  const store = await findStore(call, { action: 'write', extent: { key } })
  await store.delete(key, condition && (await exactCondition(condition, store, key)), named)
  return withRepetition(emptyReply(204), named)
}

function recordUrl(call: ApifyCall, storeId: string, key: string): string {
  if (call.takesAnyKey) return anyKeyUrl(call, storeId, key)
  return `${call.request.baseUrl}/v2/key-value-stores/${storeId}/records/${spellKey(key)}`
}

interface Found {
  readonly store: Store
  readonly record: StoreRecord
  /** Of the reply with the whole record. */
  readonly headers: HttpReply['headers']
}

/** The reply with a part of the record; undefined if its header asks for no part. */
async function partialReply(
  call: ApifyCall,
  { store, record, form, headers }: Found & { readonly form: Form },
): Promise<HttpReply | undefined> {
  const { decodedValues, request } = call
  if (!asksForOneRange(request.header('range') ?? '')) return undefined
  const isDecoded = form === 'decoded'
  using use = store.beginUse()
  const asker = { owner: ownerOf(call), signal: use.signal }
  const size = isDecoded ? await decodedValues.length(store.id, record, asker) : record.size
  const span = wantedSpan(call, size)
  if (!span) return undefined
  const body = isDecoded
    ? await decodedValues.part(record, span, asker)
    : await storedPart(record, span)
  const partHeaders = headersOfSpan(headers, span, size)
  return whileAllowed({ status: 206, headers: partHeaders, body }, store, record.value.hold())
}

async function storedPart({ value }: StoreRecord, span: Span): Promise<AsyncIterable<Bytes>> {
  const parts = value.chunks(span)
  return resumed(await parts.next(), parts)
}

async function decodedReply(
  call: ApifyCall,
  { store, record, headers }: Found,
): Promise<HttpReply> {
  using use = store.beginUse()
  const asker = { owner: ownerOf(call), signal: use.signal }
  const { body, length } = await call.decodedValues.whole(store.id, record, asker)
  if (length !== undefined) headers['Content-Length'] = length
  return whileAllowed({ status: 200, headers, body }, store, record.value.hold())
}

/** Reads the first chunk before the reply begins, so that a damaged record gets an error reply. */
async function storedBody({ value }: StoreRecord): Promise<Bytes | AsyncIterable<Bytes>> {
  if (value.size <= limits.chunkBytes) return value.read()
  const chunks = value.chunks()
  return resumed(await chunks.next(), chunks)
}

function recordNotFound(): StorageError {
  return new StorageError('record-not-found', 'There is no such record.')
}
