import type { InstalledEngine } from '../core/engine/installed-engine.ts'
import { LmdbEngine } from './lmdb/lmdb.ts'
import { damageIn, type PageDamage } from './lmdb/pages/sound-pages.ts'
import { MemoryEngine } from './memory.ts'
import type { PostgresAddress } from './postgres/link/address.ts'

/** Which engine, and where its data is. */
export type EngineAddress =
  | { readonly name: 'memory' }
  /** The folder must exist. */
  | { readonly name: 'lmdb'; readonly folder: string }
  | { readonly name: 'postgresql'; readonly database: PostgresAddress }

/**
 * `log` gets sentences for the operator. `isReadOnly`: nothing is created or written, and commits
 * are refused; a database is read as it is at this moment. `givesUp`: what a damaged journal holds
 * is given up; see `InstalledEngine.opening`. Throws EngineError `unavailable`.
 */
export async function openEngine(
  address: EngineAddress,
  log?: (sentence: string) => void,
  { isReadOnly = false, givesUp = false } = {},
): Promise<InstalledEngine> {
  if (address.name === 'memory') return new MemoryEngine()
  if (address.name === 'lmdb') return new LmdbEngine(address.folder, { isReadOnly, givesUp })
  // Load the database client only if a database is used.
  const { openPostgres, openSnapshot } = await import('./postgres/postgres.ts')
  return isReadOnly
    ? openSnapshot(address.database)
    : openPostgres(address.database, log && { log })
}

/**
 * What is wrong with the files of an engine that can be checked before it opens them. Nobody may
 * have them open. `onProgress`: how much of about how much was checked. Writes nothing. Throws
 * EngineError `unavailable` if they can't be read.
 */
export async function damageOf(
  address: EngineAddress,
  onProgress?: (done: number, total: number) => void,
): Promise<PageDamage> {
  if (address.name !== 'lmdb') return { sentences: [], count: 0 }
  return damageIn(address.folder, onProgress)
}
