import { totalOf } from './counter.ts'
import { StorageError } from './errors.ts'
import {
  activityKey,
  after,
  dueRange,
  expiryOf,
  ownedRange,
  ownedStoreIdOf,
  ownerCounterKey,
  storeKey,
} from './keyspace.ts'
import { limits } from './limits.ts'
import { endsByClearing } from './retention.ts'
import { Store, type StoreInfo, type StoreParts } from './store.ts'

export interface StoreQuery {
  readonly ownerId: string
  /** False: only named stores. */
  readonly includeUnnamed: boolean
  readonly newestFirst: boolean
  readonly offset: number
  /** 1 to 1,000. */
  readonly limit: number
}

export interface StorePage {
  readonly items: readonly StoreInfo[]
  /** All of the owner's stores that the query means, on whatever page. */
  readonly total: number
}

export async function listStores(parts: StoreParts, query: StoreQuery): Promise<StorePage> {
  const expired = query.includeUnnamed ? await expiredStores(parts, query.ownerId) : new Set()
  const counter = ownerCounterKey(query.ownerId, query.includeUnnamed ? 'stores' : 'named')
  const [filed] = await parts.engine.get([counter])
  const storeIds = await pageOfIds(parts, query, expired)
  const infos = await Promise.all(storeIds.map((storeId) => infoIfAlive(storeId, parts)))
  return {
    items: infos.filter((info) => info !== undefined),
    total: Number(totalOf(filed)) - expired.size,
  }
}

/** Stores that have ended and are still filed, since no sweep came by yet. */
async function expiredStores(parts: StoreParts, ownerId: string): Promise<Set<unknown>> {
  const { engine, environment, identities, activities } = parts
  const expired = new Set<string>()
  let range = dueRange(environment.now())
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
  const { ownerId, newestFirst, offset, includeUnnamed } = query
  let range = ownedRange(ownerId, { named: !includeUnnamed, newestFirst })
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

async function infoIfAlive(storeId: string, parts: StoreParts): Promise<StoreInfo | undefined> {
  try {
    return await new Store(storeId, parts).info()
  } catch (error) {
    if (error instanceof StorageError && error.code === 'store-not-found') return undefined
    throw error
  }
}
