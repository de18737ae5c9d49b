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

/** What of an info is known without its value. */
type Kept = Pick<RecordInfo, 'size' | 'place'>

/**
 * A wrong guess costs a commit in vain, a right one spares a read: where one in sixteen is wrong,
 * guessing is as good as not.
 */
const missCost = 16

/**
 * The records that this server wrote lately, as it left them: a guess, which the check of the next
 * write confirms. So who writes a record again and again does not read it each time.
 */
export class RecordGuesses {
  readonly #guesses = lruCache<string, Guess>(limits.guessedRecordsMax)
  /** How many writes go without a guess after one that was wrong. */
  #pause = 0
  #left = 0

  /** Whether the next write should guess: not where others are known to write the same records. */
  isWorthwhile(): boolean {
    if (this.#left === 0) return true
    this.#left -= 1
    return false
  }

  /** What came of a guess. */
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

  /** Remembers the records that `revision` wrote, and forgets those that it deleted. */
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
