import type { Awaitable } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Patience } from '../kernel/key-queue.ts'
import type { News } from './news.ts'

/**
 * The engine's number of a commit: a safe integer >= 1, strictly increasing in commit order (gaps
 * are allowed), never reset.
 */
export type Revision = number

/** What an engine accepts. It refuses larger writes before it groups or writes anything. */
export interface EngineLimits {
  /** Longest key in bytes, including the 8 bytes of a stamp. */
  readonly keyBytesMax: number
  /** Longest value in bytes. */
  readonly valueBytesMax: number
  /** Most bytes of keys and values in one commit. */
  readonly commitBytesMax: number
}

export interface Entry {
  readonly key: Bytes
  /** The value as it was put. For a counter: its number as 8 bytes, signed big-endian. */
  readonly value: Bytes
  /** The commit that last wrote this entry. */
  readonly revision: Revision
  /** True for a counter. */
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
  /** True when the range holds entries after the last one of this page. */
  readonly more: boolean
}

/**
 * Fails the commit unless `revision` wrote the entry last; undefined: unless the entry is absent.
 */
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

/** Adds to a counter: 8 bytes, signed big-endian. An absent counter is 0. */
export interface Sum {
  readonly key: Bytes
  readonly delta: bigint
}

/** The parts of one atomic write. Each key may occur once among deletes, puts and sums. */
export interface WriteParts {
  /** They see the state before the write. */
  readonly checks?: readonly Check[]
  readonly deletes?: readonly Bytes[]
  readonly puts?: readonly Put[]
  readonly sums?: readonly Sum[]
}

/** One atomic batch. */
export interface AtomicWrite extends WriteParts {
  /**
   * This write ends a right, or the server can't run without it. An engine that keeps room for a
   * full disk takes it from there, as it does for writes that delete more than they put. Only for
   * small writes that clients can't make without end.
   */
  readonly isUrgent?: boolean
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
 * - `conflict`: other commits at the same time prevented this one; try again.
 * - `full`: no space is left; stored data stays readable.
 * - `damaged`: the stored data that was asked for can't be read.
 * - `unavailable`: the engine can't serve requests now.
 */
export type EngineFailure = 'closed' | 'refused' | 'conflict' | 'full' | 'damaged' | 'unavailable'

/**
 * `applied` says whether the commit may have happened: after 'unknown' its entries may be stored.
 */
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
 * grouped. A resolved commit survives `kill -9` and loss of power (except in the memory engine).
 * After a reader has seen revision r, no new commit appears at or below r. A key holds a value or a
 * counter, never both: a sum on a value is refused, a put replaces a counter. After `close()` all
 * methods reject.
 *
 * `engines/conformance/conformance.ts` tests this contract; decision 0001 says how each engine
 * fulfils it.
 */
export interface StorageEngine {
  readonly limits: EngineLimits
  /** Whether other servers may write to the same data. */
  readonly isShared: boolean
  /**
   * Bounds the wait for several operations as the engine bounds the wait for one; its errors are
   * EngineErrors. Undefined: operations take as long as the disk needs.
   */
  readonly patience?: Patience | undefined
  /**
   * The time of the storage's own clock, in ms since 1970, which all servers of the storage share;
   * undefined: it has none.
   */
  readClock?(): Promise<number | undefined>
  /**
   * The entries of `keys`, in order, all from one snapshot that holds every commit resolved before
   * the call. If the engine can, it answers or throws synchronously.
   */
  get(keys: readonly Bytes[]): Awaitable<(Entry | undefined)[]>
  /**
   * The first entries of `range`, in byte order, from one snapshot; at least one if there is any.
   */
  scan(range: KeyRange, bound: ScanBound): Promise<Page>
  /**
   * Applies all of `write` durably and answers its revision or, when a check fails, applies
   * nothing.
   * Throws EngineError. After `applied: 'unknown'` the commit may have been applied: if the caller
   * tries again, its own first attempt may make a check fail.
   */
  commit(write: AtomicWrite): Promise<Commit>
  /**
   * Resolves with the newest revision once a commit newer than `revision` can be read. This is only
   * a wake-up: the new commits may not concern the caller. Every commit that resolved before the
   * call counts if `revision` is -1. Rejects with the signal's reason when the signal is aborted.
   */
  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision>
  /**
   * Resolves once commits of any server can be read that were not yet told at `place`, which is the
   * place of earlier news or 0, and says which logs they added to. A wake-up, as `newerThan`, but
   * one that leaves out who is not concerned. Undefined: the engine can't tell.
   */
  newsAfter?(place: number, signal: AbortSignal): Promise<News>
  close(): Promise<void>
}
