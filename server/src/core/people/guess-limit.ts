import type { Environment } from '../kernel/environment.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'

interface Window {
  /** By the monotonic clock. */
  readonly begunAt: number
  guesses: number
  /** The guesses themselves, if the caller passes them. */
  readonly seen: Set<string>
}

/** Counts the wrong guesses of each address, or of each user, within windows of a minute. */
export class GuessLimit {
  readonly #environment: Environment
  readonly #guessesMax: number
  readonly #what: string
  readonly #who: 'address' | 'user'
  readonly #windows = new Map<string, Window>()
  /** By address: the guesses that are being looked up, each with the number of requests. */
  readonly #open = new Map<string, Map<string, number>>()

  /** `what` names what is guessed, and `who` whose guesses are counted. */
  constructor(
    environment: Environment,
    guessesMax: number = limits.guessesMax,
    what: string = 'token',
    who: 'address' | 'user' = 'address',
  ) {
    this.#environment = environment
    this.#guessesMax = guessesMax
    this.#what = what
    this.#who = who
  }

  /**
   * Runs `look`, which looks up a possible guess. Meanwhile it counts as wrong, or else many
   * guesses at once would all pass. Equal guesses at the same time count once. Throws
   * `too-many-guesses`.
   */
  async during<T>(address: string, guess: string, look: () => Promise<T>): Promise<T> {
    const open = this.#open.get(address) ?? new Map<string, number>()
    if (!open.has(guess)) this.assertMayGuess(address)
    this.#open.set(address, open.set(guess, (open.get(guess) ?? 0) + 1))
    try {
      return await look()
    } finally {
      const others = (open.get(guess) ?? 1) - 1
      if (others > 0) open.set(guess, others)
      else open.delete(guess)
      if (open.size === 0) this.#open.delete(address)
    }
  }

  /** Throws `too-many-guesses`. */
  assertMayGuess(address: string): void {
    const wrong = this.#current(address)?.guesses ?? 0
    if (wrong + (this.#open.get(address)?.size ?? 0) < this.#guessesMax) return
    const sentence = `Too many wrong ${this.#what}s came from this ${this.#who}: wait a minute.`
    throw new StorageError('too-many-guesses', sentence)
  }

  /** Counts a wrong guess. With `guess` given, a repeated guess counts once in a window. */
  noteWrong(address: string, guess?: string): void {
    const begunAt = this.#environment.monotonic()
    const window = this.#current(address) ?? { begunAt, guesses: 0, seen: new Set() }
    if (guess !== undefined && window.seen.has(guess)) return
    if (guess !== undefined) window.seen.add(guess)
    window.guesses += 1
    this.#logWrong(address, window.guesses)
    // The address whose latest counted guess is oldest is removed first.
    this.#windows.delete(address)
    this.#windows.set(address, window)
    if (this.#windows.size <= limits.guessersMax) return
    for (const oldest of this.#windows.keys()) {
      this.#windows.delete(oldest)
      return
    }
  }

  /** Tells the operator once a window that guesses are wrong, and once that they are too many. */
  #logWrong(address: string, guesses: number): void {
    const log = (sentence: string): void =>
      this.#environment.logError(sentence, undefined, { isOfStranger: true })
    if (guesses === 1) log(`A wrong ${this.#what} came from ${address}`)
    if (guesses !== this.#guessesMax) return
    const seconds = limits.guessWindowMs / 1_000
    log(
      `${guesses} wrong ${this.#what}s came from ${address}: for up to ${seconds} s none is tried`,
    )
  }

  #current(address: string): Window | undefined {
    const window = this.#windows.get(address)
    const age = this.#environment.monotonic() - (window?.begunAt ?? -Infinity)
    return age < limits.guessWindowMs ? window : undefined
  }
}
