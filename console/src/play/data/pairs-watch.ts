import { sentenceOf } from '../page/refusal.ts'
import type { Pairs, PairValues } from './pairs.ts'

const intervalMs = 1_000
/** The largest part of the time that reading may take. */
const shareOfTime = 1 / 10

export interface PairsListener {
  onPairs(values: PairValues): void
  /** Undefined: it works again. */
  onTrouble(sentence: string | undefined): void
}

/**
 * Follows the pairs of a project while the data is shown. Reads at once when the program has
 * changed a pair, and again and again because others may change pairs. One read at a time.
 */
export class PairsWatch {
  readonly #pairs: Pairs
  readonly #listener: PairsListener
  #changed = new Set<string>()
  #isWanted = false
  #isReading = false
  #isAllDue = false
  #timer: number | undefined
  #lastMs = 0

  constructor(pairs: Pairs, listener: PairsListener) {
    this.#pairs = pairs
    this.#listener = listener
    document.addEventListener('visibilitychange', this.#onVisibility)
  }

  /** Begins to follow, and reads all pairs at once. */
  look(): void {
    this.#isWanted = true
    this.#isAllDue = true
    this.#goOn()
  }

  /** A pair has changed. */
  note(key: string): void {
    this.#changed.add(key)
    this.#goOn()
  }

  /** Pauses until `look` is called. */
  rest(): void {
    this.#isWanted = false
    clearTimeout(this.#timer)
  }

  end(): void {
    this.rest()
    document.removeEventListener('visibilitychange', this.#onVisibility)
  }

  readonly #onVisibility = (): void => {
    if (this.#isWanted && document.visibilityState === 'visible') this.look()
  }

  #goOn(): void {
    if (!this.#isWanted || this.#isReading) return
    clearTimeout(this.#timer)
    const changed = this.#changed
    const isAllDue = this.#isAllDue
    this.#changed = new Set()
    this.#isAllDue = false
    if (isAllDue) this.#read(undefined)
    else if (changed.size > 0) this.#read(changed)
    else this.#wait()
  }

  #wait(): void {
    const waitMs = Math.max(intervalMs, this.#lastMs / shareOfTime)
    this.#timer = setTimeout(() => {
      if (document.visibilityState === 'visible') this.look()
    }, waitMs)
  }

  async #read(changed: ReadonlySet<string> | undefined): Promise<void> {
    this.#isReading = true
    const begunAt = performance.now()
    try {
      this.#show(await this.#pairs.read(changed))
    } catch (error) {
      const sentence = sentenceOf(error)
      if (this.#isWanted) this.#listener.onTrouble(sentence)
    } finally {
      this.#isReading = false
      if (!changed) this.#lastMs = performance.now() - begunAt
      this.#goOn()
    }
  }

  #show(values: PairValues): void {
    if (!this.#isWanted) return
    this.#listener.onTrouble(undefined)
    this.#listener.onPairs(values)
  }
}
