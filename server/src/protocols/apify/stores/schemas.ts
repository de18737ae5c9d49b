import { requireUser } from '../../../core/access/access.ts'
import type { StoreInfo } from '../../../core/identity/identity.ts'
import {
  type Collection,
  collectionsOf,
  encodeSchema,
  type StoreSchema,
} from '../../../core/identity/store-schema.ts'
import { type ByteSource, WholeSource } from '../../../core/kernel/byte-source.ts'
import type { Bytes } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { NewRecord, StoreRecord } from '../../../core/records/record.ts'
import type { Store } from '../../../core/stores/store.ts'
import { mediaTypeOf } from '../../../core/values/content-type.ts'
import { DecodingError, decodeBytes, isContentEncoding } from '../../http/content-encoding.ts'
import { RequestError } from '../../rest/errors.ts'
import type { ApifyCall } from '../call/call.ts'
import { pageSchemaBytesMax } from './wire.ts'

/**
 * The schema for a new store, as the bytes to store; undefined if the request has none. Throws
 * `store-schema-invalid`.
 */
export async function readSchema(
  value: unknown,
  { jsonSchemas, principal }: ApifyCall,
): Promise<Bytes | undefined> {
  if (value === undefined || value === null) return undefined
  const { id: owner } = requireUser(principal)
  const { bytes, schema } = encodeSchema(value)
  for (const { id, jsonSchema } of schema.collections.values()) {
    if (jsonSchema === undefined) continue
    const verdict = await jsonSchemas.checkSchema(jsonSchema, { owner })
    if (verdict.isSound) continue
    const where = `collections.${id}.jsonSchema`
    throw new StorageError(
      'store-schema-invalid',
      `Invalid key-value store schema: ${where} is no JSON Schema of draft-07: ${verdict.reason}`,
    )
  }
  return bytes
}

/**
 * The store's schema for the store object: null if the store has none, undefined if it is damaged.
 * A damaged schema does not hide the store.
 */
export async function schemaJson(call: ApifyCall, store: Store, info: StoreInfo): Promise<unknown> {
  return parsed(await schemaText(call, store, info))
}

/**
 * The schemas of a page of stores by store id, each as from `schemaJson`. Schemas beyond
 * `pageSchemaBytesMax` in total are left out.
 */
export async function schemasOf(
  call: ApifyCall,
  stores: readonly StoreInfo[],
): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>()
  let bytes = 0
  for (const info of stores) {
    if (bytes > pageSchemaBytesMax && info.hasSchema) continue
    const text = await textIfAlive(call, info)
    bytes += text?.length ?? 0
    if (bytes <= pageSchemaBytesMax || !text) found.set(info.id, parsed(text))
  }
  return found
}

type SchemaText = string | null | undefined

async function schemaText(
  { environment }: ApifyCall,
  store: Store,
  { hasSchema }: StoreInfo,
): Promise<SchemaText> {
  if (!hasSchema) return null
  try {
    return (await store.schema())?.text ?? null
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'record-damaged') throw error
    environment.logError(`The damaged schema of store ${store.id} is left out`, error)
    return undefined
  }
}

async function textIfAlive(call: ApifyCall, info: StoreInfo): Promise<SchemaText> {
  if (!info.hasSchema) return null
  try {
    return await schemaText(call, await call.domain.stores.find(info.id), info)
  } catch (error) {
    if (error instanceof StorageError && error.code === 'store-not-found') return undefined
    throw error
  }
}

function parsed(text: SchemaText): unknown {
  return text ? JSON.parse(text) : text
}

/**
 * The body of a record, checked against every collection that the key is in. It is held in memory,
 * up to a limit, only if a collection has a JSON Schema: then nothing of it is read before its
 * first `take`, so that a client is not asked for a body in vain. Both this and `take` throw
 * RequestError `schema-validation-error`.
 */
export async function conformingBody(
  call: ApifyCall,
  { store, record }: { store: Store; record: Omit<NewRecord, 'source'> },
): Promise<ByteSource> {
  const schema = await store.schema()
  const collections = schema ? collectionsOf(schema, record.key) : []
  for (const collection of collections) assertContentType(collection, record.contentType)
  const strict = collections.find(({ jsonSchema }) => jsonSchema !== undefined)
  if (!schema || !strict) return call.request.body
  return new CheckedSource(async () => {
    const bytes = await takeAll(call, strict)
    const value = await decoded(bytes, { collection: strict, encoding: record.contentEncoding })
    for (const collection of collections) await assertValue(call, { schema, collection, value })
    return bytes
  })
}

