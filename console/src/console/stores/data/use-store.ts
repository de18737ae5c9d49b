import { useQuery } from '@tanstack/react-query'
import type { StoreInfo } from '../../../../../client/src/stores/store-info.ts'
import { asking } from '../../server/ask.ts'

const refetchMs = 5_000

export interface StoreNow {
  /** Undefined until the server has answered. */
  readonly store: StoreInfo | undefined
  readonly error: unknown
  readonly again: () => void
}

/** The store, read again every five seconds. */
export function useStore(id: string): StoreNow {
  const { data, error, refetch } = useQuery({
    queryKey: ['stores', 'one', id],
    queryFn: () => asking((client) => client.store(id).info()),
    refetchInterval: refetchMs,
  })
  return { store: data, error, again: () => void refetch() }
}
