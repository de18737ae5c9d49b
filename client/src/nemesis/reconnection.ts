/** How often a lost connection is tried again. */
export interface Pace {
  /** Before the first attempt, in milliseconds; it doubles with every attempt. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

export const usualPace: Pace = { minDelayMs: 100, maxDelayMs: 10_000 }

/** Tries again and again, with pauses that grow. */
export class Reconnection {
  readonly #pace: Pace
  readonly #stopping = new AbortController()

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** Ends when there is a connection or it was stopped. `connect` rejects where it can't. */
  async run(connect: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      await this.#pause(attempt)
      if (signal.aborted) return
      try {
        await connect(signal)
        return
      } catch {
        // The next attempt may do better; who waits is told by `close` alone.
      }
    }
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** Half of it by chance, so that the clients of a server that starts don't come all at once. */
  #pause(attempt: number): Promise<void> {
    const { minDelayMs, maxDelayMs } = this.#pace
    const delay = Math.min(maxDelayMs, minDelayMs * 2 ** attempt)
    const { signal } = this.#stopping
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, delay / 2 + (Math.random() * delay) / 2)
      signal.addEventListener('abort', end)
    })
  }
}
