/** How long callers wait for work that consists of several operations of the engine. */
export interface Patience {
  /**
   * Runs `work` and returns its result. Rejects if it takes too long: with an unknown outcome after
   * `turn.begin()`, before that for certain without effect. The work may still go on then, but
   * nobody waits for it.
   */
  during<T>(work: (turn: Turn) => Promise<T>): Promise<T>
}

/** The state of work that somebody waits for. */
export interface Turn {
  /** Whether the caller has been told that it took too long. */
  readonly isOver: boolean
  /** From now on the work may change something. */
  begin(): void
}

/**
 * Runs work under the same key one after the other, first in, first out. So two writers of one
 * record in the same server never make each other's checks fail.
 *
 * With a `patience`, the wait for the turn and the work together are bounded. Work whose caller no
 * longer waits is left out when its turn comes.
 */
export class KeyQueue {
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #patience: Patience | undefined

  constructor(patience?: Patience) {
    this.#patience = patience
  }

  /**
   * Like `run`, but waits for its turn under every one of `keys`. It joins all queues at once, so
   * there can be no deadlock.
   */
  runAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    if (!this.#patience) return this.#join(keys, work)
    return this.#patience.during((turn) =>
      this.#join(keys, async () => {
        if (turn.isOver) throw new Error('Nobody waits for this any more.')
        turn.begin()
        return work()
      }),
    )
  }

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#patience ? this.runAll([key], work) : this.#joinOne(key, work)
  }

  #join<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const [only] = keys
    if (keys.length === 1 && only !== undefined) return this.#joinOne(only, work)
    const tails = keys.map((key) => this.#tails.get(key)).filter((tail) => tail !== undefined)
    const done = tails.length > 0 ? Promise.allSettled(tails).then(work) : work()
    for (const key of keys) this.#tails.set(key, done)
    const leave = (): void => {
      for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key)
    }
    done.then(leave, leave)
    return done
  }

  #joinOne<T>(key: string, work: () => Promise<T>): Promise<T> {
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
