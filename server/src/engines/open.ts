import type { InstalledEngine } from '../core/installed-engine.ts'
import { LmdbEngine } from './lmdb.ts'
import { MemoryEngine } from './memory.ts'
import { openPostgres } from './postgres.ts'
import { parsePostgresAddress } from './postgres-address.ts'

/** Which engine, and where its data is. */
export type EngineAddress =
  | { readonly name: 'memory' }
  /** The folder must exist. */
  | { readonly name: 'lmdb'; readonly folder: string }
  /** As `PostgresEngine` takes it. */
  | { readonly name: 'postgresql'; readonly database: string }

/** An engine without what only a copy of all data needs. */
export type OpenedEngine = Omit<InstalledEngine, 'restore'>

/** Throws EngineError `unavailable`. */
export async function openEngine(address: EngineAddress): Promise<InstalledEngine> {
  if (address.name === 'memory') return new MemoryEngine()
  if (address.name === 'lmdb') return new LmdbEngine(address.folder)
  return openPostgres(parsePostgresAddress(address.database))
}
