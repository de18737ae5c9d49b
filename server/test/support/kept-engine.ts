import { type AtomicWrite, type Commit, EngineError } from '../../src/core/engine.ts'
import type { EngineHealth } from '../../src/core/installed-engine.ts'
import { HurtEngine } from '../../src/core/testing.ts'
import { MemoryEngine } from '../../src/engines/memory.ts'
import type { OpenedEngine } from '../../src/engines/open.ts'

const sound: EngineHealth = {
  whyNot: undefined,
  durability: 'single',
  notes: [],
  now: undefined,
}

/** An engine that outlives its servers, several at once, and is as well as a test says. */
export class KeptEngine extends HurtEngine implements OpenedEngine {
  /** How it is from now on, where that is not sound. */
  ill: Partial<EngineHealth> = {}
  timesAsked = 0
  /** Commits happen, and nobody is told. */
  losesAnswers = false

  constructor() {
    super(new MemoryEngine())
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
