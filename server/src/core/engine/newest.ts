import { EngineError, type Revision } from './engine.ts'

interface Waiter {
  readonly revision: Revision
  resolve(revision: Revision): void
  reject(reason: unknown): void
}

/** The newest readable revision of an engine, and the callers that wait for a newer one. */
export class Newest {
  #revision: Revision
  readonly #waiters = new Set<Waiter>()

  constructor(revision: Revision) {
    this.#revision = revision
  }

  get revision(): Revision {
    return this.#revision
  }

  /** To be called when `revision` can be read: wakes the callers that waited for it. */
  advance(revision: Revision): void {
    if (revision <= this.#revision) return
    this.#revision = revision
    for (const waiter of this.#waiters) {
      if (revision > waiter.revision) waiter.resolve(revision)
    }
  }

  /** See `StorageEngine.newerThan`. */
  newerThan(revision: Revision, signal: AbortSignal): Promise<Revision> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.#revision > revision) return Promise.resolve(this.#revision)
    const { promise, resolve, reject } = Promise.withResolvers<Revision>()
    const waiter: Waiter = { revision, resolve, reject }
    const abort = (): void => reject(signal.reason)
    this.#waiters.add(waiter)
    signal.addEventListener('abort', abort)
    return promise.finally(() => {
      this.#waiters.delete(waiter)
      signal.removeEventListener('abort', abort)
    })
  }

  /** To be called when the engine closes: rejects all waiting callers. */
  close(): void {
    for (const waiter of this.#waiters) {
      waiter.reject(new EngineError('closed', 'The engine is closed.'))
    }
  }
}
