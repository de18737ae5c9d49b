import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type Entry,
  type Revision,
} from '../../../src/core/engine/engine.ts'
import type { EngineHealth, InstalledEngine } from '../../../src/core/engine/installed-engine.ts'
import { HurtEngine } from '../../../src/core/testing/testing.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { parsePostgresAddress } from '../../../src/engines/postgres/link/address.ts'

/** Settings of a server that has a folder of its own, and its data in a `KeptEngine`. */
export const elsewhere = {
  engine: 'postgresql',
  database: parsePostgresAddress('postgres://nobody@127.0.0.1:1/none'),
} as const

const sound: EngineHealth = {
  whyNot: undefined,
  durability: 'single',
  notes: [],
  now: undefined,
}

/** An engine that outlives its servers, several at once, and is as well as a test says. */
export class KeptEngine extends HurtEngine implements InstalledEngine {
  /** How it is from now on, where that is not sound. */
  ill: Partial<EngineHealth> = {}
  readonly #kept: MemoryEngine
  timesAsked = 0
  /** Commits happen, and nobody is told. */
  losesAnswers = false

  constructor(kept = new MemoryEngine()) {
    super(kept)
    this.#kept = kept
  }

  restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    return this.#kept.restore(entries, newest)
  }

  override async commit(write: AtomicWrite): Promise<Commit> {
    const commit = await super.commit(write)
    if (!this.losesAnswers) return commit
    throw new EngineError('unavailable', 'The connection was lost.', { applied: 'unknown' })
  }

  async health(): Promise<EngineHealth> {
    this.timesAsked += 1
    return { ...sound, ...this.ill }
  }

  /** What a server lets go of is there for the next one. */
  override async close(): Promise<void> {}
}
