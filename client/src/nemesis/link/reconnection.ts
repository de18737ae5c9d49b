import { delayAfter, type Pace } from '../../waiting/pace.ts'
import { pause } from '../../waiting/pause.ts'

export const usualPace: Pace = { minDelayMs: 100, maxDelayMs: 10_000 }

/** Tries to connect again and again, with growing delays. */
export class Reconnection {
  readonly #pace: Pace
  readonly #stopping = new AbortController()

  constructor(pace: Pace) {
    this.#pace = pace
  }

  /**
   * Resolves when there is a connection, or after `stop`. `connect` rejects if it fails; `failed`
   * is called then.
   */
  async run(
    connect: (signal: AbortSignal) => Promise<void>,
    failed: (error: unknown) => void,
  ): Promise<void> {
    const { signal } = this.#stopping
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await pause(delayAfter(failures, this.#pace), signal)
        await connect(signal)
        return
      } catch (error) {
        // Try again: waiting commands are rejected only by their timeouts and by `close`.
        if (!signal.aborted) failed(error)
      }
    }
  }

  stop(): void {
    this.#stopping.abort()
  }
}
