import { isId } from '../../core/kernel/ids.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { ApiError, type LocalApi, pathOf } from './local-api.ts'

/** A store, as the API describes it: the fields that commands show. */
export interface StoreData {
  readonly id: string
  readonly name: string | null
  readonly title: string | null
  readonly userId: string
  readonly username: string | null
  readonly createdAt: string
  readonly modifiedAt: string
  readonly accessedAt: string
  readonly expiresAt: string | null
  readonly generalAccess: string
  /** Present if the store is an App Lab project. */
  readonly channelId?: string
  readonly stats: {
    readonly readCount: number
    readonly writeCount: number
    readonly deleteCount: number
    readonly listCount: number
    readonly storageBytes: number
  }
}

const storePath = '/v2/key-value-stores/:store'
const similarMax = 5
/** How many requests are sent at the same time. */
const atOnce = 32

/**
 * Finds a store by its id, by `USER~NAME`, or by a name that no other store has. Throws
 * CommandError, which names the stores that the text may mean.
 */
export async function findStore(api: LocalApi, text: string): Promise<StoreData> {
  const isAddress = text.includes('~')
  const found = isAddress || isId(text) ? await getStore(api, text) : undefined
  if (found) return found
  const named = isAddress ? [] : await storesNamed(api, text)
  const [only] = named
  if (only && named.length === 1) return only
  if (only)
    throw new CommandError(`Several stores are named ${text}: ${listOf(named)}. Use one of these.`)
  throw new CommandError(`There is no store ${text}.${await hintAt(api, text)}`)
}

/** All stores that a text may mean, by id, address or name. */
export async function findStores(api: LocalApi, text: string): Promise<readonly StoreData[]> {
  const isAddress = text.includes('~')
  const found = isAddress || isId(text) ? await getStore(api, text) : undefined
  const named = isAddress ? [] : await storesNamed(api, text)
  return found ? [found, ...named] : named
}

/** `jane~photos`, or the id of a store without a name. */
export function addressOf(store: Pick<StoreData, 'id' | 'name' | 'username' | 'userId'>): string {
  return store.name === null ? store.id : `${store.username ?? store.userId}~${store.name}`
}

async function getStore(api: LocalApi, address: string): Promise<StoreData | undefined> {
  try {
    return await api.ask<StoreData>('GET', pathOf(storePath, address))
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** Asks for each user: every user may have a store of that name. */
async function storesNamed(api: LocalApi, name: string): Promise<readonly StoreData[]> {
  const users = await api.ask<{ items: readonly { username: string }[] }>(
    'GET',
    '/coatcheck/v1/users',
  )
  const addresses = users.items.map(({ username }) => `${username}~${name}`)
  const found: StoreData[] = []
  while (addresses.length > 0) {
    const batch = addresses.splice(0, atOnce).map((address) => getStore(api, address))
    found.push(...(await Promise.all(batch)).filter((store) => store !== undefined))
  }
  return found
}

async function hintAt(api: LocalApi, text: string): Promise<string> {
  const query = { user: '*', q: text.slice(text.indexOf('~') + 1), limit: String(similarMax) }
  if (query.q === '') return ''
  const { items } = await api.ask<{ items: readonly StoreData[] }>('GET', '/coatcheck/v1/search', {
    query,
  })
  return items.length === 0 ? '' : ` Did you mean one of these: ${listOf(items)}?`
}

function listOf(stores: readonly StoreData[]): string {
  return stores.map((store) => `${addressOf(store)} (${store.id})`).join(', ')
}
