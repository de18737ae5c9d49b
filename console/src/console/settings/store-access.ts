import { useQuery } from '@tanstack/react-query'
import type { GeneralAccess } from '../../../../client/src/stores/store-info.ts'
import { ask } from '../server/ask.ts'
import type { Action } from '../server/me.ts'
import { queries } from '../server/queries.ts'
import { storePath } from '../stores/data/store-rows.ts'

/** A user with whom a store is shared. */
export interface Share {
  readonly userId: string
  readonly username: string
  readonly action: Action
}

export interface StoreAccess {
  readonly generalAccess: GeneralAccess
  readonly shares: readonly Share[]
}

/** Undefined until the server has answered. */
export function useAccess(storeId: string): StoreAccess | undefined {
  const { data } = useQuery({
    queryKey: ['access', storeId],
    queryFn: async () => Object(await ask('GET', `${storePath(storeId)}/access`)) as StoreAccess,
  })
  return data
}

/** Null takes a user's right away. Rejects with CoatcheckError. */
export async function share(
  storeId: string,
  username: string,
  action: Action | null,
): Promise<void> {
  await change(storeId, { shares: { [username]: action } })
}

/** Rejects with CoatcheckError. */
export async function setGeneralAccess(storeId: string, level: GeneralAccess): Promise<void> {
  await change(storeId, { generalAccess: level })
}

/** All links that were signed so far end. Rejects with CoatcheckError. */
export async function resetSigningSecret(storeId: string): Promise<void> {
  await ask('POST', `${storePath(storeId)}/signing-secret`)
  await refresh(storeId)
}

async function change(storeId: string, body: object): Promise<void> {
  await ask('PATCH', `${storePath(storeId)}/access`, { body })
  await refresh(storeId)
}

async function refresh(storeId: string): Promise<void> {
  await queries.invalidateQueries({ queryKey: ['access', storeId] })
  await queries.invalidateQueries({ queryKey: ['stores', 'one', storeId] })
}
