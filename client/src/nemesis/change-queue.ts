import type { Members } from '../json/json-members.ts'

/** How many changes wait at most for their reader. */
const changesMax = 10_000

/**
 * The changes of one watch that its reader has not taken yet. If they become too many, no further
 * ones are kept, and `items` ends after those that are: a new watch goes on from there.
 */
export class ChangeQueue {
  /** The number of the watch; undefined before the server has given one. */
  watch: string | undefined
  readonly #changes: Members[] = []
  #isLost = false
  #isFull = false
  #wake: (() => void) | undefined

  /** Whether the connection was lost. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** Undefined: the connection was lost. */
  push(change: Members | undefined): void {
    if (change === undefined) this.#isLost = true
    else if (this.#changes.length >= changesMax) this.#isFull = true
    else if (!this.#isFull) this.#changes.push(change)
    this.#wake?.()
  }

  /** Ends when the connection is lost or changes were left out. Throws `signal.reason`. */
  async *items(signal: AbortSignal | undefined): AsyncGenerator<Members, void, undefined> {
    for (;;) {
      signal?.throwIfAborted()
      for (const change of this.#changes.splice(0)) yield change
      if (this.#changes.length > 0) continue
      if (this.#isLost || this.#isFull) return
      await this.#news(signal)
    }
  }

  #news(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake)
        this.#wake = undefined
        resolve()
      }
      this.#wake = wake
      signal?.addEventListener('abort', wake, { once: true })
    })
  }
}
