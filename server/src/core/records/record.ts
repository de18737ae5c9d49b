import type { Revision } from '../engine/engine.ts'
import type { ByteSource } from '../kernel/byte-source.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { JsonState, RecordInfo } from '../values/record-info.ts'
import type { StoredValue } from '../values/value.ts'

/** What is known of a record without its value. */
export interface RecordHead {
  readonly key: string
  /** As sent, parameters included. */
  readonly contentType: string
  /** As sent; '' for none. */
  readonly contentEncoding: string
  /** Stored bytes, as sent. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modifiedAt: number
  /** Changes with every new value: what a condition compares. */
  readonly revision: Revision
  readonly jsonState: JsonState
}

export interface StoreRecord extends RecordHead {
  readonly value: StoredValue
}

export interface NewRecord {
  readonly key: string
  readonly contentType: string
  /** As sent; '' for none. */
  readonly contentEncoding: string
  readonly source: ByteSource
  /** What is known of the value already. */
  readonly jsonState?: JsonState
}

/** A record whose value is all in memory. */
export interface WholeRecord {
  readonly key: string
  readonly contentType: string
  readonly bytes: Bytes
  /** What is known of the bytes already. */
  readonly jsonState: JsonState
}

/** What the caller expects of the record that it replaces or deletes. */
export type Condition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present' }
  | { readonly kind: 'revision'; readonly anyOf: readonly Revision[] }
  /** The record is absent, or another one than these. */
  | { readonly kind: 'otherRevision'; readonly noneOf: readonly Revision[] }
  /** The record is absent, or its value is older than this moment (ms since 1970). */
  | { readonly kind: 'writtenBefore'; readonly time: number }
  | { readonly kind: 'all'; readonly of: readonly Condition[] }

export interface StoredRecord {
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
