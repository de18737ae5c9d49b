import type { Environment } from './environment.ts'
import { StorageError } from './errors.ts'
import { limits } from './limits.ts'

interface Window {
  readonly begunAt: number
  guesses: number
}

/** Counts the wrong guesses of each address, within windows of a minute. */
export class GuessLimit {
  readonly #environment: Environment
  readonly #guessesMax: number
  readonly #windows = new Map<string, Window>()

  constructor(environment: Environment, guessesMax: number = limits.guessesMax) {
    this.#environment = environment
    this.#guessesMax = guessesMax
  }

  /** Throws `too-many-guesses`. */
  assertMayGuess(address: string): void {
    const window = this.#current(address)
    if (!window || window.guesses < this.#guessesMax) return
    const sentence = 'Too many wrong tokens came from this address: wait a minute.'
    throw new StorageError('too-many-guesses', sentence)
  }

  noteWrong(address: string): void {
    const window = this.#current(address) ?? { begunAt: this.#environment.now(), guesses: 0 }
    window.guesses += 1
    // The one that is not counted for longest goes first.
    this.#windows.delete(address)
    this.#windows.set(address, window)
    if (this.#windows.size <= limits.guessersMax) return
    for (const oldest of this.#windows.keys()) {
      this.#windows.delete(oldest)
      return
    }
  }

  #current(address: string): Window | undefined {
    const window = this.#windows.get(address)
    const age = this.#environment.now() - (window?.begunAt ?? 0)
    return age >= 0 && age < limits.guessWindowMs ? window : undefined
  }
}
