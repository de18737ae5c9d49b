import type { Bytes } from '../../core/engine/engine.ts'
import type { KeptEntry } from './entry.ts'

interface Kept {
  readonly hash: number
  readonly entry: KeptEntry
}

const slotCount = 4_096
/** What is longer is not kept: reading it costs more than finding it. */
const packedBytesMax = 800

/**
 * What was read from LMDB lately: each request reads the description of its store, and finding it
 * in LMDB costs as much as all else that the engine does for it. Of two entries that belong in one
 * slot the later one is kept.
 */
export class ReadCache {
  readonly #slots: (Kept | undefined)[] = Array.from({ length: slotCount })

  get(key: Bytes, hash: number): KeptEntry | undefined {
    const kept = this.#slots[slotOf(hash)]
    return kept?.hash === hash && isSame(kept.entry.key, key) ? kept.entry : undefined
  }

  /** What is too long is not kept: false. */
  add(hash: number, entry: KeptEntry): boolean {
    if (entry.packed.length > packedBytesMax) return false
    this.#slots[slotOf(hash)] = { hash, entry }
    return true
  }

  delete(hash: number): void {
    this.#slots[slotOf(hash)] = undefined
  }
}

/** What `Buffer.equals` says, which is slower for something as short as a key. */
function isSame(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false
  return true
}

function slotOf(hash: number): number {
  return hash & (slotCount - 1)
}
