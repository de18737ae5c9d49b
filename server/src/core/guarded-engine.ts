import type {
  AtomicWrite,
  Bytes,
  Commit,
  EngineLimits,
  Entry,
  KeyRange,
  Page,
  Revision,
  ScanBound,
  StorageEngine,
} from './engine.ts'
import { EngineError } from './engine.ts'
import { StorageError } from './errors.ts'

/** An engine whose failures are the domain's: it throws StorageErrors, and a conflict is a failed check. */
export class GuardedEngine implements StorageEngine {
  readonly #engine: StorageEngine

  constructor(engine: StorageEngine) {
    this.#engine = engine
  }

  get limits(): EngineLimits {
    return this.#engine.limits
  }

  get(keys: readonly Bytes[]): Promise<(Entry | undefined)[]> {
    return this.#engine.get(keys).catch(rethrow)
  }

  scan(range: KeyRange, bound: ScanBound): Promise<Page> {
    return this.#engine.scan(range, bound).catch(rethrow)
  }

  commit(write: AtomicWrite): Promise<Commit> {
    return this.#engine.commit(write).catch((error) => {
      if (error instanceof EngineError && error.failure === 'conflict' && error.applied === 'no') {
        return { applied: false } as const
      }
      return rethrow(error)
    })
  }

  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    return this.#engine.newerThan(revision, signal).catch(rethrow)
  }

  close(): Promise<void> {
    return this.#engine.close()
  }
}

function rethrow(error: unknown): never {
  if (!(error instanceof EngineError)) throw error
  if (error.applied === 'unknown') {
    throw new StorageError('outcome-unknown', 'It is not known whether this was stored.', {
      cause: error,
    })
  }
  if (error.failure === 'refused') throw error // our own mistake: the domain asks for nothing like that
  if (error.failure === 'full') {
    throw new StorageError('storage-full', 'The storage is full.', { cause: error })
  }
  throw new StorageError('storage-unavailable', 'The storage can not be reached now.', {
    cause: error,
  })
}
