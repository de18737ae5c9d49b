import { addToCounter, decodeCounter, encodeCounter } from '../../core/engine/counter.ts'
import type { AtomicWrite, Bytes, Commit, Revision } from '../../core/engine/engine.ts'
import { EngineError } from '../../core/engine/engine.ts'
import { stampedKey } from '../../core/engine/stamp.ts'
import { asBuffer } from '../../core/kernel/bytes.ts'
import { contentOf, isCounter, packedKind, revisionOf } from './entry.ts'
import type { Half } from './half.ts'
import { hashOf } from './index.ts'

/** Reads a packed entry, in bytes that others have too: until the next read. */
export type ReadPacked = (key: Buffer, hash: number) => Buffer | undefined

export interface DraftParts {
  /** Where the draft is made. */
  readonly half: Half
  readonly hashSeed: number
  /** What stands under a key that the draft has not written. */
  readonly read: ReadPacked
}

/** What a group of commits is about to write: they are decided one by one, each after the other. */
export class Draft {
  /** The newest commit in front of this group. */
  readonly before: Revision
  readonly half: Half
  readonly #parts: DraftParts
  #newest: Revision

  constructor(before: Revision, parts: DraftParts) {
    this.before = before
    this.#newest = before
    this.half = parts.half
    this.#parts = parts
    this.half.beginDraft()
  }

  get newest(): Revision {
    return this.#newest
  }

  get isEmpty(): boolean {
    return this.#newest === this.before
  }

  /** A write that is refused with an error leaves the others of the group alone. */
  decide(write: AtomicWrite): Commit | EngineError {
    try {
      return this.#apply(write)
    } catch (error) {
      if (error instanceof EngineError) return error
      this.half.dropDraft()
      throw error
    }
  }

  #apply(write: AtomicWrite): Commit {
    for (const { key, revision } of write.checks ?? []) {
      const packed = this.#packedOf(key)
      if ((packed && revisionOf(packed)) !== revision) return { applied: false }
    }
    const revision = this.#newest + 1
    const totals = this.#totalsAfter(write)
    for (const key of write.deletes ?? []) this.half.remove(key)
    for (const { key, value, stamped } of write.puts ?? []) {
      const name = stamped ? stampedKey(key, revision) : key
      this.half.put(name, { kind: packedKind.value, revision, value })
    }
    for (const { key, value } of totals) {
      this.half.put(key, { kind: packedKind.counter, revision, value })
    }
    this.#newest = revision
    return { applied: true, revision }
  }

  /** Worked out before anything is written, so that a refusal leaves nothing behind. */
  #totalsAfter(write: AtomicWrite): { key: Bytes; value: Buffer }[] {
    return (write.sums ?? []).map(({ key, delta }) => {
      const packed = this.#packedOf(key)
      if (packed && !isCounter(packed)) throw new EngineError('refused', 'This key holds a value.')
      const total = addToCounter(decodeCounter(packed && contentOf(packed)), delta)
      return { key, value: encodeCounter(total) }
    })
  }

  #packedOf(key: Bytes): Buffer | undefined {
    const hash = hashOf(key, { seed: this.#parts.hashSeed })
    const entry = this.half.find(key, hash, { withDraft: true })
    if (entry === 0) return this.#parts.read(asBuffer(key), hash)
    const packed = this.half.packedOf(entry)
    return packed.length > 0 ? packed : undefined
  }
}
