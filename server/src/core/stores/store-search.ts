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
  /** Searches the stores of this user and those shared with them; undefined: all stores. */
  readonly userId: string | undefined
  /** Only this store; undefined: all. */
  readonly onlyStoreId: string | undefined
  /**
   * The name or title must contain it (in any case), or the id must begin with it; '' finds all.
   */
  readonly text: string
  /** 1 to 1,000. */
  readonly limit: number
}

export interface FoundStores {
  /** The user's own stores, the oldest first, then the shared ones. */
  readonly items: readonly StoreInfo[]
  /** True when there are more, or not all stores were searched. */
  readonly isTruncated: boolean
}

export async function searchStores(parts: StoreParts, search: StoreSearch): Promise<FoundStores> {
  const items: StoreInfo[] = []
  let isTruncated = false
  const onCut = (): void => {
    isTruncated = true
  }
  for await (const info of matchingStores(parts, search, onCut)) {
    if (items.length === search.limit) return { items, isTruncated: true }
    items.push(info)
  }
  return { items, isTruncated }
}

/**
 * All stores that match, in the order of a search. Calls `onCut` if it ends because it has looked
 * at as many as it may.
 */
export async function* matchingStores(
  parts: StoreParts,
  search: Omit<StoreSearch, 'limit'>,
  onCut: () => void,
): AsyncGenerator<StoreInfo> {
  let looked = 0
  for await (const batch of batches(storeIds(parts, search))) {
    const ids = await matching(parts, batch, search)
    for (let at = 0; at < ids.length; at += infosAtOnce) {
      const some = ids.slice(at, at + infosAtOnce)
      const infos = await Promise.all(some.map((id) => infoIfAlive(id, parts)))
      for (const info of infos) if (info && isTheirs(info, search)) yield info
    }
    looked += batch.length
    if (looked < limits.searchedStoresMax) continue
    onCut()
    return
  }
}

/** A further bound for what one search holds while the engine answers. */
const infosAtOnce = 100

async function* storeIds(
  { engine }: StoreParts,
  { userId, onlyStoreId }: Pick<StoreSearch, 'userId' | 'onlyStoreId'>,
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

/** Decided by the store itself, since the index may be outdated. */
function isTheirs(
  { ownerId, shares }: StoreInfo,
  { userId }: Pick<StoreSearch, 'userId'>,
): boolean {
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

/**
 * The ids in a batch whose stores match. Reads all identities at once; damaged ones do not match.
 */
async function matching(
  { engine, identities }: StoreParts,
  batch: readonly string[],
  { text }: Pick<StoreSearch, 'text'>,
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
