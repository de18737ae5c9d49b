import { EngineError, type Revision } from './engine.ts'

interface Waiter {
  readonly revision: Revision
  resolve(revision: Revision): void
  reject(reason: unknown): void
}

/** The newest readable revision of an engine, and those who wait for a newer one. */
export class Newest {
  #revision: Revision
  readonly #waiters = new Set<Waiter>()

  constructor(revision: Revision) {
    this.#revision = revision
  }

  get revision(): Revision {
    return this.#revision
  }

  /** Says that `revision` can be read now, and wakes whoever waited for it. */
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

  /** The engine closes: whoever still waits is refused. */
  close(): void {
    for (const waiter of this.#waiters) {
      waiter.reject(new EngineError('closed', 'The engine is closed.'))
    }
  }
}
