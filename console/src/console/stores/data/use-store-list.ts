import { useCallback, useMemo } from 'react'
import { usePages } from '../../rows/use-pages.ts'
import { listStores, type StoreQuery, type StoreRow } from './store-rows.ts'

export interface StoreList {
  readonly rows: readonly StoreRow[]
  readonly total: number
  readonly hiddenUnnamed: number
  readonly isLoading: boolean
  readonly error: unknown
  /** Loads more if rows up to here are not there yet. */
  readonly onDrawn: (first: number, end: number) => void
  readonly again: () => void
}

const refetchMs = 5_000

/** The stores that a query finds, page by page. A short list is read again every five seconds. */
export function useStoreList(query: StoreQuery): StoreList {
  const { pages, isLoading, error, again, more } = usePages({
    queryKey: ['stores', 'list', query],
    read: (after) => listStores({ ...query, after }),
    nextOf: ({ nextAfter }) => nextAfter ?? undefined,
    refetchMs,
  })
  const rows = useMemo(() => pages.flatMap(({ items }) => items), [pages])
  const onDrawn = useCallback(
    (_: number, end: number) => {
      if (end >= rows.length) more()
    },
    [rows.length, more],
  )
  const { total = 0, hiddenUnnamed = 0 } = pages[0] ?? {}
  return { rows, total, hiddenUnnamed, isLoading, error, onDrawn, again }
}
