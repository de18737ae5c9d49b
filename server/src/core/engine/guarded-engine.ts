import type { Awaitable } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
import type { Patience } from '../kernel/key-queue.ts'
import { limits } from '../kernel/limits.ts'
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
} from './engine.ts'
import type { EngineWatch } from './engine-watch.ts'
import type { News } from './news.ts'

/**
 * Wraps an engine: turns its failures into StorageErrors, and tries a commit again after a
 * conflict. `watch` learns what the engine refuses.
 */
export class GuardedEngine implements StorageEngine {
  readonly #engine: StorageEngine
  readonly #watch: EngineWatch | undefined

  constructor(engine: StorageEngine, watch?: EngineWatch) {
    this.#engine = engine
    this.#watch = watch
  }

  get limits(): EngineLimits {
    return this.#engine.limits
  }

  get isShared(): boolean {
    return this.#engine.isShared
  }

  async readClock(): Promise<number | undefined> {
    return this.#engine.readClock?.().catch(rethrow)
  }

  /** Rejects with StorageErrors. */
  get patience(): Patience | undefined {
    const { patience } = this.#engine
    return patience && { during: (work) => patience.during(work).catch(rethrow) }
  }

  get(keys: readonly Bytes[]): Awaitable<(Entry | undefined)[]> {
    try {
      const entries = this.#engine.get(keys)
      return entries instanceof Promise
        ? entries.then(this.#read, this.#readFailed)
        : this.#read(entries)
    } catch (error) {
      return this.#readFailed(error)
    }
  }

  scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    return this.#engine.scan(range, bound).then(this.#read, this.#readFailed)
  }

  /** `applied: false` always means that a check failed. */
  commit(write: AtomicWrite): Promise<Commit> {
    return this.#commit(write, limits.commitAttemptsMax)
  }

  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#engine.newerThan(revision, signal).catch(rethrow)
  }

  /** Where the engine can't tell the logs, each commit is news of any of them. */
  async newsAfter(place: number, signal: AbortSignal): Promise<News> {
    if (this.#engine.newsAfter) return this.#engine.newsAfter(place, signal).catch(rethrow)
    return { place: await this.newerThan(place, signal), logs: undefined }
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  #commit(write: AtomicWrite, attemptsLeft: number): Promise<Commit> {
    return this.#engine.commit(write).then(
      (commit) => {
        if (this.#watch?.writes.isRefusing && commit.applied) this.#watch.writes.served(write)
        return commit
      },
      (error) => {
        if (isConflict(error) && attemptsLeft > 1) return this.#commit(write, attemptsLeft - 1)
        this.#watch?.writes.refused(error, write)
        if (!isConflict(error)) return rethrow(error)
        throw new StorageError(
          'store-busy',
          'Too many writes at the same time: nothing was stored. Try again.',
        )
      },
    )
  }

  readonly #read = <T>(found: T): T => {
    if (this.#watch?.reads.isRefusing) this.#watch.reads.served()
    return found
  }

  readonly #readFailed = (error: unknown): never => {
    this.#watch?.reads.refused(error)
    return rethrow(error)
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof EngineError && error.failure === 'conflict' && error.applied === 'no'
}

function rethrow(error: unknown): never {
  if (!(error instanceof EngineError)) throw error
  if (error.applied === 'unknown') {
    throw new StorageError(
      'outcome-unknown',
      'The storage did not confirm this write: it may or may not be stored.',
      {
        cause: error,
      },
    )
  }
  if (error.failure === 'refused') throw error // a bug of ours: the domain sends no such write
  if (error.failure === 'damaged') {
    throw new StorageError('record-damaged', 'The stored data is damaged at this place.', {
      cause: error,
    })
  }
  if (error.failure === 'full') {
    throw new StorageError('storage-full', 'The storage is full.', { cause: error })
  }
  throw new StorageError('storage-unavailable', 'The storage cannot be reached now.', {
    cause: error,
  })
}
