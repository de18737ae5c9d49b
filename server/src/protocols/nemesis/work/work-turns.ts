import type { Awaitable } from '../../../core/kernel/awaitable.ts'
import { FairQueue } from '../../../core/kernel/bounds/fair-queue.ts'

/** The line of one connection: its user, and its number. */
export type Line = readonly [user: string, connection: string]

/**
 * Long work of all connections: searches, long values, long lists. In each turn of the event loop
 * one piece of it is done, and everything else is served between. Users take turns, and so do the
 * connections of each user.
 */
export class WorkTurns {
  readonly #waiting = new FairQueue<() => void>()
  #lineCount = 0
  /** Whether a piece was done in this turn of the event loop. */
  #isTaken = false

  openLine(userId: string): Line {
    this.#lineCount += 1
    return [userId, String(this.#lineCount)]
  }

  /** Waits until a piece of work may be done. */
  next(line: Line): Awaitable<void> {
    if (!this.#isTaken) {
      this.#isTaken = true
      setImmediate(this.#goOn)
      return undefined
    }
    return new Promise((resolve) => {
      this.#waiting.push(line, resolve)
    })
  }

  readonly #goOn = (): void => {
    const resume = this.#waiting.shift()
    this.#isTaken = resume !== undefined
    if (!resume) return
    setImmediate(this.#goOn)
    resume()
  }
}
