import { sentenceOf } from '../page/refusal.ts'
import type { Pairs, PairValues } from './pairs.ts'

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
  #isOver = false
  #isReading = false
  #isAllDue = false
  #timer: number | undefined
  /** How long the last successful read of all pairs took, and when the last one ended. */
  #lastMs = 0
  #allReadAt = 0

  constructor(pairs: Pairs, listener: PairsListener) {
    this.#pairs = pairs
    this.#listener = listener
    document.addEventListener('visibilitychange', this.#onVisibility)
  }

  /** Begins to follow, and reads all pairs at once, unless it has ended. */
  look(): void {
    if (this.#isOver) return
    this.#isWanted = true
    this.#isAllDue = true
    this.#goOn()
  }

  /** A pair has changed. */
  note(key: string): void {
    // Else `look` reads all pairs anyway.
    if (!this.#isWanted) return
    this.#changed.add(key)
    this.#goOn()
  }

  /** Pauses until `look` is called. */
  rest(): void {
    this.#isWanted = false
    clearTimeout(this.#timer)
  }

  /** Ends for good: actions that are still going on may call `look` later. */
  end(): void {
    this.#isOver = true
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
    const isAllDue = this.#isAllDue || (changed.size > 0 && this.#waitMs === 0)
    this.#changed = new Set()
    this.#isAllDue = false
    if (isAllDue) this.#read(undefined)
    else if (changed.size > 0) this.#read(changed)
    else this.#wait()
  }

  /** How long until all pairs are due, however often single pairs change meanwhile. */
  get #waitMs(): number {
    const pauseMs = Math.max(this.#pairs.pauseMs, this.#lastMs / shareOfTime)
    return Math.max(0, this.#allReadAt + pauseMs - performance.now())
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      if (document.visibilityState === 'visible') this.look()
    }, this.#waitMs)
  }

  async #read(changed: ReadonlySet<string> | undefined): Promise<void> {
    this.#isReading = true
    const begunAt = performance.now()
    try {
      const values = await this.#pairs.read(changed)
      // A read that failed says nothing about how long reading takes.
      if (!changed) this.#lastMs = performance.now() - begunAt
      this.#show(values)
    } catch (error) {
      const sentence = sentenceOf(error)
      if (this.#isWanted) this.#listener.onTrouble(sentence)
    } finally {
      this.#isReading = false
      if (!changed) this.#allReadAt = performance.now()
      this.#goOn()
    }
  }

  #show(values: PairValues): void {
    // If all are due, the user has changed a pair since: these may be older than that.
    if (!this.#isWanted || this.#isAllDue) return
    this.#listener.onTrouble(undefined)
    this.#listener.onPairs(values)
  }
}
