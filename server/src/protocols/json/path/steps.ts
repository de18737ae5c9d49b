import { JsonPathError } from './error.ts'

/** How many UTF-16 units of text are as much work as one value. */
const stepUnits = 64

/** Counts the work of one search, and stops it if it is too much. A step is about one value. */
export class Steps {
  #left: number

  constructor(max: number) {
    this.#left = max
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
