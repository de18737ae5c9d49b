/**
 * Sends all replies of one turn of the event loop together, at the end of the turn. The first byte
 * wakes a client that sleeps: waking it for each of many replies costs more than writing them.
 */
export class Outbox {
  #letters: (() => void)[] = []

  /** `send` must not throw: the replies behind it would be lost. */
  add(send: () => void): void {
    if (this.#letters.push(send) === 1) setImmediate(() => this.#sendAll())
  }

  #sendAll(): void {
    const letters = this.#letters
    this.#letters = []
    for (const send of letters) send()
  }
}
