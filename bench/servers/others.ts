import { machineCpuMs, ownCpuMs } from './process-usage.ts'

/**
 * What other programs take of the machine while a row runs. They slow down the faster side of a
 * ratio more, and so make it look better than it is.
 */
export class Others {
  readonly #own = ownCpuMs()
  readonly #machine = machineCpuMs()

  /** As a part of all processors, since this was made. All that the row started must have ended. */
  share(): number {
    const { busy, total } = machineCpuMs()
    const own = ownCpuMs() - this.#own
    return Math.max(0, busy - this.#machine.busy - own) / (total - this.#machine.total)
  }
}
