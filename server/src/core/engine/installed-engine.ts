import type { Entry, Revision, StorageEngine } from './engine.ts'

/** Whether an engine serves requests, and how safe acknowledged commits are. */
export interface EngineHealth {
  /** A sentence that says why it does not serve requests now; undefined: it does. */
  readonly whyNot: string | undefined
  /**
   * - `none`: lost when the process ends.
   * - `single`: on one machine's disk.
   * - `replicated`: each commit is on the disks of as many other machines as configured before it
   *   is acknowledged.
   * - `degraded`: should be replicated, but is not now.
   * - `unknown`: the engine can't be asked now.
   */
  readonly durability: 'none' | 'single' | 'replicated' | 'degraded' | 'unknown'
  /** Sentences for the operator of this server. */
  readonly notes: readonly string[]
  /**
   * The time of the engine's own clock, in ms since 1970; undefined: it uses the server's clock.
   */
  readonly now: number | undefined
  /** The free space of the disk in bytes; undefined: the engine can't tell. */
  readonly freeBytes?: number | undefined
}

/** What an engine found when it was opened. */
export interface OpeningReport {
  /** Sentences for the log: what is usual, such as after a kill. */
  readonly notes: readonly string[]
  /** Sentences for the log and for `check`: what is missing, or may be. */
  readonly findings: readonly string[]
}

/** An engine with the methods for its operator: doors and domain only know `StorageEngine`. */
export interface InstalledEngine extends StorageEngine {
  /** Undefined: opening it reads nothing. */
  readonly opening?: OpeningReport
  /** Never throws: the report says what is wrong. */
  health(): Promise<EngineHealth>
  /**
   * Stores entries exactly as another engine held them, including counters and revisions, and
   * overwrites existing ones: durably, all or none. The next commit gets a revision above `newest`.
   * Call it only while nothing else writes. Throws EngineError.
   */
  restore(entries: readonly Entry[], newest: Revision): Promise<void>
  /**
   * The next commit gets a revision above `floorOf(newest)`, where `newest` is the newest revision.
   * A server calls this before its first commit; commands that copy or only read never do. An
   * engine that connects to its storage anew does the same again: the storage may have been
   * restored meanwhile. Throws EngineError.
   */
  moveOn(floorOf: (newest: Revision) => Revision): Promise<void>
}
