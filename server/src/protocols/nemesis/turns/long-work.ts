import type { Awaitable } from '../../../core/kernel/awaitable.ts'
import type { Line, WorkTurns } from '../../../core/kernel/bounds/work-turns.ts'
import { StorageError } from '../../../core/kernel/errors.ts'

/** Who does the work. */
interface Worker {
  readonly domain: { readonly turns: WorkTurns }
  readonly client: { readonly line: Line }
  readonly room: { readonly isOpen: boolean }
}

/** The long work of one command, which is done in pieces. */
export class LongWork {
  readonly #worker: Worker

  constructor(worker: Worker) {
    this.#worker = worker
  }

  /**
   * Must be called before each piece: waits until it may be done. A unit is about a character, or a
   * step of a search. Throws `store-busy` if the connection has ended.
   */
  next(units: number): Awaitable<void> {
    const { room, domain, client } = this.#worker
    if (!room.isOpen) throw new StorageError('store-busy', 'The connection has ended.')
    return domain.turns.next(client.line, units)
  }

  /** Counts work that was not known before it was done. */
  spend(units: number): void {
    this.#worker.domain.turns.spend(units)
  }
}
