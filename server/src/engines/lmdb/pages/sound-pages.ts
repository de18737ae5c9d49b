import { join } from 'node:path'
import { EngineError } from '../../../core/engine/engine.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { assertSoundFile } from '../files/file.ts'
import { pageBytes } from '../room/tree.ts'
import { PageCheck } from './page-check.ts'

/** Called regularly: `done` of about `total` pages were read. */
export type OnPages = (done: number, total: number) => void

/** All that is wrong with the pages of a data file. */
export interface PageDamage {
  /** Sentences; the first ones, if there are many. */
  readonly sentences: readonly string[]
  readonly count: number
}

/**
 * Checks the pages of a data file before LMDB opens it: upper levels first, until too many were
 * read or too much time has passed. Returns sentences about damage that hides nothing. Throws
 * EngineError `unavailable` with a sentence for the user, which names the first damaged page.
 */
export function assertSoundPages(
  folder: string,
  { bytesMax = limits.lmdbOpeningCheckBytesMax, msMax = limits.lmdbOpeningCheckMsMax } = {},
): readonly string[] {
  const check = opened(folder)
  try {
    const end = performance.now() + msMax
    for (const _ of check.run()) {
      if (check.findings.count > 0 || performance.now() > end) break
      if (check.progress.read * pageBytes >= bytesMax) break
    }
    const [first] = check.findings.clauses
    if (first === undefined) return check.notes
    const what = `The data file ${pathIn(folder)} is damaged: ${first}`
    const wayOn = 'Bring back a backup. coatcheck check lists all damaged pages'
    throw new EngineError('unavailable', `${what}. ${wayOn}.`)
  } finally {
    check.close()
  }
}

/**
 * Checks all pages of a data file that nobody has open, without LMDB. Writes nothing. Throws
 * EngineError `unavailable` if it can't be read, or is none of LMDB.
 */
export async function damageIn(folder: string, onPages?: OnPages): Promise<PageDamage> {
  if (!assertSoundFile(folder, { isReadOnly: true })) return { sentences: [], count: 0 }
  const check = opened(folder)
  try {
    let checked = 0
    for (const _ of check.run()) {
      checked += 1
      if (checked % limits.lmdbUnyieldedPagesMax !== 0) continue
      const { read, pages } = check.progress
      onPages?.(Math.min(read, pages), pages)
      await new Promise(setImmediate)
    }
    const { clauses, count } = check.findings
    const path = pathIn(folder)
    return { sentences: clauses.map((clause) => `The data file ${path}: ${clause}.`), count }
  } finally {
    check.close()
  }
}

function opened(folder: string): PageCheck {
  const path = pathIn(folder)
  try {
    return new PageCheck(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const sentence = `The data file ${path} can't be read: ${reason}.`
    throw new EngineError('unavailable', sentence, { cause })
  }
}

function pathIn(folder: string): string {
  return join(folder, 'data.mdb')
}
