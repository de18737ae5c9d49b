/**
 * Runs work under the same key one after the other, first in, first out. So two writers of one
 * record in the same server never make each other's checks fail.
 */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  /**
   * Like `run`, but waits for its turn under every one of `keys`. It joins all queues at once, so
   * there can be no deadlock.
   */
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
