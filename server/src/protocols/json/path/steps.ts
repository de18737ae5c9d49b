import { JsonPathError } from './error.ts'

/** How many UTF-16 units of text are as much work as one value. */
const stepUnits = 64

/** Counts the work of one search, and stops it if it is too much. A step is about one value. */
export class Steps {
  readonly #max: number
  #left: number

  constructor(max: number) {
    this.#max = max
    this.#left = max
  }

  get left(): number {
    return Math.max(0, this.#left)
  }

  get spent(): number {
    return this.#max - this.#left
  }

  /** Counts work that was already done, and never throws. */
  count(done: number): void {
    this.#left -= done
  }

  /** Throws JsonPathError. */
  spend(count: number): void {
    this.#left -= count
    if (this.#left < 0) throw new JsonPathError('The JSONPath looks at too many values.')
  }

  /** Counts the reading of a text of that length. Throws JsonPathError. */
  spendOnText(length: number): void {
    this.spend(1 + length / stepUnits)
  }
}
