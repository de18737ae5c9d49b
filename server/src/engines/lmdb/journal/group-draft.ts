import { addToCounter, decodeCounter, encodeCounter } from '../../../core/engine/counter.ts'
import {
  type AtomicWrite,
  type Commit,
  EngineError,
  type Revision,
} from '../../../core/engine/engine.ts'
import { stampedKey } from '../../../core/engine/stamp.ts'
import { asBuffer, type Bytes } from '../../../core/kernel/bytes.ts'
import { contentOf, isCounter, packedKind, revisionOf } from '../entries/entry.ts'
import { hashOf } from '../entries/index.ts'
import { type JournalHalf, type Room, roomFor } from './journal-half.ts'

/** Reads a packed entry. Its bytes are shared and valid only until the next read. */
export type ReadPacked = (key: Buffer, hash: number) => Buffer | undefined

export interface GroupDraftParts {
  /** The half that the draft is written to. */
  readonly half: JournalHalf
  readonly hashSeed: number
  /** Reads a key that the half does not hold. */
  readonly read: ReadPacked
}

/**
 * The writes of one group of commits. They are decided one after the other, each on top of the
 * earlier ones.
 */
export class GroupDraft {
  /** The revision of the newest commit before this group. */
  readonly before: Revision
  readonly half: JournalHalf
  readonly #parts: GroupDraftParts
  #newest: Revision

  constructor(before: Revision, parts: GroupDraftParts) {
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

  /**
   * Applies one write to the draft. Returns an EngineError if this write is refused; the others of
   * the group go on. Any other error is thrown, and drops the draft.
   */
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

  /** Computed before anything is written, so that a refusal changes nothing. */
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

const counterBytes = 8

/** The most that these writes take up. `bytes` are those of their keys and values. */
export function roomOf(group: readonly { write: AtomicWrite; bytes: number }[]): Room {
  let bytes = 0
  let entries = 0
  for (const { write, bytes: own } of group) {
    const { deletes = [], puts = [], sums = [] } = write
    bytes += own + sums.length * counterBytes
    entries += deletes.length + puts.length + sums.length
  }
  return roomFor({ bytes, entries })
}
