/** How long to wait between attempts to connect again. */
export interface Pace {
  /** The delay before the first attempt, in milliseconds; it doubles with every attempt. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

export const usualPace: Pace = { minDelayMs: 100, maxDelayMs: 10_000 }

/** Tries to connect again and again, with growing delays. */
export class Reconnection {
  readonly #pace: Pace
  readonly #stopping = new AbortController()

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /** Resolves when there is a connection, or after `stop`. `connect` rejects if it fails. */
  async run(connect: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      await this.#pause(attempt)
      if (signal.aborted) return
      try {
        await connect(signal)
        return
      } catch {
        // Try again: waiting commands are rejected only by `close`.
      }
    }
  }

  stop(): void {
    this.#stopping.abort()
  }

  /**
   * Half of the delay is random, so that clients do not all reconnect to a starting server at once.
   */
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
