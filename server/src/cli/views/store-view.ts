import { addressOf, type StoreData } from '../api/store-address.ts'
import { sizeCell, textCell, timeCell } from '../terminal/readable.ts'
import type { Column, Screen } from '../terminal/screen.ts'

/** A store, as the API's search describes it. */
export interface FoundStoreData {
  readonly id: string
  readonly name: string | null
  readonly title: string | null
  readonly userId: string
  readonly username: string | null
  readonly modifiedAt: string
  readonly expiresAt: string | null
  readonly recordCount: number
  readonly storageBytes: number
}

/** Who may do what with a store, as the API describes it. */
export interface AccessData {
  readonly generalAccess: string
  readonly effectiveAccess: string | null
  readonly shares: readonly { readonly username: string; readonly action: string }[]
}

export const storeColumns: readonly Column<FoundStoreData>[] = [
  { title: 'ID', cellOf: ({ id }) => textCell(id) },
  { title: 'OWNER', cellOf: ({ username, userId }) => textCell(username ?? userId) },
  { title: 'NAME', cellOf: ({ name }) => textCell(name) },
  { title: 'RECORDS', isNumber: true, cellOf: (store) => textCell(String(store.recordCount)) },
  { title: 'SIZE', isNumber: true, cellOf: ({ storageBytes }) => sizeCell(storageBytes) },
  { title: 'MODIFIED', cellOf: ({ modifiedAt }) => timeCell(modifiedAt) },
  { title: 'EXPIRES', cellOf: ({ expiresAt }) => timeCell(expiresAt) },
  { title: 'TITLE', cellOf: ({ title }) => textCell(title) },
]

/** Shows one store. `recordCount` is undefined if nobody counted. */
export function showStore(
  screen: Screen,
  {
    store,
    access,
    recordCount,
  }: { store: StoreData; access: AccessData; recordCount: number | undefined },
): void {
  const { stats } = store
  const shares = access.shares.map(({ username, action }) => `${username}: ${action}`)
  const counts = [
    `${stats.readCount} reads`,
    `${stats.writeCount} writes`,
    `${stats.deleteCount} deletes`,
    `${stats.listCount} lists`,
  ]
  screen.facts([
    ['store', textCell(addressOf(store))],
    ['id', textCell(store.id)],
    ['owner', textCell(store.username ?? store.userId)],
    ['name', textCell(store.name)],
    ['title', textCell(store.title)],
    ['records', textCell(recordCount === undefined ? undefined : String(recordCount))],
    ['size', sizeCell(stats.storageBytes)],
    ['created', timeCell(store.createdAt)],
    ['modified', timeCell(store.modifiedAt)],
    ['accessed', timeCell(store.accessedAt)],
    ['expires', timeCell(store.expiresAt)],
    ['use', textCell(counts.join(', '))],
    ['channel', textCell(store.channelId)],
    ['general access', textCell(access.generalAccess)],
    ['effective access', textCell(access.effectiveAccess)],
    ['shared with', textCell(shares.join(', '))],
  ])
}
