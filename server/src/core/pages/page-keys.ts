import { LRUCache } from 'lru-cache'
import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'
import { GuessLimit } from '../people/guess-limit.ts'
import { isWellMadePageKey } from './project.ts'

/** A page key that somebody comes with. */
export interface ShownKey {
  readonly channelId: string
  readonly pageKey: string
  /** The address that it came from. */
  readonly peer: string
}

/** No longer part of a wrong key is remembered. */
const pageKeyLengthMax = 100

/**
 * Keeps guesses of page keys few. One that was right before is none, and nobody guesses one that
 * Coatcheck made: many pages behind one address may come with an old one.
 */
export class PageKeys {
  readonly #guesses: GuessLimit
  /** The last right one of each channel. */
  readonly #right = new LRUCache<string, string>({ max: limits.cachedStoresMax })

  constructor(environment: Environment) {
    this.#guesses = new GuessLimit(environment, limits.pageKeyGuessesMax)
  }

  /**
   * Tries a key. While that is being looked up it counts as a wrong one. Throws `too-many-guesses`,
   * and as `look`.
   */
  during<T>(shown: ShownKey, look: () => Promise<T>): Promise<T> {
    const { channelId, pageKey } = shown
    if (this.#right.get(channelId) === pageKey || isWellMadePageKey(pageKey)) return look()
    return this.#guesses.during(shown.peer, guessOf(shown), look)
  }

  noteRight({ channelId, pageKey }: ShownKey): void {
    if (this.#right.get(channelId) === pageKey) return
    this.#right.set(channelId, pageKey)
  }

  /** A page that comes with the same again does not guess. */
  noteWrong(shown: ShownKey): void {
    const { channelId, pageKey, peer } = shown
    if (this.#right.get(channelId) === pageKey) this.#right.delete(channelId)
    if (!isWellMadePageKey(pageKey)) this.#guesses.noteWrong(peer, guessOf(shown))
  }
}

function guessOf({ channelId, pageKey }: ShownKey): string {
  return `${channelId}/${pageKey.slice(0, pageKeyLengthMax)}`
}
