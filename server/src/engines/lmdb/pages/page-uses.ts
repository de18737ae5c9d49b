/** What each page of a file is for. Nothing may be in two places. */
export class PageUses {
  /** The number of the last page. */
  readonly last: number
  readonly #uses: Uint8Array

  constructor(last: number, metaPages: number) {
    this.last = last
    this.#uses = new Uint8Array(last + 1).fill(1, 0, metaPages)
  }

  /**
   * Takes `count` pages from `first` on. Returns what is wrong with that: a clause such as `page 7,
   * which is in use already`; undefined: nothing.
   */
  take(first: number, count = 1): string | undefined {
    const end = first + count
    if (!(first >= 0 && count >= 1 && end <= this.last + 1)) {
      return `page ${first}, but the last page is ${this.last}`
    }
    for (let page = first; page < end; page += 1) {
      if (this.#uses[page] !== 0) return `page ${page}, which is in use or free already`
      this.#uses[page] = 1
    }
    return undefined
  }
}
