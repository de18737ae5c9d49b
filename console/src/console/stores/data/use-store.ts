import { useQuery } from '@tanstack/react-query'
import { ask } from '../../server/ask.ts'
import type { StoreRow } from './store-rows.ts'
import { storePath } from './store-rows.ts'

export type GeneralAccess =
  | 'FOLLOW_USER_SETTING'
  | 'RESTRICTED'
  | 'ANYONE_WITH_ID_CAN_READ'
  | 'ANYONE_WITH_NAME_CAN_READ'

/** A store as its own endpoint describes it. */
export interface OpenedStore extends Omit<StoreRow, 'storageBytes'> {
  readonly generalAccess: GeneralAccess
  readonly stats: {
    readonly readCount: number
    readonly writeCount: number
    readonly deleteCount: number
    readonly listCount: number
    readonly storageBytes: number
  }
}

const refetchMs = 5_000

export interface StoreNow {
  /** Undefined until the server has answered. */
  readonly store: OpenedStore | undefined
  readonly error: unknown
  readonly again: () => void
}

/** The store, read again every five seconds. */
export function useStore(id: string): StoreNow {
  const { data, error, refetch } = useQuery({
    queryKey: ['stores', 'one', id],
    queryFn: async () => Object(await ask('GET', storePath(id))) as OpenedStore,
    refetchInterval: refetchMs,
  })
  return { store: data, error, again: () => void refetch() }
}
