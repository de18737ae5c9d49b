import type { Environment } from './environment.ts'
import { GuessLimit } from './guess-limit.ts'
import { limits } from './limits.ts'

/** A page key that somebody comes with. */
export interface ShownKey {
  readonly channelId: string
  readonly pageKey: string
  /** The address that it came from. */
  readonly peer: string
}

/** No longer part of a wrong key is remembered. */
const pageKeyLengthMax = 100

/** Keeps guesses of page keys few; a key that was right before is none. */
export class PageKeys {
  readonly #guesses: GuessLimit
  /** The last right one of each channel. */
  readonly #right = new Map<string, string>()

  constructor(environment: Environment) {
    this.#guesses = new GuessLimit(environment, limits.pageKeyGuessesMax)
  }

  /** Throws `too-many-guesses`. */
  assertMayTry({ channelId, pageKey, peer }: ShownKey): void {
    if (this.#right.get(channelId) !== pageKey) this.#guesses.assertMayGuess(peer)
  }

  noteRight({ channelId, pageKey }: ShownKey): void {
    if (this.#right.get(channelId) === pageKey) return
    if (this.#right.size >= limits.cachedStoresMax) this.#right.clear()
    this.#right.set(channelId, pageKey)
  }

  /** A page that comes with the same again does not guess. */
  noteWrong({ channelId, pageKey, peer }: ShownKey): void {
    if (this.#right.get(channelId) === pageKey) this.#right.delete(channelId)
    this.#guesses.noteWrong(peer, `${channelId}/${pageKey.slice(0, pageKeyLengthMax)}`)
  }
}
