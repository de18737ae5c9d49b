import { isAllowed, requireUser } from '../../core/access.ts'
import type { GeneralAccess } from '../../core/identity.ts'
import type { Store, StoreInfo } from '../../core/store.ts'
import type { StoreChanges } from '../../core/stores.ts'
import type { User } from '../../core/users.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { invalidValue } from '../rest/errors.ts'
import { readJsonObject } from '../rest/json-body.ts'
import { emptyReply, jsonReply } from '../rest/replies.ts'
import { findStore } from './address.ts'
import { retentionOf } from './retention.ts'
import type { ApifyCall } from './routes.ts'
import { readSchema, schemaJson, schemasOf } from './schemas.ts'
import { generalAccessLevels, storeObject } from './wire.ts'

/** GET /v2/key-value-stores */
export async function listStores(call: ApifyCall): Promise<HttpReply> {
  const owner = requireUser(call.principal)
  const { query } = call
  const ownership = query.oneOf('ownership', ['ownedByMe', 'sharedWithMe'])
  const asked = {
    offset: query.count('offset') ?? 0,
    limit: query.limit(),
    desc: query.flag('desc'),
    unnamed: query.flag('unnamed'),
  }
  const { items, total } =
    ownership === 'sharedWithMe'
      ? { items: [], total: 0 } // nothing is shared between users yet
      : await call.domain.stores.list({
          ownerId: owner.id,
          includeUnnamed: asked.unnamed,
          newestFirst: asked.desc,
          offset: asked.offset,
          limit: asked.limit,
        })
  const schemas = await schemasOf(call, items)
  const objects = items.map((info) => objectOf(call, info, { owner, schema: schemas.get(info.id) }))
  return jsonReply(200, { data: { total, ...asked, count: objects.length, items: objects } })
}

/**
 * POST /v2/key-value-stores?name=: gets or creates; without a name it always creates. The schema in
 * the body is that of a new store; one that exists keeps what it has.
 */
export async function createStore(call: ApifyCall): Promise<HttpReply> {
  const { id: ownerId } = requireUser(call.principal)
  const body = await readJsonObject(call.request, { isOptional: true })
  if (body.name !== undefined) {
    throw invalidValue('name belongs to the query (?name=), where this store would have none')
  }
  const schema = await readSchema(body.schema, call)
  const name = call.query.text('name')
  const { stores } = call.domain
  const { store, isNew } =
    name === undefined
      ? { store: await stores.create({ ownerId, name, schema }), isNew: true }
      : await stores.open({ ownerId, name, schema })
  const object = await describe(call, store)
  if (!isNew) return jsonReply(200, { data: object })
  const location = `${call.request.baseUrl}/v2/key-value-stores/${store.id}`
  return jsonReply(201, { data: object }, { Location: location })
}

/** GET /v2/key-value-stores/{store} */
export async function getStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, 'read')
  return jsonReply(200, { data: await describe(call, store) })
}

/** PUT /v2/key-value-stores/{store}: name, title, generalAccess, retention; all else is ignored. */
export async function updateStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, 'manage')
  const body = await readJsonObject(call.request, { isOptional: false })
  const updated = await call.domain.stores.update(store.id, changesOf(body))
  return jsonReply(200, { data: await describe(call, updated) })
}

/** DELETE /v2/key-value-stores/{store} */
export async function deleteStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, 'manage')
  await call.domain.stores.drop(store.id)
  return emptyReply(204)
}

export async function describe(call: ApifyCall, store: Store): Promise<Record<string, unknown>> {
  const info = await store.info()
  const { principal } = call
  const isOwner = principal.kind === 'user' && principal.user.id === info.ownerId
  const owner = isOwner ? principal.user : await call.domain.users.get(info.ownerId)
  const schema = await schemaJson(call, store, info)
  return objectOf(call, info, { owner, schema })
}

/** The store as this caller may see it. */
function objectOf(
  { principal, request, environment }: ApifyCall,
  info: StoreInfo,
  { owner, schema }: { owner: User | undefined; schema: unknown },
): Record<string, unknown> {
  return storeObject(info, {
    owner,
    schema,
    baseUrl: request.baseUrl,
    mayWrite: isAllowed(principal, 'write', info),
    now: environment.now(),
  })
}

export function changesOf(body: Readonly<Record<string, unknown>>): StoreChanges {
  const { name, title, generalAccess, retention } = body
  return {
    ...(name !== undefined && { name: textOrNull('name', name) }),
    ...(title !== undefined && { title: textOrNull('title', title) }),
    ...(generalAccess !== undefined && { generalAccess: accessOf(generalAccess) }),
    ...(retention !== undefined && { retention: retentionOf(retention) }),
  }
}

function textOrNull(field: string, value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  throw invalidValue(`${field} must be a string or null`)
}

function accessOf(value: unknown): GeneralAccess {
  const found = generalAccessLevels.find((level) => level === value)
  if (found !== undefined) return found
  throw invalidValue(`generalAccess must be one of ${generalAccessLevels.join(', ')}`)
}
