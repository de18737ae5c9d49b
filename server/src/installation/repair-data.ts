import { rmSync } from 'node:fs'
import { openEngine } from '../engines/open.ts'
import type { Config } from './config.ts'
import { keepJournal } from './folder/kept-journal.ts'
import { addressOf, openFolderOfData } from './opened-data.ts'
import { StartError } from './start-error.ts'

/** What `repairData` did. */
export interface RepairReport {
  /** The copy of the journal as it was; undefined: there was none. */
  readonly kept: string | undefined
  readonly notes: readonly string[]
  readonly findings: readonly string[]
}

/**
 * Opens data whose journal is refused, and gives up the commits that can't be read: then servers
 * start again. Where something was wrong, the journal as it was stays under another name. Throws
 * StartError, FolderInUseError, EngineError.
 */
export async function repairData(config: Config): Promise<RepairReport> {
  const folder = config.engine === 'lmdb' ? await openFolderOfData(config) : undefined
  if (!folder) throw new StartError('Only a data folder can be repaired.')
  try {
    const kept = keepJournal(folder.openLmdbFolder())
    const engine = await openEngine(addressOf(config, folder), undefined, { givesUp: true })
    const { notes = [], findings = [] } = engine.opening ?? {}
    try {
      // Resolves once the data file holds all that could be read.
      await engine.moveOn((newest) => newest)
    } finally {
      await engine.close()
    }
    if (findings.length > 0) return { kept, notes, findings }
    if (kept) rmSync(kept)
    return { kept: undefined, notes, findings }
  } finally {
    folder.close()
  }
}
