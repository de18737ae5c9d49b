import { CoatcheckError } from '../../../../../client/src/http/errors.ts'
import { hrefOf } from '../../address/address.ts'
import { open } from '../../address/use-address.ts'
import { say } from '../../parts/toasts.tsx'
import { asking, sentenceOf } from '../../server/ask.ts'
import { type StoreRow, storePath } from './store-rows.ts'

/** The key under which programs put what they have found. */
const outputKey = 'OUTPUT'

/** Opens a store at its OUTPUT, if it has one: mostly that is what people look for. */
export async function openStore({ id }: Pick<StoreRow, 'id'>): Promise<void> {
  const path = ['storage', 'key-value-stores', id, 'records']
  try {
    const hasOutput = await asking((client) => client.store(id).has(outputKey))
    open(hrefOf(path, hasOutput ? { key: outputKey } : { key: await newestKey(id) }))
  } catch (error) {
    say({ text: sentenceOf(error), isError: true })
  }
}

/** The key that was changed last, as far as the history tells; undefined: nobody knows. */
async function newestKey(id: string): Promise<string | undefined> {
  return asking(async (client) => {
    const { items } = Object(
      await client.api('GET', `${storePath(id)}/audit`, { query: { limit: 20 } }),
    )
    const put = Array.from(items ?? []).find((item) => Object(item).action === 'record-put')
    return put === undefined ? undefined : String(Object(put).subject)
  }).catch((error: unknown) => {
    // The history is for those who manage the store.
    if (error instanceof CoatcheckError && error.status === 403) return undefined
    throw error
  })
}
