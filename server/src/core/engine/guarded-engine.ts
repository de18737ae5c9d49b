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
 * An engine whose failures are the domain's: it throws StorageErrors, and tries again after a
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

  /** `applied: false` says that a check failed, and nothing else. */
  commit(write: AtomicWrite): Promise<Commit> {
    return this.#commit(write, limits.commitAttemptsMax)
  }

  #commit(write: AtomicWrite, attemptsLeft: number): Promise<Commit> {
    return this.#engine.commit(write).catch((error) => {
      if (!isConflict(error)) return rethrow(error)
      if (attemptsLeft > 1) return this.#commit(write, attemptsLeft - 1)
      throw new StorageError('store-busy', 'The storage could not order this write among others.')
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
    throw new StorageError('outcome-unknown', 'It is not known whether this was stored.', {
      cause: error,
    })
  }
  if (error.failure === 'refused') throw error // our own mistake: the domain asks for nothing like that
  if (error.failure === 'damaged') {
    throw new StorageError('record-damaged', 'The storage is damaged here.', { cause: error })
  }
  if (error.failure === 'full') {
    throw new StorageError('storage-full', 'The storage is full.', { cause: error })
  }
  throw new StorageError('storage-unavailable', 'The storage can not be reached now.', {
    cause: error,
  })
}
