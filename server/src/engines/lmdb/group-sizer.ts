/**
 * A group gets at least one commit per 0.006 ms that a sync takes. Each group costs about 0.1 ms by
 * itself, on this thread and on the one that writes. With smaller groups the event loop never
 * stands still, but the whole work takes longer.
 */
const workMs = 0.006

/**
 * Decides how many of the waiting commits go into the next group. With all of them in one group the
 * event loop stands still during its sync, since every client waits for it. With half of them it
 * serves one half of the clients while the commits of the other half are on their way to the disk.
 * That pays where serving a half takes longer than a sync.
 */
export class GroupSizer {
  readonly #now: () => number
  #decidedAt = 0
  #syncMs = 0
  #settled = 0

  /** `now` returns ms since any fixed moment. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * How many of the `waiting` commits to take. The clients of the last group count as well: they
   * are about to commit again.
   */
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
