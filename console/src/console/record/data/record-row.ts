import { useQuery } from '@tanstack/react-query'
import { keyOfSpelling, spellingOf } from '../../../../../client/src/records/address.ts'
import { ask } from '../../server/ask.ts'
import { queries } from '../../server/queries.ts'
import { storePath } from '../../stores/data/store-rows.ts'

/** What is known of a record without its value. */
export interface RecordRow {
  readonly key: string
  /** Of the stored bytes. */
  readonly size: number
  readonly contentType: string
  /** Such as `br`; undefined: the bytes are stored as they are. */
  readonly contentEncoding: string | undefined
  /** ISO 8601. */
  readonly modifiedAt: string
  readonly revision: number
  /** A link that opens also for strangers, as far as the store allows. */
  readonly publicUrl: string
}

/** Where a record is. */
export interface RecordAt {
  readonly storeId: string
  readonly key: string
}

const refetchMs = 2_000

export interface RowNow {
  /** Undefined: there is no such record, or nobody knows yet. */
  readonly row: RecordRow | undefined
  readonly isLoading: boolean
  readonly error: unknown
}

/** The record's row, read again every two seconds while the page is seen. */
export function useRecordRow(at: RecordAt): RowNow {
  const { data, error, isPending } = useQuery({
    queryKey: rowQueryKey(at),
    queryFn: () => readRow(at),
    refetchInterval: refetchMs,
  })
  return { row: data ?? undefined, isLoading: isPending, error }
}

/** Reads the row now: something has changed. */
export function refreshRow(at: RecordAt): Promise<void> {
  return queries.invalidateQueries({ queryKey: rowQueryKey(at) })
}

/** Null: there is no such record. Rejects with CoatcheckError. */
export async function readRow({ storeId, key }: RecordAt): Promise<RecordRow | null> {
  const spelling = spellingOf(key)
  const query = { prefix: spelling, limit: 1, details: 1 }
  // The key itself is the first of all that begin with it.
  const [item] = Object(await ask('GET', `${storePath(storeId)}/keys`, { query })).items
  if (!item || keyOfSpelling(item.key) !== key) return null
  const { size, contentType, contentEncoding, modifiedAt, revision, recordPublicUrl } = item
  return {
    key,
    size,
    contentType,
    contentEncoding,
    modifiedAt,
    revision,
    publicUrl: recordPublicUrl,
  }
}

function rowQueryKey({ storeId, key }: RecordAt): readonly string[] {
  return ['record-row', storeId, key]
}
