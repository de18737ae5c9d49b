import { limits } from '../../core/kernel/limits.ts'

/**
 * Which connection sends next. In each turn of the event loop only so much is sent to clients that
 * take long answers, to all of them together: a client that takes 9 MB at once would hold up
 * everybody else meanwhile.
 */
export class OutputTurns {
  /** Bytes that may still be sent in this turn of the event loop. */
  #left: number = limits.socketBytesPerTurn
  /** Those that wait for the next turn, in the order in which they came. */
  readonly #waiting = new Set<() => void>()
  #isScheduled = false

  /**
   * Whether bytes may be sent now. If not, `resume` is called in a later turn of the event loop. It
   * must not throw.
   */
  mayTake(resume: () => void): boolean {
    if (this.#left > 0) return true
    this.#waiting.add(resume)
    return false
  }

  spend(bytes: number): void {
    this.#left -= bytes
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#goOn)
  }

  readonly #goOn = (): void => {
    this.#isScheduled = false
    this.#left = limits.socketBytesPerTurn
    for (const resume of this.#waiting) {
      if (this.#left <= 0) return
      this.#waiting.delete(resume)
      resume()
    }
  }
}
