/** A write that was sent. `number` is undefined for a deletion. */
export interface Write {
  readonly number: number | undefined
  readonly began: number
  /** Infinity while the outcome is unknown. */
  ended: number
}

/**
 * The possible values of one record, from all writes that were sent and acknowledged. After a write
 * is acknowledged, the outcome of each write that had ended before it began is impossible.
 */
export class History {
  #possible: Write[] = [{ number: undefined, began: 0, ended: 0 }]
  #now = 0
  #lastNumber = 0
  #lastDeleteBegan = 0

  /** Begins a put, which gets a new number. */
  beginPut(): Write & { readonly number: number } {
    this.#lastNumber += 1
    return this.#begin(this.#lastNumber)
  }

  beginDelete(): Write {
    const write = this.#begin(undefined)
    this.#lastDeleteBegan = write.began
    return write
  }

  /** Begins a read while others may write; `allows` says which values it may return. */
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
   * The outcome of this write is unknown, but the write has ended: it may be applied, but only
   * before writes that begin from now on.
   */
  giveUp(write: Write): void {
    this.#now += 1
    write.ended = this.#now
  }

  /** Whether a read that begins now may return `number`; undefined: no value. */
  allows(number: number | undefined): boolean {
    return this.#possible.some((write) => write.number === number)
  }

  /** All writes have ended, and `number` was read: it is the only possible value. */
  settle(number: number | undefined): void {
    this.#now += 1
    this.#possible = [{ number, began: this.#now, ended: this.#now }]
  }

  /** The value if only one is possible; `number` undefined: no value. */
  get settled(): { readonly number: number | undefined } | undefined {
    return this.#possible.length === 1 ? this.#possible[0] : undefined
  }

  /** Changes with every event. */
  get age(): number {
    return this.#now
  }

  /** The possible values, as words for a sentence. */
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
