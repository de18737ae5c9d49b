import type { Entry, Revision, StorageEngine } from './engine.ts'

/** What an engine promises of what it acknowledged, and whether it serves. */
export interface EngineHealth {
  /** Why it does not serve now, as a sentence; undefined: it does. */
  readonly whyNot: string | undefined
  /**
   * - `none`: lost when the process ends.
   * - `single`: on one machine's disk.
   * - `replicated`: on the disks of as many further machines as were asked for, before the answer.
   * - `degraded`: meant to be replicated, but not kept so now.
   */
  readonly durability: 'none' | 'single' | 'replicated' | 'degraded'
  /** What whoever keeps this server should know: sentences. */
  readonly notes: readonly string[]
  /** By the engine's own clock, in ms since 1970; undefined: it has none but the server's. */
  readonly now: number | undefined
}

/** An engine as its keeper has it: doors and domain know `StorageEngine` alone. */
export interface InstalledEngine extends StorageEngine {
  /** Never throws: what is wrong is what it tells. */
  health(): Promise<EngineHealth>
  /**
   * Puts entries as another engine held them, counters and revisions included, over what is there,
   * durably and all or none. The next commit gets a revision above `newest`. To be used while
   * nothing else writes. Throws EngineError.
   */
  restore(entries: readonly Entry[], newest: Revision): Promise<void>
}
