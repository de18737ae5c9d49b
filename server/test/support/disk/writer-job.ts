import type { Revision } from '../../../src/core/engine/engine.ts'
import type { FileFaults } from './file-faults.ts'
import type { CommitName } from './workload.ts'

export interface WriterOptions {
  readonly seed: number
  readonly session: number
  readonly writers: number
  readonly isHeavy?: boolean
  /** Of each writer. */
  readonly commits: number
  /** The commit before which each writer rests, so that the journal is moved into LMDB. */
  readonly restAt?: number
  /** Whether the process rests before its end too. */
  readonly restsAtEnd?: boolean
  readonly end?: 'close' | 'kill'
  readonly faults?: FileFaults
}

export interface WriterJob extends WriterOptions {
  readonly folder: string
  readonly events: string
  /** The address of the module that opens the engine. */
  readonly engine: string
}

export type WriterEvent =
  | { readonly kind: 'acknowledged'; readonly name: CommitName; readonly revision: Revision }
  /** A commit, or the opening of the engine, failed. */
  | { readonly kind: 'failed'; readonly sentence: string; readonly writer?: number }
  /** A read right after a commit did not show it. */
  | { readonly kind: 'stale'; readonly sentence: string }
  | { readonly kind: 'fault' | 'closed' }

export interface TimedEvent {
  readonly at: number
  readonly event: WriterEvent
}
