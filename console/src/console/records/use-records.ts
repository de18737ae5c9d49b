import { useCallback, useEffect, useMemo } from 'react'
import { keyOfSpelling, spellingOf } from '../../../../client/src/records/address.ts'
import { usePages } from '../rows/use-pages.ts'
import { ask } from '../server/ask.ts'
import { queries } from '../server/queries.ts'
import { session } from '../server/session.ts'
import { storePath } from '../stores/data/store-rows.ts'

/** A record in the list. */
export interface ListedRecord {
  readonly key: string
  /** Of the stored bytes. */
  readonly size: number
  readonly contentType: string
  readonly modifiedAt: string
  readonly revision: number
  /** A link that opens also for strangers, as far as the store allows. */
  readonly recordPublicUrl: string
}

interface RecordPage {
  readonly items: readonly ListedRecord[]
  /** In the spelling of listings. */
  readonly next: string | undefined
}

export interface RecordList {
  readonly rows: readonly ListedRecord[]
  readonly hasMore: boolean
  readonly isLoading: boolean
  readonly error: unknown
  readonly onDrawn: (first: number, end: number) => void
  readonly again: () => void
}

const pageItems = 500
/** Changes that come together lead to one reading. */
const togetherMs = 150

/** The records whose keys begin with the prefix, read again when one of them changes. */
export function useRecords(storeId: string, prefix: string): RecordList {
  const queryKey = useMemo(() => ['records', storeId, prefix], [storeId, prefix])
  const { pages, hasMore, isLoading, error, again, more } = usePages({
    queryKey,
    read: (after) => readPage(storeId, prefix, after),
    nextOf: ({ next }) => next,
  })
  useChanges(storeId, prefix, queryKey)
  const rows = useMemo(() => pages.flatMap(({ items }) => items), [pages])
  const onDrawn = useCallback(
    (_: number, end: number) => {
      if (end >= rows.length) more()
    },
    [rows.length, more],
  )
  return { rows, hasMore, isLoading, error, onDrawn, again }
}

async function readPage(
  storeId: string,
  prefix: string,
  after: string | undefined,
): Promise<RecordPage> {
  const query = {
    details: 1,
    limit: pageItems,
    prefix: prefix === '' ? undefined : spellingOf(prefix),
    exclusiveStartKey: after,
  }
  const { items, nextExclusiveStartKey } = Object(
    await ask('GET', `${storePath(storeId)}/keys`, { query }),
  )
  const rows = Array.from(items, (item: ListedRecord) => ({
    ...item,
    key: keyOfSpelling(item.key),
  }))
  return { items: rows, next: nextExclusiveStartKey ?? undefined }
}

/** Reads the list again after each change that the server tells. */
function useChanges(storeId: string, prefix: string, queryKey: readonly string[]): void {
  useEffect(() => {
    const stop = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined
        void queries.invalidateQueries({ queryKey })
        void queries.invalidateQueries({ queryKey: ['stores', 'one', storeId] })
      }, togetherMs)
    }
    void follow(storeId, prefix, { signal: stop.signal, onChange: read })
    return () => {
      stop.abort()
      clearTimeout(timer)
    }
  }, [storeId, prefix, queryKey])
}

/** How long after a failure the changes are asked for again. */
const againMs = 5_000

async function follow(
  storeId: string,
  prefix: string,
  { signal, onChange }: { readonly signal: AbortSignal; readonly onChange: () => void },
): Promise<void> {
  while (!signal.aborted) {
    try {
      const options = { prefix, values: false, signal }
      for await (const { kind } of session.client.store(storeId).watch(options)) {
        if (kind !== 'ready') onChange()
      }
    } catch (error) {
      // The list, which is read then, shows why nothing comes any more.
      if (error !== signal.reason) onChange()
    }
    await pause(againMs, signal)
  }
}

/** Resolves early when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
