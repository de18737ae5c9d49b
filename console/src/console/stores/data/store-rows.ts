import type { StoreInfo } from '../../../../../client/src/stores/store-info.ts'
import { ask } from '../../server/ask.ts'

/** A store in a list. Times are ISO 8601, sizes are stored bytes. */
export interface StoreRow
  extends Pick<
    StoreInfo,
    | 'id'
    | 'name'
    | 'title'
    | 'userId'
    | 'username'
    | 'createdAt'
    | 'modifiedAt'
    | 'accessedAt'
    | 'expiresAt'
    | 'recordCount'
    | 'kind'
    | 'access'
  > {
  readonly storageBytes: number
}

export const sorts = ['name', 'id', 'records', 'size', 'modified', 'expires'] as const
export type Sort = (typeof sorts)[number]

export interface StoreQuery {
  readonly q: string
  readonly unnamed: boolean
  readonly sort: Sort
  readonly isDescending: boolean
  readonly limit?: number
  readonly after?: string | undefined
}

export interface StorePage {
  readonly items: readonly StoreRow[]
  readonly total: number
  /** How many unnamed stores match, and are not among the items. */
  readonly hiddenUnnamed: number
  readonly nextAfter: string | null
}

const pageItemsMax = 1_000

/** Rejects with CoatcheckError. */
export async function listStores(query: StoreQuery): Promise<StorePage> {
  const { q, unnamed, sort, isDescending, limit = pageItemsMax, after } = query
  const asked = {
    q,
    unnamed: unnamed ? 1 : 0,
    sort,
    desc: isDescending ? 1 : 0,
    limit,
    after,
  }
  return Object(await ask('GET', '/coatcheck/v1/stores', { query: asked }))
}

/** What people call a store. */
export function nameOf({ name, title }: Pick<StoreRow, 'name' | 'title'>): string {
  return name ?? (title !== null && title !== '' ? title : 'Unnamed')
}

/** The path of a store's endpoints beside Apify's. */
export function storePath(id: string): string {
  return `/v2/key-value-stores/${encodeURIComponent(id)}`
}
