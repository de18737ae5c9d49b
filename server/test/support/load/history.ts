/** A write that was sent; `number` undefined: a deletion. */
export interface Write {
  readonly number: number | undefined
  readonly began: number
  /** Infinity: nobody said yet how it ended. */
  ended: number
}

/**
 * What one thing may be, given what was sent and what was acknowledged, whoever sent it: the
 * outcome of a write that no acknowledged write began after. Once a write is acknowledged, all that
 * was over before it began can never be seen again.
 */
export class History {
  #possible: Write[] = [{ number: undefined, began: 0, ended: 0 }]
  #now = 0
  #lastNumber = 0
  #lastDeleteBegan = 0

  /** A put, which has a number of its own. */
  beginPut(): Write & { readonly number: number } {
    this.#lastNumber += 1
    return this.#begin(this.#lastNumber)
  }

  beginDelete(): Write {
    const write = this.#begin(undefined)
    this.#lastDeleteBegan = write.began
    return write
  }

  /** For a reader that asks now, while others may write: what it may be told until it knows. */
  beginRead(): { allows(number: number | undefined): boolean } {
    const possible = new Set(this.#possible.map(({ number }) => number))
    const began = this.#now
    const newest = this.#lastNumber
    const isNew = (number: number | undefined): boolean =>
      number === undefined
        ? this.#lastDeleteBegan > began
        : number > newest && number <= this.#lastNumber
    return { allows: (number) => possible.has(number) || isNew(number) }
  }

  acknowledge(write: Write): void {
    this.#now += 1
    write.ended = this.#now
    this.#possible = this.#possible.filter(({ ended }) => ended >= write.began)
  }

  /**
   * Its sender was told nothing of how it ended, and that it goes on no more: it may have been
   * done, but not behind what begins from now on.
   */
  giveUp(write: Write): void {
    this.#now += 1
    write.ended = this.#now
  }

  /** Whether a reader that asks now may be told of `number`; undefined: of nothing. */
  allows(number: number | undefined): boolean {
    return this.#possible.some((write) => write.number === number)
  }

  /** Nothing is under way any more, and this is how it ended. */
  settle(number: number | undefined): void {
    this.#now += 1
    this.#possible = [{ number, began: this.#now, ended: this.#now }]
  }

  /** What it is where there is one possibility alone; `number` undefined: nothing. */
  get settled(): { readonly number: number | undefined } | undefined {
    return this.#possible.length === 1 ? this.#possible[0] : undefined
  }

  /** Changes with everything that happens to it. */
  get age(): number {
    return this.#now
  }

  /** What may be, for a sentence. */
  describe(): string {
    const numbers = this.#possible.map(({ number }) => (number === undefined ? 'none' : number))
    return [...new Set(numbers)].join(' or ')
  }

  #begin<T extends number | undefined>(number: T): Write & { readonly number: T } {
    this.#now += 1
    const write = { number, began: this.#now, ended: Number.POSITIVE_INFINITY }
    this.#possible.push(write)
    return write
  }
}
