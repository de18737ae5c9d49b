import { leastBytesPerMs } from './bounds.ts'
import { CoatcheckError } from './errors.ts'

/**
 * How long one attempt may take: it ends if the other side does nothing for `timeoutMs`, if its
 * body comes too slowly, or if the caller's signal is aborted. Time in which nobody waits for the
 * network, as when the reader of a stream is slow, does not count.
 */
export class Patience {
  readonly #timeoutMs: number
  readonly #outer: AbortSignal | undefined
  readonly #ending = new AbortController()
  readonly #end = (): void => this.stop(this.#outer?.reason)
  #isOver = false
  /** The time that was spent waiting so far, in milliseconds. */
  #waitedMs = 0
  /** The bytes that came or went so far. */
  #bytes = 0
  /** Undefined while nobody waits for the network. */
  #turn: { readonly timer: ReturnType<typeof setTimeout>; readonly began: number } | undefined

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs
    this.#outer = signal
    if (signal?.aborted) this.#end()
    else signal?.addEventListener('abort', this.#end, { once: true })
  }

  /** Aborted when the attempt ends. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /**
   * Waits for the other side. `extraMs` is what it may take longer. Rejects with CoatcheckError
   * `timeout`, with `signal.reason`, or as `work` does.
   */
  async wait<Result>(work: Promise<Result>, extraMs = 0): Promise<Result> {
    this.resume(extraMs)
    try {
      return await this.untilEnd(work)
    } finally {
      this.hold()
    }
  }

  /** Waits for something else than the network: only the caller's signal ends that. */
  async untilEnd<Result>(work: Promise<Result>): Promise<Result> {
    const { promise: ended, reject } = Promise.withResolvers<never>()
    const giveUp = (): void => reject(this.signal.reason)
    if (this.signal.aborted) giveUp()
    this.signal.addEventListener('abort', giveUp, { once: true })
    try {
      // Not `work` alone: it may be a fetch of the caller's that knows no signals.
      return await Promise.race([work, ended])
    } catch (error) {
      // The failure may follow from the end: then what ended it says more.
      throw this.signal.aborted ? this.signal.reason : error
    } finally {
      this.signal.removeEventListener('abort', giveUp)
    }
  }

  /** It is the network's turn. */
  resume(extraMs = 0): void {
    this.hold()
    if (this.#isOver) return
    const timer = setTimeout(() => this.stop(this.#timeout()), this.#leftMs() + extraMs)
    this.#turn = { timer, began: performance.now() }
  }

  /** It is not the network's turn: the time stands still. */
  hold(): void {
    if (!this.#turn) return
    clearTimeout(this.#turn.timer)
    this.#waitedMs += performance.now() - this.#turn.began
    this.#turn = undefined
  }

  /** Counts bytes of a body that came or went. */
  moved(bytes: number): void {
    this.#bytes += bytes
  }

  /** Ends the attempt and what it still holds open. */
  stop(reason: unknown): void {
    this.#ending.abort(reason)
    this.release()
  }

  /** The attempt is over: the caller's signal no longer matters. */
  release(): void {
    this.#isOver = true
    this.hold()
    this.#outer?.removeEventListener('abort', this.#end)
  }

  #leftMs(): number {
    const slowest = this.#timeoutMs + this.#bytes / leastBytesPerMs - this.#waitedMs
    return Math.max(1, Math.min(this.#timeoutMs, slowest))
  }

  #timeout(): CoatcheckError {
    const what = this.#bytes === 0 ? 'did not answer' : 'was too slow'
    const message = `The server ${what}: the timeout is ${this.#timeoutMs} ms.`
    return new CoatcheckError(message, { status: 0, type: 'timeout' })
  }
}
