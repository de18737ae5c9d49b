import {
  activityKey,
  after,
  dueRange,
  expiryOf,
  ownedRange,
  ownedStoreIdOf,
  ownerCounterKey,
  sharedRange,
  storeKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import { totalOf } from '../engine/counter.ts'
import type { StoreInfo } from '../identity/identity.ts'
import { endsByClearing } from '../identity/retention.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { Store, type StoreParts } from './store.ts'

/** Which stores a user asks for: their own, those that others share with them, or both. */
export type Ownership = 'ownedByMe' | 'sharedWithMe' | 'all'

export interface StoreQuery {
  readonly userId: string
  readonly ownership: Ownership
  /** Only this store is listed; undefined: all. */
  readonly onlyStoreId?: string | undefined
  /** False: only named stores. */
  readonly includeUnnamed: boolean
  readonly newestFirst: boolean
  readonly offset: number
  /** 1 to 1,000. */
  readonly limit: number
}

export interface StorePage {
  readonly items: readonly StoreInfo[]
  /** The number of matching stores on all pages. */
  readonly total: number
}

export async function listStores(parts: StoreParts, query: StoreQuery): Promise<StorePage> {
  const { ownership, onlyStoreId, offset, limit } = query
  if (onlyStoreId === undefined && ownership === 'ownedByMe') return listOwned(parts, query)
  const shared = ownership === 'ownedByMe' ? [] : await sharedStores(parts, query)
  const isAll = ownership === 'all' && onlyStoreId === undefined
  if (isAll && shared.length === 0) return listOwned(parts, query)
  if (isAll) return listMerged(parts, query, shared)
  const own = onlyStoreId === undefined ? [] : await ownStore(parts, query, onlyStoreId)
  const items = [...own, ...shared]
  return { items: items.slice(offset, offset + limit), total: items.length }
}

/**
 * A page of own and shared stores together. Reads only those of the user's own stores that can be
 * on the page, however many shared ones come before them.
 */
async function listMerged(
  parts: StoreParts,
  query: StoreQuery,
  shared: readonly StoreInfo[],
): Promise<StorePage> {
  const { offset, limit, newestFirst } = query
  const skipped = Math.max(0, offset - shared.length)
  const nearby = { ...query, offset: skipped, limit: offset + limit - skipped }
  const owned = await listOwned(parts, nearby)
  const sign = newestFirst ? -1 : 1
  const items = [...owned.items, ...shared].sort(
    (one, other) => sign * (one.createdAt - other.createdAt),
  )
  const page = items.slice(offset - skipped, offset - skipped + limit)
  return { items: page, total: owned.total + shared.length }
}

/**
 * The stores that others share with the user and that have not expired, in the order of the query.
 */
async function sharedStores(parts: StoreParts, query: StoreQuery): Promise<StoreInfo[]> {
  const storeIds: string[] = []
  for await (const { key } of walk(parts.engine, sharedRange(query.userId))) {
    const storeId = ownedStoreIdOf(key)
    if (query.onlyStoreId === undefined || storeId === query.onlyStoreId) storeIds.push(storeId)
  }
  const infos = await Promise.all(storeIds.map((storeId) => infoIfAlive(storeId, parts)))
  const sign = query.newestFirst ? -1 : 1
  return infos
    .filter((info) => info !== undefined)
    .filter(({ shares }) => Object.hasOwn(shares, query.userId)) // the index may be outdated
    .filter(({ name }) => query.includeUnnamed || name !== null)
    .sort((one, other) => sign * (one.createdAt - other.createdAt))
}

async function ownStore(
  parts: StoreParts,
  { userId, ownership, includeUnnamed }: StoreQuery,
  storeId: string,
): Promise<StoreInfo[]> {
  const info = ownership === 'sharedWithMe' ? undefined : await infoIfAlive(storeId, parts)
  if (info?.ownerId !== userId || (info.name === null && !includeUnnamed)) return []
  return [info]
}

async function listOwned(parts: StoreParts, query: StoreQuery): Promise<StorePage> {
  const expired = query.includeUnnamed ? await expiredStores(parts, query.userId) : new Set()
  const counter = ownerCounterKey(query.userId, query.includeUnnamed ? 'stores' : 'named')
  const [filed] = await parts.engine.get([counter])
  const storeIds = await pageOfIds(parts, query, expired)
  const infos = await Promise.all(storeIds.map((storeId) => infoIfAlive(storeId, parts)))
  return {
    items: infos.filter((info) => info !== undefined),
    total: Number(totalOf(filed)) - expired.size,
  }
}

/** Expired stores of the owner that no sweep has removed yet. */
async function expiredStores(parts: StoreParts, ownerId: string): Promise<Set<unknown>> {
  const { engine, clock, identities, activities } = parts
  const expired = new Set<string>()
  let range = dueRange(clock.steady())
  for (;;) {
    const { entries, more } = await engine.scan(range, page)
    for (const { key } of entries) {
      const { storeId } = expiryOf(key)
      const [store, activity] = await engine.get([storeKey(storeId), activityKey(storeId)])
      if (!store || !activity) continue
      const { identity } = identities.decode(storeId, store)
      if (identity.ownerId !== ownerId) continue
      if (!endsByClearing(identity) && (await activities.isExpired(identity, activity)))
        expired.add(storeId)
    }
    const last = entries.at(-1)
    if (!more || !last) return expired
    range = { start: after(last.key), end: range.end }
  }
}

const page = { limit: limits.pageItemsMax, bytes: limits.pageBytesMax }

async function pageOfIds(
  { engine }: StoreParts,
  query: StoreQuery,
  expired: ReadonlySet<unknown>,
): Promise<string[]> {
  const { userId, newestFirst, offset, includeUnnamed } = query
  let range = ownedRange(userId, { named: !includeUnnamed, newestFirst })
  let skip = offset
  const storeIds: string[] = []
  for (;;) {
    const { entries, more } = await engine.scan(range, page)
    const living = entries.map(({ key }) => ownedStoreIdOf(key)).filter((id) => !expired.has(id))
    storeIds.push(...living.slice(skip, skip + query.limit - storeIds.length))
    skip = Math.max(0, skip - living.length)
    const last = entries.at(-1)
    if (!more || !last || storeIds.length >= query.limit) return storeIds
    range = { start: after(last.key), end: range.end }
  }
}

/** Undefined if the store is gone. */
export async function infoIfAlive(
  storeId: string,
  parts: StoreParts,
): Promise<StoreInfo | undefined> {
  try {
    return await new Store(storeId, parts).info()
  } catch (error) {
    if (error instanceof StorageError && error.code === 'store-not-found') return undefined
    throw error
  }
}
