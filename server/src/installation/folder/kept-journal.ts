import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'

/** Copies the journal of an LMDB folder to a name that is free. Undefined: there is no journal. */
export function keepJournal(folder: string): string | undefined {
  const journal = join(folder, 'journal')
  if (!existsSync(journal)) return undefined
  for (let number = 1; ; number += 1) {
    const copy = `${journal}.before-repair-${number}`
    if (existsSync(copy)) continue
    copyFileSync(journal, copy)
    return copy
  }
}
