/**
 * First in, first out: what is run under one key runs one after the other. So writers of one record
 * never fail each other's checks inside a server.
 */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** As `run`, in turn of all of these keys: nobody waits for each other in a circle. */
  runAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const [only] = keys
    if (keys.length === 1 && only !== undefined) return this.run(only, work)
    const tails = keys.map((key) => this.#tails.get(key)).filter((tail) => tail !== undefined)
    const done = tails.length > 0 ? Promise.allSettled(tails).then(work) : work()
    for (const key of keys) this.#tails.set(key, done)
    const leave = (): void => {
      for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key)
    }
    done.then(leave, leave)
    return done
  }

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const tail = this.#tails.get(key)
    const done = tail ? tail.then(work, work) : work()
    this.#tails.set(key, done)
    const leave = (): void => {
      if (this.#tails.get(key) === done) this.#tails.delete(key)
    }
    done.then(leave, leave)
    return done
  }
}
