import type { Collection, StoreSchema } from '../../../core/identity/store-schema.ts'
import type { RecordPage, Store } from '../../../core/stores/store.ts'
import { RequestError } from '../../rest/errors.ts'
import type { ApifyCall } from '../call/call.ts'
import { keyOfSpelling } from '../call/key-spelling.ts'
import { namedCollectionsMax } from './wire.ts'

/** Which records of a store a request selects. */
export type Selection =
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'none' }

/**
 * The records that match both `prefix` and `collection` of the query. Throws RequestError
 * `invalid-collection`.
 */
export async function selectionOf({ query }: ApifyCall, store: Store): Promise<Selection> {
  const prefix = keyOfSpelling(query.text('prefix') ?? '')
  const id = query.text('collection')
  if (id === undefined) return { kind: 'prefix', prefix }
  return intersection(prefix, findCollection(await store.schema(), id))
}

/** A page of the selected records, in the order of their keys' bytes. */
export async function listSelected(
  store: Store,
  query: { selection: Selection; startAfter: string | undefined; limit: number },
): Promise<RecordPage> {
  const { selection, startAfter, limit } = query
  if (selection.kind === 'none') {
    return { items: [], isTruncated: false, store: await store.identity() }
  }
  if (selection.kind === 'prefix') {
    return store.list({ prefix: selection.prefix, startAfter, limit })
  }
  // Of all keys that begin with it, the key itself comes first.
  const page = await store.list({ prefix: selection.key, startAfter, limit: 1 })
  const items = page.items.filter(({ key }) => key === selection.key)
  return { ...page, items, isTruncated: false }
}

function intersection(prefix: string, { keys: { kind, text } }: Collection): Selection {
  if (kind === 'key') return text.startsWith(prefix) ? { kind, key: text } : { kind: 'none' }
  if (text.startsWith(prefix)) return { kind, prefix: text }
  return prefix.startsWith(text) ? { kind, prefix } : { kind: 'none' }
}

function findCollection(schema: StoreSchema | undefined, id: string): Collection {
  if (!schema) {
    throw invalidCollection(
      'This key-value store has no schema, so it has no collections: create it with a schema ' +
        'to use the parameter collection.',
    )
  }
  const found = schema.collections.get(id)
  if (found) return found
  const ids = [...schema.collections.keys()]
  const rest =
    ids.length > namedCollectionsMax ? `, and ${ids.length - namedCollectionsMax} more` : ''
  const known = `${ids.slice(0, namedCollectionsMax).join(', ')}${rest}`
  throw invalidCollection(
    `The schema of this key-value store has no collection "${id.slice(0, 100)}". It has: ` +
      `${known || 'none'}.`,
  )
}

function invalidCollection(message: string): RequestError {
  return new RequestError({ status: 400, type: 'invalid-collection' }, message)
}
