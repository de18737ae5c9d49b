import { useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
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

/** The stores that a query finds, page by page. They are read again every five seconds. */
export function useStoreList(query: StoreQuery): StoreList {
  const found = useInfiniteQuery({
    queryKey: ['stores', 'list', query],
    queryFn: ({ pageParam }) => listStores({ ...query, after: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextAfter }) => nextAfter ?? undefined,
    placeholderData: (before) => before,
    refetchInterval: refetchMs,
  })
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = found
  const rows = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data])
  const onDrawn = useCallback(
    (_: number, end: number) => {
      if (end >= rows.length && hasNextPage && !isFetchingNextPage) void fetchNextPage()
    },
    [rows.length, hasNextPage, isFetchingNextPage, fetchNextPage],
  )
  const again = useCallback(() => void refetch(), [refetch])
  const [first] = data?.pages ?? []
  const total = first?.total ?? 0
  return {
    rows,
    total,
    hiddenUnnamed: first?.hiddenUnnamed ?? 0,
    isLoading: isPending,
    error,
    onDrawn,
    again,
  }
}
