import { useInfiniteQuery } from '@tanstack/react-query'
import { useCallback } from 'react'

export interface Pages<Page> {
  readonly pages: readonly Page[]
  readonly hasMore: boolean
  readonly isLoading: boolean
  readonly error: unknown
  readonly again: () => void
  /** Loads the next page, unless that is under way. */
  readonly more: () => void
}

export interface PagesQuery<Page> {
  readonly queryKey: readonly unknown[]
  /** Reads the page behind a place; undefined: the first one. Rejects with CoatcheckError. */
  readonly read: (after: string | undefined) => Promise<Page>
  /** The place of the next page; undefined: this is the last one. */
  readonly nextOf: (page: Page) => string | undefined
  /** How often the pages are read again, if there is one; long lists wait for a change. */
  readonly refetchMs?: number
}

/** A list that is read page by page. What was shown stays until the answer to a new query. */
export function usePages<Page>(query: PagesQuery<Page>): Pages<Page> {
  const { queryKey, read, nextOf, refetchMs } = query
  const found = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextOf,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) =>
      refetchMs !== undefined && (state.data?.pages.length ?? 0) <= 1 ? refetchMs : false,
  })
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = found
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  const again = useCallback(() => void refetch(), [refetch])
  const pages = data?.pages ?? none
  return { pages, hasMore: hasNextPage, isLoading: isPending, error, again, more }
}

/** The same each time, so that nothing is drawn again for it. */
const none: readonly never[] = []
