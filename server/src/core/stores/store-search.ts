import {
  kindRange,
  ownedRange,
  ownedStoreIdOf,
  sharedRange,
  storeIdOf,
  storeKey,
} from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { StoreIdentity, StoreInfo } from '../identity/identity.ts'
import { limits } from '../kernel/limits.ts'
import type { StoreParts } from './store.ts'
import { infoIfAlive } from './store-list.ts'

export interface StoreSearch {
  /** Whose stores, and those that are shared with them; undefined: everybody's. */
  readonly userId: string | undefined
  /** No other store than this; undefined: all. */
  readonly onlyStoreId: string | undefined
  /** What name or title have in them, in whatever case, or the id begins with; '' finds all. */
  readonly text: string
  /** 1 to 1,000. */
  readonly limit: number
}

export interface FoundStores {
  /** The user's own, the oldest first, in front of those that are shared. */
  readonly items: readonly StoreInfo[]
  /** True when there are more, or not all stores were looked at. */
  readonly isTruncated: boolean
}

export async function searchStores(parts: StoreParts, search: StoreSearch): Promise<FoundStores> {
  const items: StoreInfo[] = []
  let looked = 0
  for await (const batch of batches(storeIds(parts, search))) {
    for (const storeId of await matching(parts, batch, search)) {
      const info = await infoIfAlive(storeId, parts)
      if (!info || !isTheirs(info, search)) continue
      if (items.length === search.limit) return { items, isTruncated: true }
      items.push(info)
    }
    looked += batch.length
    if (looked >= limits.searchedStoresMax) return { items, isTruncated: true }
  }
  return { items, isTruncated: false }
}

async function* storeIds(
  { engine }: StoreParts,
  { userId, onlyStoreId }: StoreSearch,
): AsyncGenerator<string> {
  if (onlyStoreId !== undefined) {
    yield onlyStoreId
    return
  }
  if (userId === undefined) {
    for await (const { key } of walk(engine, kindRange('store'))) yield storeIdOf(key)
    return
  }
  const own = ownedRange(userId, { named: false, newestFirst: false })
  for (const range of [own, sharedRange(userId)]) {
    for await (const { key } of walk(engine, range)) yield ownedStoreIdOf(key)
  }
}

/** Told by the store itself: what it is filed as may have changed by now. */
function isTheirs({ ownerId, shares }: StoreInfo, { userId }: StoreSearch): boolean {
  return userId === undefined || ownerId === userId || Object.hasOwn(shares, userId)
}

async function* batches(ids: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let batch: string[] = []
  for await (const id of ids) {
    batch.push(id)
    if (batch.length < limits.pageItemsMax) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** The identities of a batch are read at once; those that can't be read match nothing. */
async function matching(
  { engine, identities }: StoreParts,
  batch: readonly string[],
  { text }: StoreSearch,
): Promise<readonly string[]> {
  const entries = await engine.get(batch.map(storeKey))
  return batch.filter((storeId, index) => {
    const entry = entries[index]
    return entry && !entry.isDamaged && matches(identities.decode(storeId, entry).identity, text)
  })
}

function matches({ id, name, title }: StoreIdentity, text: string): boolean {
  const wanted = text.toLowerCase()
  const texts = [name ?? '', title ?? '']
  return id.startsWith(text) || texts.some((one) => one.toLowerCase().includes(wanted))
}
