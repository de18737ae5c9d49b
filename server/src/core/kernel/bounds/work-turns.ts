import type { Awaitable } from '../awaitable.ts'
import { limits } from '../limits.ts'
import { FairQueue } from './fair-queue.ts'

/** Who waits: a user or an address, and what distinguishes its own lines, such as connections. */
export type Line = readonly [owner: string, line: string]

interface Waiting {
  readonly units: number
  resume(): void
}

/**
 * Long work for all clients: searches, long values, long lists. In each turn of the event loop some
 * of it is done, and everything else is served between. A piece that was longer than that is paid
 * for with turns without long work: they pass at once where nobody else is served. Owners take
 * turns, and so do the lines of each owner.
 */
export class WorkTurns {
  readonly #waiting = new FairQueue<Waiting>()
  #lineCount = 0
  /** Units of work that may still begin in this turn of the event loop; below 0: a debt. */
  #left: number = limits.workPerTurn
  #isScheduled = false

  /** A line of its own, such as that of a new connection. */
  openLine(owner: string): Line {
    this.#lineCount += 1
    return [owner, String(this.#lineCount)]
  }

  /** Waits until a piece of work may be done, of about so many units. */
  next(line: Line, units: number = limits.workPerTurn): Awaitable<void> {
    if (this.#left > 0 && this.#waiting.size === 0) {
      this.spend(units)
      return undefined
    }
    return new Promise((resolve) => {
      this.#waiting.push(line, { units, resume: resolve })
      this.#schedule()
    })
  }

  /** Counts work that was not known before it was done. */
  spend(units: number): void {
    this.#left -= units
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#goOn)
  }

  /** A new turn of the event loop. */
  readonly #goOn = (): void => {
    this.#isScheduled = false
    this.#left = Math.min(this.#left + limits.workPerTurn, limits.workPerTurn)
    while (this.#left > 0) {
      const next = this.#waiting.shift()
      if (!next) break
      this.spend(next.units)
      next.resume()
    }
    if (this.#waiting.size > 0 || this.#left < limits.workPerTurn) this.#schedule()
  }
}