/** Checks a value that is all in memory. Throws RequestError `schema-validation-error`. */
export async function assertConforms(
  call: ApifyCall,
  { store, record }: { store: Store; record: { key: string; contentType: string; bytes: Bytes } },
): Promise<void> {
  const schema = await store.schema()
  if (!schema) return
  for (const collection of collectionsOf(schema, record.key)) {
    assertContentType(collection, record.contentType)
    await assertValue(call, { schema, collection, value: record.bytes })
  }
}

/**
 * Checks whether a stored record may have `key`, in the same way as `conformingBody`. `takeRoom` is
 * called with the bytes of a value before it is read. Throws RequestError `schema-validation-error`
 * and what `takeRoom` throws.
 */
export async function assertMayHave(
  call: ApifyCall,
  wanted: { store: Store; key: string; record: StoreRecord; takeRoom(bytes: number): void },
): Promise<void> {
  const { store, key, record, takeRoom } = wanted
  const schema = await store.schema()
  const collections = schema ? collectionsOf(schema, key) : []
  for (const collection of collections) assertContentType(collection, record.contentType)
  const strict = collections.find(({ jsonSchema }) => jsonSchema !== undefined)
  if (!schema || !strict) return
  if (record.size > limits.jsonViewBytesMax) throw tooLarge(strict)
  const encoding = record.contentEncoding
  takeRoom(record.size + (encoding === '' ? 0 : limits.jsonViewBytesMax))
  const value = await decoded(await record.value.read(), { collection: strict, encoding })
  for (const collection of collections) await assertValue(call, { schema, collection, value })
}

/** Bytes that are read and checked as a whole when the first of them are taken. */
class CheckedSource implements ByteSource {
  readonly #read: () => Promise<Bytes>
  #checked: Promise<ByteSource> | undefined

  constructor(read: () => Promise<Bytes>) {
    this.#read = read
  }

  async take(count: number): Promise<Bytes> {
    this.#checked ??= this.#read().then((bytes) => new WholeSource(bytes))
    return (await this.#checked).take(count)
  }
}

function assertContentType(collection: Collection, contentType: string): void {
  const { contentTypes } = collection
  if (!contentTypes || contentTypes.includes(mediaTypeOf(contentType))) return
  const allowed = contentTypes.join(', ').slice(0, 500)
  throw violation(collection, `its content type is ${contentType} and must be one of: ${allowed}`)
}

async function takeAll({ request }: ApifyCall, collection: Collection): Promise<Bytes> {
  const isDeclaredLarge = Number(request.header('content-length') ?? 0) > limits.jsonViewBytesMax
  if (isDeclaredLarge) throw tooLarge(collection)
  const bytes = await request.body.take(limits.jsonViewBytesMax + 1)
  if (bytes.length <= limits.jsonViewBytesMax) return bytes
  throw tooLarge(collection)
}

async function decoded(
  bytes: Bytes,
  { collection, encoding }: { collection: Collection; encoding: string },
): Promise<Bytes> {
  if (!isContentEncoding(encoding)) return bytes
  try {
    return await decodeBytes(bytes, { encoding, outputBytesMax: limits.jsonViewBytesMax })
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error
    if (error.reason === 'too-large') throw tooLarge(collection)
    throw violation(collection, `it is not ${encoding}, although its Content-Encoding says so`)
  }
}

async function assertValue(
  { jsonSchemas, principal }: ApifyCall,
  { schema, collection, value }: { schema: StoreSchema; collection: Collection; value: Bytes },
): Promise<void> {
  const { id, jsonSchema } = collection
  if (jsonSchema === undefined) return
  const { id: owner } = requireUser(principal)
  const named = { id: `${schema.id}/${id}`, schema: jsonSchema, owner }
  const verdict = await jsonSchemas.check(value, named)
  if (!verdict.isSound) throw violation(collection, verdict.reason)
}

function tooLarge(collection: Collection): RequestError {
  const rule = `at most ${limits.jsonViewBytesMax} bytes, decoded, can be checked`
  return violation(collection, `it is too large: ${rule}`)
}

function violation({ id }: Collection, reason: string): RequestError {
  return new RequestError(
    { status: 400, type: 'schema-validation-error' },
    `The record does not satisfy the collection "${id}" of the store's schema: ${reason}.`,
  )
}
