import { EngineError, type Revision } from '../../core/engine/engine.ts'
import type { OpeningReport } from '../../core/engine/installed-engine.ts'
import type { Journal } from './journal/journal.ts'
import type { DroppedBlock, JournalState } from './journal/journal-state.ts'
import type { LmdbTables } from './tables.ts'

interface FoundState {
  /** Undefined: data of format 2 or earlier, no data, or a state that was given up. */
  readonly state: JournalState | undefined
  /** The newest commit that LMDB holds. */
  readonly held: Revision
  readonly findings: readonly string[]
}

/** What LMDB says of itself. `givesUp`: a damaged state is made anew. Throws EngineError. */
export function stateOf(
  tables: LmdbTables,
  { givesUp = false }: { givesUp?: boolean | undefined },
): FoundState {
  try {
    const state = tables.state()
    return { state, held: state?.newest ?? tables.earlyNewest(), findings: [] }
  } catch (error) {
    if (!givesUp || !(error instanceof EngineError)) throw error
    return { state: undefined, held: tables.newestOfEntries(), findings: [error.message] }
  }
}

/** What the opening of a data folder found. */
export function openingOf(parts: {
  journal: Journal
  held: Revision
  dropped: DroppedBlock | undefined
  findings: readonly string[]
}): OpeningReport {
  const { journal, held, dropped, findings } = parts
  const reached = Math.max(journal.fresh.newest, journal.moving.newest)
  const taken = `The journal held the commits after revision ${held} up to ${reached}.`
  const lost = dropped ? [droppedSentence(journal.path, dropped)] : []
  return {
    notes: reached > held ? [taken] : [],
    findings: [...findings, ...journal.findings, ...lost],
  }
}

function droppedSentence(path: string, { after, bytes }: DroppedBlock): string {
  const what = `a block of ${bytes} bytes behind revision ${after}, which was not whole`
  const why = 'It was being written when the power failed, or it was damaged since'
  return `The journal ${path} ended with ${what}. ${why}: then commits behind that are missing.`
}
