import type { Revision } from '../engine/engine.ts'
import type { ByteSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { JsonState, RecordInfo } from '../values/record-info.ts'
import type { StoredValue } from '../values/value.ts'

/** A record without its value. */
export interface RecordHead {
  readonly key: string
  /** As sent, parameters included. */
  readonly contentType: string
  /** As sent; '' for none. */
  readonly contentEncoding: string
  /** The number of stored bytes. Values are stored as sent. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
  /** Changes with every new value. Conditions compare it. */
  readonly revision: Revision
  readonly jsonState: JsonState
}

/** A record with its value, which whoever gets the record must dispose of. */
export interface StoreRecord extends RecordHead {
  readonly value: StoredValue
}

export interface NewRecord {
  readonly key: string
  readonly contentType: string
  /** As sent; '' for none. */
  readonly contentEncoding: string
  readonly source: ByteSource
  /** The result of an earlier check of the value, if any. */
  readonly jsonState?: JsonState
}

/** A record whose value is all in memory. */
export interface WholeRecord {
  readonly key: string
  readonly contentType: string
  readonly bytes: Bytes
  /** The result of an earlier check of the bytes, if any. */
  readonly jsonState: JsonState
}

/** What the caller expects of the record that it replaces or deletes. */
export type Condition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'revision'; readonly anyOf: readonly Revision[] }
  /** The record is absent, or has none of these revisions. */
  | { readonly kind: 'otherRevision'; readonly noneOf: readonly Revision[] }
  /** The record is absent, or its value is older than this moment (ms since 1970). */
  | { readonly kind: 'writtenBefore'; readonly time: number }
  | { readonly kind: 'all'; readonly of: readonly Condition[] }
  | { readonly kind: 'any'; readonly of: readonly Condition[] }

export interface PutResult {
  readonly revision: Revision
}

export function headOf(key: string, info: RecordInfo, entryRevision: Revision): RecordHead {
  return {
    key,
    contentType: info.contentType,
    contentEncoding: info.contentEncoding,
    size: info.size,
    modifiedAt: info.modifiedAt,
    revision: info.valueRevision ?? entryRevision,
    jsonState: info.jsonState,
  }
}
