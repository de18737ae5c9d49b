import { LRUCache } from 'lru-cache'
import type { Entry } from '../engine/engine.ts'
import { asBuffer } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { mediaTypeOf } from '../values/content-type.ts'

/** Some of a store's records, and the rules for them. */
export interface Collection {
  readonly id: string
  /** The only key of the collection, or the prefix of all its keys. */
  readonly keys: { readonly kind: 'key' | 'prefix'; readonly text: string }
  /** Media types in lower case, without parameters; undefined: any. */
  readonly contentTypes: readonly string[] | undefined
  /** The JSON Schema (draft-07) that values must satisfy, as JSON text; undefined: any value. */
  readonly jsonSchema: string | undefined
}

/** The rules for a store's records (Apify's key-value store schema). */
export interface StoreSchema {
  /** Unique: no other schema will ever have this id. */
  readonly id: string
  /** JSON, as it was given. */
  readonly text: string
  readonly collections: ReadonlyMap<string, Collection>
}

/**
 * A schema as it is stored: JSON with every member that was given. Does not check whether each
 * `jsonSchema` is a valid JSON Schema. Throws `store-schema-invalid`.
 */
export function encodeSchema(value: unknown): { bytes: Buffer; schema: StoreSchema } {
  if (depthExceeds(value, limits.storeSchemaDepthMax)) {
    throw invalid(`it is nested deeper than ${limits.storeSchemaDepthMax} levels`)
  }
  const text = JSON.stringify(value) ?? ''
  const bytes = Buffer.from(text)
  if (bytes.length > limits.storeSchemaBytesMax) {
    throw invalid(`it has ${bytes.length} bytes, more than ${limits.storeSchemaBytesMax}`)
  }
  return { bytes, schema: { id: '', text, collections: readCollections(value) } }
}

/** All collections that a record of this key is in. */
export function collectionsOf({ collections }: StoreSchema, key: string): Collection[] {
  return [...collections.values()].filter(({ keys: { kind, text } }) =>
    kind === 'key' ? key === text : key.startsWith(text),
  )
}

/**
 * Schemas that were read before. The schema of a store never changes, so the store's id is enough
 * as a key.
 */
export class SchemaCache {
  readonly #found = new LRUCache<string, StoreSchema>({
    maxSize: limits.cachedSchemasBytesMax,
    sizeCalculation: ({ text }) => text.length,
  })

  get(storeId: string): StoreSchema | undefined {
    return this.#found.get(storeId)
  }

  /** Throws `record-damaged` if the entry is lost or fails its checksum. */
  decode(storeId: string, entry: Entry | undefined): StoreSchema {
    const known = this.#found.get(storeId)
    if (known) return known
    if (!entry || entry.isDamaged) {
      throw new StorageError('record-damaged', `The schema of store ${storeId} is damaged.`)
    }
    const text = asBuffer(entry.value).toString('utf8')
    const collections = readCollections(JSON.parse(text))
    const schema = { id: `${storeId}/${entry.revision}`, text, collections }
    this.#found.set(storeId, schema)
    return schema
  }
}

function readCollections(value: unknown): Map<string, Collection> {
  const schema = objectOf(value, 'it')
  if (schema.actorKeyValueStoreSchemaVersion !== 1) {
    throw invalid('actorKeyValueStoreSchemaVersion must be 1')
  }
  if (typeof schema.title !== 'string') throw invalid('title must be a string')
  assertTextIfGiven(schema.description, 'description')
  const entries = Object.entries(objectOf(schema.collections, 'collections'))
  if (entries.length > limits.storeCollectionsMax) {
    throw invalid(`collections has at most ${limits.storeCollectionsMax} members`)
  }
  return new Map(entries.map(([id, collection]) => [id, readCollection(id, collection)]))
}

function readCollection(id: string, value: unknown): Collection {
  if (id === '') throw invalid('a collection needs an id')
  const where = `collections.${id}`
  const collection = objectOf(value, where)
  assertTextIfGiven(collection.title, `${where}.title`)
  assertTextIfGiven(collection.description, `${where}.description`)
  return {
    id,
    keys: readKeys(collection, where),
    contentTypes: readContentTypes(collection.contentTypes, `${where}.contentTypes`),
    jsonSchema: readJsonSchema(collection, where),
  }
}

function readKeys({ key, keyPrefix }: JsonObject, where: string): Collection['keys'] {
  if ((key === undefined) === (keyPrefix === undefined)) {
    throw invalid(`${where} must have either key or keyPrefix, and not both`)
  }
  if (key !== undefined) {
    if (typeof key === 'string' && key !== '') return { kind: 'key', text: key }
    throw invalid(`${where}.key must be a string that is not empty`)
  }
  if (typeof keyPrefix === 'string') return { kind: 'prefix', text: keyPrefix }
  throw invalid(`${where}.keyPrefix must be a string`)
}

function readContentTypes(value: unknown, where: string): readonly string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid(`${where} must be a list of at least one content type`)
  }
  const types = value.map((type: unknown) => {
    if (typeof type === 'string' && type.trim() !== '') return mediaTypeOf(type.trim())
    throw invalid(`${where} must hold strings that are not empty`)
  })
  if (new Set(types).size === types.length) return types
  throw invalid(`${where} must not name a content type twice`)
}

function readJsonSchema(
  { jsonSchema, contentTypes }: JsonObject,
  where: string,
): string | undefined {
  if (jsonSchema === undefined) return undefined
  const text = JSON.stringify(objectOf(jsonSchema, `${where}.jsonSchema`))
  if (JSON.stringify(contentTypes) === '["application/json"]') return text
  throw invalid(`${where}.contentTypes must be ["application/json"] where there is a jsonSchema`)
}

type JsonObject = Readonly<Record<string, unknown>>

function objectOf(value: unknown, where: string): JsonObject {
  if (isObject(value)) return value
  throw invalid(`${where} must be an object`)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function assertTextIfGiven(value: unknown, where: string): void {
  if (value !== undefined && typeof value !== 'string') throw invalid(`${where} must be a string`)
}

function invalid(what: string): StorageError {
  return new StorageError('store-schema-invalid', `Invalid key-value store schema: ${what}`)
}

/** Without recursion, since this protects recursive functions. */
function depthExceeds(value: unknown, depthMax: number): boolean {
  const pending = [{ value, depth: 1 }]
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue
    if (next.depth > depthMax) return true
    for (const child of Object.values(next.value)) {
      pending.push({ value: child, depth: next.depth + 1 })
    }
  }
  return false
}
