import { addressGroup } from '../kernel/bounds/address-group.ts'
import type { Environment } from '../kernel/environment.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import { GuessLimit } from '../people/guess-limit.ts'
import { isWellMadePageKey } from './project.ts'

/** A page key that a page sends. */
export interface ShownKey {
  readonly channelId: string
  readonly pageKey: string
  /** The address that it came from. */
  readonly peer: string
}

/**
 * Limits guesses of page keys. A key that was right before does not count as a guess. Nor does a
 * key with the form of Coatcheck's keys, which can't be guessed: many pages behind one address may
 * send the same old key.
 */
export class PageKeys {
  readonly #guesses: GuessLimit
  /** By channel id: the last right key. */
  readonly #right = lruCache<string, string>(limits.cachedStoresMax)

  constructor(environment: Environment) {
    this.#guesses = new GuessLimit(environment, limits.pageKeyGuessesMax, 'page key')
  }

  /**
   * Runs `look`, which tries a key. Meanwhile the key counts as wrong. Throws `too-many-guesses`,
   * and what `look` throws.
   */
  during<T>(shown: ShownKey, look: () => Promise<T>): Promise<T> {
    const { channelId, pageKey } = shown
    if (this.#right.get(channelId) === pageKey || isWellMadePageKey(pageKey)) return look()
    return this.#guesses.during(addressGroup(shown.peer), guessOf(shown), look)
  }

  noteRight({ channelId, pageKey }: ShownKey): void {
    if (this.#right.get(channelId) === pageKey) return
    this.#right.set(channelId, pageKey)
  }

  /** The same wrong key counts once, however often pages send it. */
  noteWrong(shown: ShownKey): void {
    const { channelId, pageKey, peer } = shown
    if (this.#right.get(channelId) === pageKey) this.#right.delete(channelId)
    if (!isWellMadePageKey(pageKey)) this.#guesses.noteWrong(addressGroup(peer), guessOf(shown))
  }
}

function guessOf({ channelId, pageKey }: ShownKey): string {
  return `${channelId}/${pageKey.slice(0, limits.guessLengthMax)}`
}
