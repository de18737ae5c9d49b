import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type Entry,
  type Revision,
} from '../../../src/core/engine/engine.ts'
import type { EngineHealth, InstalledEngine } from '../../../src/core/engine/installed-engine.ts'
import { HurtEngine } from '../../../src/core/testing/hurt-engine.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { parsePostgresAddress } from '../../../src/engines/postgres/link/address.ts'

/** Settings of a server with a folder of its own and its data in a `KeptEngine`. */
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

/** An engine that several servers can share, that outlives them, and whose health a test sets. */
export class KeptEngine extends HurtEngine implements InstalledEngine {
  /** The health from now on, where it differs from `sound`. */
  ill: Partial<EngineHealth> = {}
  readonly #kept: MemoryEngine
  timesAsked = 0
  /** Commits are applied, but their answers are lost. */
  losesAnswers = false

  constructor(kept = new MemoryEngine()) {
    super(kept)
    this.#kept = kept
  }

  restore(entries: readonly Entry[], newest: Revision): Promise<void> {
    return this.#kept.restore(entries, newest)
  }

  moveOn(floorOf: (newest: Revision) => Revision): Promise<void> {
    return this.#kept.moveOn(floorOf)
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

  /** Does nothing: the next server uses the same engine. */
  override async close(): Promise<void> {}
}
