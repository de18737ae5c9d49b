/**
 * Runs the calls of one key one after the other, in the order in which they were made. Calls of
 * different keys do not wait for each other. While the page is being left, nobody waits: everything
 * is sent at once.
 */
export class KeyTurns {
  readonly #last = new Map<string, Promise<unknown>>()
  #isLeaving = false
  #release: () => void = () => undefined
  #left = this.#untilLeft()

  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** The page is left: what waits is sent now. */
  leave(): void {
    this.#isLeaving = true
    this.#release()
  }

  /** The browser shows the page again. */
  stay(): void {
    this.#isLeaving = false
    this.#left = this.#untilLeft()
  }

  /** If nobody waits, `call` runs before this returns. */
  run<T>(key: string, call: () => Promise<T>): Promise<T> {
    const before = this.#isLeaving ? undefined : this.#last.get(key)
    const done = before ? Promise.race([before, this.#left]).then(call, call) : call()
    this.#last.set(key, done)
    const end = (): void => {
      if (this.#last.get(key) === done) this.#last.delete(key)
    }
    done.then(end, end)
    return done
  }

  /** Older browsers have no `Promise.withResolvers`. */
  #untilLeft(): Promise<void> {
    return new Promise((resolve) => {
      this.#release = resolve
    })
  }
}
