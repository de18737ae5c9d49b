/**
 * First in, first out: what is run under one key runs one after the other. So writers of one record
 * never fail each other's checks inside a server.
 */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

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
