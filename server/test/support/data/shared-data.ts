import type {
  AtomicWrite,
  Commit,
  Entry,
  KeyRange,
  Page,
  Revision,
  ScanBound,
  StorageEngine,
} from '../../../src/core/engine/engine.ts'
import type { EngineHealth, InstalledEngine } from '../../../src/core/engine/installed-engine.ts'
import type { Bytes } from '../../../src/core/kernel/bytes.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { openPostgres } from '../../../src/engines/postgres/postgres.ts'
import type { Config } from '../../../src/installation/config.ts'
import type { EngineOpener } from '../../../src/installation/opened-data.ts'
import { createTestDatabase } from '../postgres/test-database.ts'

export const sharedEngines = ['memory', 'postgresql'] as const

/** Data that several servers have open at the same time. */
export interface SharedData {
  /** The settings with which a server finds the data. */
  readonly settings: Partial<Config>
  /** Undefined: the settings name the engine. */
  readonly open?: EngineOpener
  /** Opens the engine without a server; the test must close it. */
  openEngine(): Promise<StorageEngine>
  close(): Promise<void>
}

export function createSharedData(engine: (typeof sharedEngines)[number]): Promise<SharedData> {
  return engine === 'memory' ? createInMemory() : createInPostgres()
}

async function createInPostgres(): Promise<SharedData> {
  const database = await createTestDatabase()
  return {
    settings: { engine: 'postgresql', database },
    openEngine: () => openPostgres(database),
    close: async () => undefined, // the data ends with the test file
  }
}

async function createInMemory(): Promise<SharedData> {
  const memory = new MemoryEngine()
  return {
    settings: { engine: 'memory' },
    open: async () => new OneOfMany(memory),
    openEngine: async () => new OneOfMany(memory),
    close: () => memory.close(),
  }
}

/** One server's view of an engine: closing it leaves the engine open for the others. */
class OneOfMany implements InstalledEngine {
  readonly isShared = true
  readonly #engine: MemoryEngine

  constructor(engine: MemoryEngine) {
    this.#engine = engine
  }

  get limits(): StorageEngine['limits'] {
    return this.#engine.limits
  }

  get(keys: readonly Bytes[]): (Entry | undefined)[] {
    return this.#engine.get(keys)
  }

  scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    return this.#engine.scan(range, bound)
  }

  commit(write: AtomicWrite): Promise<Commit> {
    return this.#engine.commit(write)
  }

  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#engine.newerThan(revision, signal)
  }

  health(): Promise<EngineHealth> {
    return this.#engine.health()
  }

  restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    return this.#engine.restore(entries, newest)
  }

  moveOn(floorOf: (newest: Revision) => Revision): Promise<void> {
    return this.#engine.moveOn(floorOf)
  }

  async close(): Promise<void> {}
}
