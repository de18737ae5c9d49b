import type { Awaitable } from '../../../core/kernel/awaitable.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { Line, WorkTurns } from './work-turns.ts'

/** Who does the work. */
interface Worker {
  readonly turns: WorkTurns
  readonly client: { readonly line: Line }
  readonly room: { readonly isOpen: boolean }
}

/** The long work of one command, which is done in pieces. */
export class LongWork {
  readonly #worker: Worker
  #left = 0

  constructor(worker: Worker) {
    this.#worker = worker
  }

  /**
   * Must be called before each small piece. Waits for a turn once a large piece was done. Throws
   * `store-busy` if the connection has ended.
   */
  next(): Awaitable<void> {
    if (!this.#worker.room.isOpen) throw new StorageError('store-busy', 'The connection has ended.')
    if (this.#left > 0) return undefined
    this.#left = limits.workPerTurn
    return this.#worker.turns.next(this.#worker.client.line)
  }

  /** Counts work that was done. */
  done(units: number): void {
    this.#left -= units
  }
}
