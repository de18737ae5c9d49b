/**
 * Tells the watchers of a store at once that this server has committed changes to it. Costs one
 * look-up for stores that nobody watches.
 */
export class ChangeBell {
  readonly #listeners = new Map<string, () => void>()

  /** One listener for each store, until this is disposed of. It must not throw. */
  listen(storeId: string, listener: () => void): Disposable {
    this.#listeners.set(storeId, listener)
    return {
      [Symbol.dispose]: () => {
        if (this.#listeners.get(storeId) === listener) this.#listeners.delete(storeId)
      },
    }
  }

  ring(storeId: string): void {
    this.#listeners.get(storeId)?.()
  }
}
