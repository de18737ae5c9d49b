import type { StoreIdentity, StoreInfo } from '../identity/identity.ts'
import type { StoreParts } from './store.ts'
import { matchingStores, type StoreSearch } from './store-search.ts'

/** What a store is: pages reach a project, NemesisDB's clients a session. */
export type StoreKind = (typeof storeKinds)[number]

export const storeKinds = ['store', 'project', 'session'] as const

export type RowOrder = (typeof rowOrders)[number]

export const rowOrders = [
  'name',
  'id',
  'records',
  'size',
  'modified',
  'created',
  'expires',
] as const

export interface StoreRowsQuery extends Omit<StoreSearch, 'limit'> {
  /** Undefined: every kind. */
  readonly kind: StoreKind | undefined
  /** False: unnamed stores are counted and left out. */
  readonly includeUnnamed: boolean
  readonly order: RowOrder
  readonly isDescending: boolean
  /** 1 to 1,000. */
  readonly limit: number
  /** The rows behind this place; undefined: from the first one. */
  readonly after: RowPlace | undefined
}

/** The place of a row in its order. Stores with equal values are in the order of their ids. */
export interface RowPlace {
  readonly value: string | number
  readonly id: string
}

export interface StoreRows {
  readonly items: readonly StoreInfo[]
  /** On all pages. */
  readonly total: number
  readonly hiddenUnnamed: number
  /** True when not all stores were looked at: there are more than a search may look at. */
  readonly isTruncated: boolean
  /** Where the next page begins; undefined: this is the last one. */
  readonly next: RowPlace | undefined
}

/**
 * The stores of a user and those shared with them, in any order. Every page reads and sorts all of
 * them: at most as many as a search looks at.
 */
export async function listStoreRows(parts: StoreParts, query: StoreRowsQuery): Promise<StoreRows> {
  const { kind, includeUnnamed, limit, after } = query
  const found: StoreInfo[] = []
  let hiddenUnnamed = 0
  let isTruncated = false
  const onCut = (): void => {
    isTruncated = true
  }
  for await (const info of matchingStores(parts, query, onCut)) {
    if (kind !== undefined && kindOf(info) !== kind) continue
    if (info.name === null && !includeUnnamed) hiddenUnnamed += 1
    else found.push(info)
  }
  const sign = query.isDescending ? -1 : 1
  const placeOf = (info: StoreInfo): RowPlace => ({
    value: orderedBy(info, query.order),
    id: info.id,
  })
  const placed = found.map((info) => ({ info, place: placeOf(info) }))
  placed.sort((one, other) => sign * compare(one.place, other.place))
  const start = after ? firstBehind(placed, (place) => sign * compare(place, after) > 0) : 0
  const page = placed.slice(start, start + limit)
  const last = page.at(-1)
  const next = start + limit < placed.length ? last?.place : undefined
  return {
    items: page.map(({ info }) => info),
    total: found.length,
    hiddenUnnamed,
    isTruncated,
    next,
  }
}

export function kindOf({ project, session }: StoreIdentity): StoreKind {
  if (project) return 'project'
  return session ? 'session' : 'store'
}

function firstBehind(
  rows: readonly { readonly place: RowPlace }[],
  isBehind: (place: RowPlace) => boolean,
): number {
  const found = rows.findIndex(({ place }) => isBehind(place))
  return found < 0 ? rows.length : found
}

/** Names without regard to case; the title stands for a missing name, behind all names. */
function orderedBy(info: StoreInfo, order: RowOrder): string | number {
  const { name, title } = info
  if (order === 'name')
    return name === null ? `\uffff${title ?? ''}`.toLowerCase() : name.toLowerCase()
  if (order === 'id') return info.id
  if (order === 'records') return info.recordCount
  if (order === 'size') return info.storedBytes
  if (order === 'created') return info.createdAt
  // What is kept expires last.
  return order === 'modified' ? info.modifiedAt : (info.expiresAt ?? Number.MAX_SAFE_INTEGER)
}

function compare(one: RowPlace, other: RowPlace): number {
  if (one.value !== other.value) return one.value < other.value ? -1 : 1
  if (one.id === other.id) return 0
  return one.id < other.id ? -1 : 1
}
