import type { StorageEngine } from '../core/engine.ts'
import type { InstalledEngine } from '../core/installed-engine.ts'
import { LmdbEngine } from './lmdb.ts'
import { MemoryEngine } from './memory.ts'

type OpenedEngine = StorageEngine & Pick<InstalledEngine, 'restore'>

export type EngineName = 'lmdb' | 'memory'

/** `folder` must exist for an engine that keeps files. Throws EngineError `unavailable`. */
export function openEngine(name: EngineName, folder: string): OpenedEngine {
  return name === 'memory' ? new MemoryEngine() : new LmdbEngine(folder)
}
