import type { Bytes } from '../../../core/kernel/bytes.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { KeptEntry } from './entry.ts'

interface Kept {
  readonly hash: number
  readonly entry: KeptEntry
}

/**
 * A cache of entries that were read from LMDB lately. Each request reads the description of its
 * store, and finding it in LMDB costs as much as everything else that the engine does for the
 * request. If two entries fall into one slot, the later one stays.
 */
export class ReadCache {
  readonly #slots: (Kept | undefined)[] = Array.from({ length: limits.lmdbCachedEntriesMax })

  get(key: Bytes, hash: number): KeptEntry | undefined {
    const kept = this.#slots[slotOf(hash)]
    return kept?.hash === hash && isSame(kept.entry.key, key) ? kept.entry : undefined
  }

  /** Returns whether the entry was cached: one that is too long is not. */
  add(hash: number, entry: KeptEntry): boolean {
    if (entry.packed.length > limits.lmdbCachedEntryBytesMax) return false
    this.#slots[slotOf(hash)] = { hash, entry }
    return true
  }

  delete(hash: number): void {
    this.#slots[slotOf(hash)] = undefined
  }
}

/** The same as `Buffer.equals`, which is slower for something as short as a key. */
function isSame(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false
  return true
}

function slotOf(hash: number): number {
  return hash & (limits.lmdbCachedEntriesMax - 1)
}
