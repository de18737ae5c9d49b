import { say } from '../../parts/toasts.tsx'
import { ask, asking, sentenceOf } from '../../server/ask.ts'
import { queries } from '../../server/queries.ts'
import { nameOf, type StoreRow, storePath } from './store-rows.ts'

/** Creates a store. Rejects with CoatcheckError. */
export async function createStore(name: string): Promise<{ readonly id: string }> {
  const query = name === '' ? {} : { name }
  const data = Object(await ask('POST', '/v2/key-value-stores', { query }))
  await refreshStores()
  return data
}

/** `null` takes the name away. Rejects with CoatcheckError. */
export async function renameStore(id: string, name: string | null): Promise<void> {
  await ask('PATCH', storePath(id), { body: { name } })
  await refreshStores()
}

/** Deletes stores one after the other. Says which ones are still there. */
export async function deleteStores(stores: readonly StoreRow[]): Promise<void> {
  for (const store of stores) {
    try {
      await ask('DELETE', storePath(store.id))
    } catch (error) {
      say({ text: `${nameOf(store)} is still there: ${sentenceOf(error)}`, isError: true })
    }
  }
  await refreshStores()
}

/** Begins the 7 days of unnamed stores anew: a read counts as use. */
export async function keepLonger(stores: readonly StoreRow[]): Promise<void> {
  for (const { id } of stores) {
    try {
      await asking((client) => client.store(id).keys({ pageSize: 1 }).next())
    } catch (error) {
      say({ text: sentenceOf(error), isError: true })
    }
  }
  await refreshStores()
}

export function refreshStores(): Promise<void> {
  return queries.invalidateQueries({ queryKey: ['stores'] })
}
