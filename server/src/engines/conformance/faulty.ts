import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type EngineLimits,
  type Entry,
  type KeyRange,
  type Page,
  type Revision,
  type ScanBound,
  type StorageEngine,
} from '../../core/engine/engine.ts'
import type { Bytes } from '../../core/kernel/bytes.ts'

/** How often each fault happens: a probability from 0 to 1. */
export interface Faults {
  /** An operation waits for a moment, before or after it happens. */
  readonly delay: number
  /** A commit is refused as a conflict: nothing was done. */
  readonly conflict: number
  /** A commit fails before anything is done, and says so. */
  readonly failBefore: number
  /** A commit happens or not, and its answer is lost. */
  readonly unknown: number
}

export const delaysOnly: Faults = { delay: 0.5, conflict: 0, failBefore: 0, unknown: 0 }
export const allFaults: Faults = { delay: 0.2, conflict: 0.1, failBefore: 0.1, unknown: 0.1 }

/**
 * An engine with every fault that the contract allows. A seed makes a run repeatable. Delays matter
 * most: a race that needs a pause never shows on a fast engine.
 */
export class FaultyEngine implements StorageEngine {
  readonly isShared: boolean
  readonly #engine: StorageEngine
  readonly #faults: Faults
  readonly #chance: () => number

  /**
   * `isShared` must be true if commits may be called unknown: they may be applied, and then look
   * like commits of another server.
   */
  constructor(
    engine: StorageEngine,
    { faults, seed, isShared = true }: { faults: Faults; seed: number; isShared?: boolean },
  ) {
    this.isShared = isShared
    this.#engine = engine
    this.#faults = faults
    this.#chance = createChance(seed)
  }

  get limits(): EngineLimits {
    return this.#engine.limits
  }

  get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    return this.#delayed(async () => this.#engine.get(keys))
  }

  scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    return this.#delayed(() => this.#engine.scan(range, bound))
  }

  commit(write: AtomicWrite): Promise<Commit> {
    return this.#delayed(async () => {
      if (this.#happens(this.#faults.conflict)) throw new EngineError('conflict', 'Injected.')
      if (this.#happens(this.#faults.failBefore)) throw new EngineError('unavailable', 'Injected.')
      if (this.#happens(this.#faults.unknown)) return this.#commitAndLoseAnswer(write)
      return this.#engine.commit(write)
    })
  }

  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#engine.newerThan(revision, signal)
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  async #commitAndLoseAnswer(write: AtomicWrite): Promise<Commit> {
    if (this.#happens(0.5)) await this.#engine.commit(write)
    throw new EngineError('unavailable', 'Injected.', { applied: 'unknown' })
  }

  async #delayed<T>(work: () => Promise<T>): Promise<T> {
    await this.#pause()
    const result = await work()
    await this.#pause()
    return result
  }

  /** Waits some turns of the event loop, so that other operations run in between. */
  async #pause(): Promise<void> {
    if (!this.#happens(this.#faults.delay)) return
    const turns = 1 + Math.floor(this.#chance() * 4)
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
  }

  #happens(probability: number): boolean {
    return this.#chance() < probability
  }
}

/** mulberry32: small, and the same numbers for the same seed. */
export function createChance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
