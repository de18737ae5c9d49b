import type { Awaitable } from '../kernel/awaitable.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { StorageError } from '../kernel/errors.ts'
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

/**
 * Wraps an engine: turns its failures into StorageErrors, and tries a commit again after a
 * conflict.
 */
export class GuardedEngine implements StorageEngine {
  readonly #engine: StorageEngine

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  get limits(): EngineLimits {
    return this.#engine.limits
  }

  get isShared(): boolean {
    return this.#engine.isShared
  }

  get(keys: readonly Bytes[]): Awaitable<(Entry | undefined)[]> {
    try {
      const entries = this.#engine.get(keys)
      return entries instanceof Promise ? entries.catch(rethrow) : entries
    } catch (error) {
      return rethrow(error)
    }
  }

  scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    return this.#engine.scan(range, bound).catch(rethrow)
  }

  /** `applied: false` always means that a check failed. */
  commit(write: AtomicWrite): Promise<Commit> {
    return this.#commit(write, limits.commitAttemptsMax)
  }

  #commit(write: AtomicWrite, attemptsLeft: number): Promise<Commit> {
    return this.#engine.commit(write).catch((error) => {
      if (!isConflict(error)) return rethrow(error)
      if (attemptsLeft > 1) return this.#commit(write, attemptsLeft - 1)
      throw new StorageError(
        'store-busy',
        'Too many writes at the same time: nothing was stored. Try again.',
      )
    })
  }

  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#engine.newerThan(revision, signal).catch(rethrow)
  }

  close(): Promise<void> {
    return this.#engine.close()
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
