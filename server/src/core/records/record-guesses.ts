import { recordKey } from '../disk/keyspace.ts'
import type { Revision } from '../engine/engine.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { limits } from '../kernel/limits.ts'
import { lruCache } from '../kernel/lru-cache.ts'
import type { RecordInfo } from '../values/record-info.ts'
import type { Replaced, Replacement } from './record-write.ts'

interface Guess extends Replaced {
  readonly contentId: Buffer
}

/** The part of a record's info that is remembered. */
type Kept = Pick<RecordInfo, 'size' | 'place'>

/**
 * A wrong guess wastes a commit, a right one saves a read. If one guess in 16 is wrong, guessing is
 * as fast as reading.
 */
const missCost = 16

/**
 * The records that this server wrote recently, as it left them: a guess, which the check of the
 * next write confirms. So a record that is written again and again is not read each time.
 */
export class RecordGuesses {
  readonly #guesses = lruCache<string, Guess>(limits.guessedRecordsMax)
  /** How many writes do without a guess after a wrong one. */
  #pause = 0
  #left = 0

  /**
   * Whether the next write should guess: not after wrong guesses, which mean that other servers
   * write the same records.
   */
  isWorthwhile(): boolean {
    if (this.#left === 0) return true
    this.#left -= 1
    return false
  }

  /** To be called with the outcome of each guess. */
  learn({ wasRight }: { wasRight: boolean }): void {
    const pause = wasRight ? this.#pause - 1 : this.#pause + missCost
    this.#pause = Math.max(0, Math.min(limits.guessPauseWritesMax, pause))
    if (!wasRight) this.#left = this.#pause
  }

  /** `name` is the store's id, a slash and the key. */
  get(name: string, { contentId }: StoreIdentity): Replaced | undefined {
    const guess = this.#guesses.get(name)
    const isOfNow = guess?.contentId === contentId || guess?.contentId.equals(contentId)
    return isOfNow ? guess : undefined
  }

  /** Remembers the records that the commit `revision` wrote, and forgets those that it deleted. */
  note(
    storeId: string,
    { contentId }: StoreIdentity,
    { replacements, revision }: { replacements: readonly Replacement[]; revision: Revision },
  ): void {
    for (const { key, before, next } of replacements) {
      const name = `${storeId}/${key}`
      if (!next) {
        this.forget(name)
        continue
      }
      const entryKey = before?.key ?? recordKey(contentId, key)
      this.#guesses.set(name, { contentId, key: entryKey, revision, info: withoutBytes(next) })
    }
  }

  forget(name: string): void {
    this.#guesses.delete(name)
  }
}

const nothing = Buffer.alloc(0)

function withoutBytes({ size, place }: Kept): Kept {
  return { size, place: place.kind === 'inline' ? { kind: 'inline', bytes: nothing } : place }
}
