import { machineCpuMs, ownCpuMs } from './process-usage.ts'

/**
 * The CPU time that other programs take while a row runs. It slows down the faster side of a ratio
 * more, and so makes the ratio look better than it is.
 */
export class Others {
  readonly #own = ownCpuMs()
  readonly #machine = machineCpuMs()

  /**
   * The part of all processors since this object was made. All processes that the row started must
   * have ended.
   */
  share(): number {
    const { busy, total } = machineCpuMs()
    const own = ownCpuMs() - this.#own
    return Math.max(0, busy - this.#machine.busy - own) / (total - this.#machine.total)
  }
}
