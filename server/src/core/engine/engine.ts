import type { Awaitable } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'

/**
 * The engine's number of a commit: a safe integer >= 1, strictly increasing in commit order (gaps
 * are allowed), never reset.
 */
export type Revision = number

/** What an engine accepts. More is refused before anything is grouped or written. */
export interface EngineLimits {
  /** Longest key in bytes, the eight of a stamp included. */
  readonly keyBytesMax: number
  /** Longest value in bytes. */
  readonly valueBytesMax: number
  /** Most bytes of keys and values in one commit. */
  readonly commitBytesMax: number
}

export interface Entry {
  readonly key: Bytes
  /** A value as it was put; of a counter, its number as 8 bytes, signed big-endian. */
  readonly value: Bytes
  /** The commit that last wrote this entry. */
  readonly revision: Revision
  /** True of a counter. */
  readonly isCounter?: boolean
  /** True when the stored bytes fail their checksum: `value` is empty then and means nothing. */
  readonly isDamaged?: boolean
}

/** The keys with start <= key < end, in byte order. */
export interface KeyRange {
  readonly start: Bytes
  readonly end: Bytes
}

export interface ScanBound {
  readonly limit: number
  /** The page ends with the entry that reaches this many bytes of keys and values. */
  readonly bytes: number
}

export interface Page {
  readonly entries: readonly Entry[]
  /** True when the range holds entries behind the last one of this page. */
  readonly more: boolean
}

/** Fails the commit unless the entry was last written by `revision`; undefined: is absent. */
export interface Check {
  readonly key: Bytes
  readonly revision: Revision | undefined
}

export interface Put {
  readonly key: Bytes
  readonly value: Bytes
  /** The commit's revision, 8 bytes big-endian, is appended to the key. */
  readonly stamped?: boolean
}

/** Adds to a counter: 8 bytes signed big-endian; absent counts as 0. */
export interface Sum {
  readonly key: Bytes
  readonly delta: bigint
}

/**
 * One atomic batch. Each key at most once among deletes, puts and sums; checks see the state before
 * it.
 */
export interface AtomicWrite {
  readonly checks?: readonly Check[]
  readonly deletes?: readonly Bytes[]
  readonly puts?: readonly Put[]
  readonly sums?: readonly Sum[]
}

/** `applied: false`: a check failed and nothing was written. */
export type Commit =
  | { readonly applied: true; readonly revision: Revision }
  | { readonly applied: false }

/**
 * Why an engine refused:
 * - `closed`: after `close()`.
 * - `refused`: the write breaks the contract (too large, a key twice, a sum on a value, an
 *   overflow).
 * - `conflict`: the engine could not order this commit among others; try again.
 * - `full`: no room; what was stored stays readable.
 * - `damaged`: what is stored can't be read where it was looked for.
 * - `unavailable`: the engine cannot serve now.
 */
export type EngineFailure = 'closed' | 'refused' | 'conflict' | 'full' | 'damaged' | 'unavailable'

/** `applied` says whether a commit may have happened: after 'unknown' its entries may be there. */
export class EngineError extends Error {
  readonly failure: EngineFailure
  readonly applied: 'no' | 'unknown'

  constructor(
    failure: EngineFailure,
    message: string,
    options: { applied?: 'no' | 'unknown'; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'EngineError'
    this.failure = failure
    this.applied = options.applied ?? 'no'
  }
}

/**
 * An ordered map of bytes with one conditional write: all that Coatcheck asks of storage.
 *
 * Keys are ordered by their bytes. Returned bytes belong to the caller. Two reads are two
 * snapshots. Commits are decided one by one in the order of their revisions, however they are
 * grouped; a resolved commit survives `kill -9` and loss of power (save in the memory engine);
 * whoever has read revision r can never later find a commit at or below r that was not there. A key
 * holds a value or a counter, never both: a sum on a value is refused, a put replaces a counter.
 * After `close()` all reject.
 *
 * `engines/conformance/conformance.ts` is this contract as tests; decision 0001 says how each engine
 * serves it.
 */
export interface StorageEngine {
  readonly limits: EngineLimits
  /** Whether others may write to it as well: other servers. */
  readonly isShared: boolean
  /**
   * The entries of `keys`, in order, all from one snapshot that holds every commit resolved before
   * the call. At once where the engine has them at hand, failures too.
   */
  get(keys: readonly Bytes[]): Awaitable<(Entry | undefined)[]>
  /**
   * The first entries of `range`, in byte order, from one snapshot; at least one if there is any.
   */
  scan(range: KeyRange, bound: ScanBound): Promise<Page>
  /**
   * Applies all of `write` durably and answers its revision or, when a check fails, applies
   * nothing.
   * Throws EngineError: after `applied: 'unknown'` the commit may be there, and a check that then
   * fails may have been failed by the caller's own first try.
   */
  commit(write: AtomicWrite): Promise<Commit>
  /**
   * Resolves with the newest revision once a commit newer than `revision` can be read: a wake-up,
   * which may come for nothing. Rejects with the signal's reason when it is aborted.
   */
  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision>
  close(): Promise<void>
}
