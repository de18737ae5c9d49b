/**
 * So many ms of a sync are worth a further commit in its group. Each group costs about a tenth of a
 * millisecond by itself, on this thread and on the one that writes: with smaller ones, though the
 * event loop never stands still, all of it takes longer.
 */
const workMs = 0.006

/**
 * How many of the commits that wait go into the next group. With all of them in one group the
 * event loop stands still during its sync, since everybody waits for it. With half of them it
 * serves the one half while the other is on its way to the disk, which pays where serving a half
 * takes longer than a sync.
 */
export class Pace {
  readonly #now: () => number
  #decidedAt = 0
  #syncMs = 0
  #settled = 0

  /** `now` counts ms from anywhere. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** How many of `waiting` commits to take; those of the last group are about to come again. */
  countFor(waiting: number): number {
    const half = Math.ceil((waiting + this.#settled) / 2)
    return Math.min(waiting, Math.max(half, Math.ceil(this.#syncMs / workMs)))
  }

  decided(count: number): void {
    this.#settled = count
    this.#decidedAt = this.#now()
  }

  concluded(): void {
    this.#syncMs = this.#now() - this.#decidedAt
  }
}
