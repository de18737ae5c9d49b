import {
  actorOf,
  isAllowed,
  isTemporary,
  requireAccount,
  requireUser,
  rightOf,
} from '../../../core/access/access.ts'
import type { Caller } from '../../../core/identity/caller.ts'
import type { GeneralAccess, StoreInfo } from '../../../core/identity/identity.ts'
import type { StoreChanges } from '../../../core/identity/store-changes.ts'
import type { Bytes } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Scope } from '../../../core/people/scope.ts'
import type { User } from '../../../core/people/users.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { invalidValue } from '../../rest/errors.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { turnOf } from '../../rest/routes.ts'
import { callerOf, findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { maySign } from '../call/signing.ts'
import { retentionOf } from './retention.ts'
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
  if (asked.limit > limits.quickListItemsMax) await turnOf(call)
  const { items, total } = await call.domain.stores.list({
    userId: owner.id,
    ownership: ownership ?? 'all',
    onlyStoreId: scopeOf(call)?.storeId,
    includeUnnamed: asked.unnamed,
    newestFirst: asked.desc,
    offset: asked.offset,
    limit: asked.limit,
  })
  const schemas = await schemasOf(call, items)
  const owners = await ownersOf(call, items)
  const objects = await Promise.all(
    items.map((info) =>
      objectOf(call, info, { owner: owners.get(info.ownerId), schema: schemas.get(info.id) }),
    ),
  )
  return jsonReply(200, { data: { total, ...asked, count: objects.length, items: objects } })
}

/**
 * POST /v2/key-value-stores?name=: gets or creates a store; without a name it always creates one.
 * The schema in the body is only for a new store: an existing store keeps what it has.
 */
export async function createStore(call: ApifyCall): Promise<HttpReply> {
  requireUser(call.principal)
  const name = call.query.text('name')
  const existing = name === undefined ? undefined : await findOwn(call, name)
  // Asked before the body is read: callers without the right should not make the server hold one.
  if (!existing) requireAccount(call.principal, 'write')
  const body = await readJsonObject(call, { isOptional: true })
  if (body.name !== undefined) {
    throw invalidValue('name must be in the query (?name=), not in the body')
  }
  const schema = await readSchema(body.schema, call)
  const { store, isNew } = existing
    ? { store: existing, isNew: false }
    : await openOrCreate(call, { name, schema })
  const object = await describe(call, store)
  if (!isNew) return jsonReply(200, { data: object })
  const location = `${call.request.baseUrl}/v2/key-value-stores/${store.id}`
  return jsonReply(201, { data: object }, { Location: location })
}

async function openOrCreate(
  call: ApifyCall,
  { name, schema }: { name: string | undefined; schema: Bytes | undefined },
): Promise<{ store: Store; isNew: boolean }> {
  const { principal, domain } = call
  const actor = actorOf(principal, 'apify')
  const { id: ownerId } = requireAccount(principal, 'write')
  const secretSeenBy = isTemporary(principal) ? undefined : actor?.tokenId
  const wanted = { ownerId, schema, actor, secretSeenBy }
  if (name !== undefined) return domain.stores.open({ ...wanted, name })
  return { store: await domain.stores.create({ ...wanted, name }), isNew: true }
}

/** The caller's own store of that name; undefined if there is none, or the token is not for it. */
async function findOwn({ principal, domain }: ApifyCall, name: string): Promise<Store | undefined> {
  const { id } = requireUser(principal)
  const caller = domain.access.callerFor(principal, 'apify', {
    action: 'read',
    extent: 'some',
    address: 'name',
  })
  try {
    return await domain.stores.findByName(id, name, caller)
  } catch (error) {
    const isUnseen =
      error instanceof StorageError && ['store-not-found', 'access-denied'].includes(error.code)
    if (isUnseen) return undefined
    throw error
  }
}

/** GET /v2/key-value-stores/{store} */
export async function getStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'read', extent: 'some' })
  return jsonReply(200, { data: await describe(call, store) })
}

/** PUT /v2/key-value-stores/{store}: name, title, generalAccess, retention; all else is ignored. */
export async function updateStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, managing)
  const body = await readJsonObject(call, { isOptional: false })
  const changed = await updated(call, store, changesOf(body))
  return jsonReply(200, { data: await describe(call, changed) })
}

/** DELETE /v2/key-value-stores/{store} */
export async function deleteStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, managing)
  await call.domain.stores.drop(store.id, managerOf(call))
  return emptyReply(204)
}

/** The right to do everything with the whole store. */
export const managing = { action: 'manage', extent: 'all' } as const

/** Changes the store, and returns it as it is afterwards. */
export function updated(call: ApifyCall, store: Store, changes: StoreChanges): Promise<Store> {
  return call.domain.stores.update(store.id, changes, managerOf(call))
}

export function managerOf(call: ApifyCall): Caller {
  return callerOf(call, managing, 'id')
}

export async function describe(call: ApifyCall, store: Store): Promise<Record<string, unknown>> {
  const info = await store.info()
  const { principal } = call
  const isOwner = principal.kind === 'user' && principal.user.id === info.ownerId
  const owner = isOwner ? principal.user : await call.domain.users.get(info.ownerId)
  const schema = await schemaJson(call, store, info)
  return objectOf(call, info, { owner, schema })
}

async function ownersOf(
  { domain }: ApifyCall,
  items: readonly StoreInfo[],
): Promise<ReadonlyMap<string, User>> {
  const ids = [...new Set(items.map(({ ownerId }) => ownerId))]
  const users = await Promise.all(ids.map((id) => domain.users.get(id)))
  return new Map(users.filter((user) => user !== undefined).map((user) => [user.id, user]))
}

function scopeOf({ principal }: ApifyCall): Scope | undefined {
  return principal.kind === 'user' ? principal.scope : undefined
}

/** The store as this caller may see it. */
async function objectOf(
  call: ApifyCall,
  info: StoreInfo,
  { owner, schema }: { owner: User | undefined; schema: unknown },
): Promise<Record<string, unknown>> {
  const { principal, request, domain } = call
  return storeObject(info, {
    owner,
    schema,
    baseUrl: request.baseUrl,
    mayWrite: isAllowed(principal, { action: 'write' }, info, 'RESTRICTED'),
    access: rightOf(principal, info, 'some') ?? 'read',
    maySign: await maySign(call, info),
    now: domain.clock.now(),
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
