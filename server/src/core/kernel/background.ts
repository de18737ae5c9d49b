import type { Environment } from './environment.ts'
import { isRefusedByEngine } from './errors.ts'

/** Work that no caller waits for. Its own failures go to the log, and closing waits for it. */
export class Background {
  readonly #running = new Set<Promise<void>>()
  readonly #environment: Environment

  constructor(environment: Environment) {
    this.#environment = environment
  }

  start(what: string, work: Promise<unknown>): void {
    const done = work.then(
      () => undefined,
      (error) => {
        if (!isRefusedByEngine(error)) this.#environment.logError(`${what} failed`, error)
      },
    )
    this.#running.add(done)
    done.then(() => this.#running.delete(done))
  }

  /** Resolves once all work has ended, including work that starts meanwhile. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
