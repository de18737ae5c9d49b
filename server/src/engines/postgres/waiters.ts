import { EngineError } from '../../core/engine/engine.ts'
import type { Patience, Turn } from '../../core/kernel/key-queue.ts'

interface Pending {
  readonly mayApply: boolean
  reject(error: unknown): void
}

/**
 * One call that waits for the database. It is settled once; whatever comes later is ignored, so
 * that a call can be answered before the work for it has ended.
 */
export class Waiter<T> implements Pending, Turn {
  /** Whether the call may have changed the database, so that its outcome is unknown. */
  mayApply = false
  readonly #settlers: PromiseWithResolvers<T>
  readonly #waiters: Waiters
  #isOver = false

  constructor(waiters: Waiters, settlers: PromiseWithResolvers<T>) {
    this.#waiters = waiters
    this.#settlers = settlers
  }

  /** Whether it is settled. */
  get isOver(): boolean {
    return this.#isOver
  }

  begin(): void {
    this.mayApply = true
  }

  /** What the caller waits for. */
  get answer(): Promise<T> {
    return this.#settlers.promise
  }

  resolve(value: T): void {
    this.#settle()
    this.#settlers.resolve(value)
  }

  reject(error: unknown): void {
    this.#settle()
    this.#settlers.reject(error)
  }

  #settle(): void {
    this.#isOver = true
    this.#waiters.forget(this)
  }
}

/**
 * The calls that wait for the database. Each waits `waitMsMax` in all, whatever it waits for: its
 * turn, a connection, a lock, an answer. Then it is rejected.
 *
 * There is one timer for all calls, since all wait equally long: the oldest is due first.
 */
export class Waiters implements Patience {
  readonly #waitMsMax: number
  /** By call: when it is due. The oldest comes first. */
  readonly #dueAt = new Map<Pending, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(waitMsMax: number) {
    this.#waitMsMax = waitMsMax
  }

  add<T>(): Waiter<T> {
    const waiter = new Waiter<T>(this, Promise.withResolvers<T>())
    this.#dueAt.set(waiter, performance.now() + this.#waitMsMax)
    this.#timer ??= this.#wake(this.#waitMsMax)
    return waiter
  }

  forget(waiter: Pending): void {
    this.#dueAt.delete(waiter)
  }

  /** See `Patience.during`. */
  during<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    const waiter = this.add<T>()
    work(waiter).then(
      (value) => waiter.resolve(value),
      (error) => waiter.reject(error),
    )
    return waiter.answer
  }

  #wake(waitMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#rejectDue(), Math.ceil(waitMs)).unref()
  }

  #rejectDue(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [waiter, dueAt] of this.#dueAt) {
      if (dueAt > now) {
        this.#timer = this.#wake(dueAt - now)
        return
      }
      waiter.reject(this.#overdue(waiter.mayApply))
    }
  }

  #overdue(mayApply: boolean): EngineError {
    const sentence = `PostgreSQL did not answer within ${this.#waitMsMax / 1_000} s.`
    return new EngineError('unavailable', sentence, { applied: mayApply ? 'unknown' : 'no' })
  }
}
