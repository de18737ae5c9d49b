import { crc32 } from 'node:zlib'
import sortedBTree from 'sorted-btree'
import type { Bytes, KeyRange, Revision } from '../../core/engine/engine.ts'
import { asBuffer } from '../../core/kernel/bytes.ts'
import { copied, LmdbEntry, packAt, packedLengthOf, RemovedEntry, type Unpacked } from './entry.ts'
import { Index } from './index.ts'

/**
 * How a group of commits, a block, lies in the journal. DO NOT CHANGE: it is on disk. Numbers are
 * big-endian.
 *
 *   0..15  the seal of the journal
 *   16..19 CRC-32 of all that follows
 *   20..23 bytes of the block, these and the above included
 *   24..31 the newest commit in front of it, a double
 *   32..39 its newest commit, a double
 *   40..43 number of entries; then of each: bytes of its key (2), bytes of its packed entry (4; 0
 *          where it is removed), key, packed entry
 */
const at = { checksum: 16, bytes: 20, before: 24, newest: 32, count: 40, entries: 44 } as const
const packedLengthAt = 2
const keyAt = 6

/** Random bytes of one journal, so that no value in it can pass for a block of its own. */
export const sealBytes = at.checksum

const overheadBytes = { block: at.entries, entry: keyAt + packedLengthOf(0) } as const

/** What commits take at most. */
export interface Room {
  readonly bytes: number
  readonly entries: number
}

/** What a block takes with so many entries of so many bytes of keys and values. */
export function roomFor({ bytes, entries }: Room): Room {
  return { bytes: overheadBytes.block + entries * overheadBytes.entry + bytes, entries }
}

/** What stands under a key. */
export type Row = LmdbEntry | RemovedEntry

/** A packed entry with its key, both to be copied at once. Empty: it was removed. */
export interface PackedRow {
  readonly key: Buffer
  readonly packed: Buffer
}

/**
 * One half of the journal as it is in memory: its blocks as they lie on disk, and where the newest
 * entry of each key is in them. The block at its end is a draft until it is kept. Entries go by
 * their numbers, from 1 on; 0 is none.
 */
export class Half {
  readonly #room: Room
  readonly #bytes: Buffer
  readonly #index: Index
  /** What is kept: up to here, so many entries, up to that commit. */
  #end = 0
  #count = 0
  #newest: Revision = 0
  /** Where the next entry of the draft goes. */
  #draftEnd = 0
  // The package is CommonJS: its class is the module's `default`.
  readonly #sorted = new sortedBTree.default<string, number>(undefined, compareStrings)
  /** So many entries are in it. */
  #sortedCount = 0

  /** `hashSeed` is that of every half whose entries are looked up with one hash. */
  constructor(room: Room, hashSeed: number) {
    this.#room = room
    this.#bytes = Buffer.allocUnsafeSlow(room.bytes)
    this.#index = new Index(this.#bytes, { entriesMax: room.entries, seed: hashSeed })
  }

  /** Whether it holds no commit: one that writes nothing has its revision here all the same. */
  get isEmpty(): boolean {
    return this.#end === 0
  }

  /** Where the draft begins. */
  get end(): number {
    return this.#end
  }

  /** The newest commit that is kept; 0: there is none. */
  get newest(): Revision {
    return this.#newest
  }

  fits({ bytes, entries }: Room): boolean {
    return this.#end + bytes <= this.#room.bytes && this.#count + entries <= this.#room.entries
  }

  /** The entry of a key, whose hash is that of `hashOf`; of a draft's only where that is wanted. */
  find(key: Bytes, hash: number, { withDraft = false } = {}): number {
    return this.#index.find(key, hash, withDraft ? this.#room.entries : this.#count)
  }

  /** The bytes of a packed entry, until the half is emptied; none where it was removed. */
  packedOf(entry: number): Buffer {
    const { start, end } = this.#packedPlace(entry)
    return this.#bytes.subarray(start, end)
  }

  /** A copy; undefined where it was removed. */
  entryOf(key: Buffer, entry: number): LmdbEntry | undefined {
    const { start, end } = this.#packedPlace(entry)
    if (start === end) return undefined
    return new LmdbEntry(key, copied(this.#bytes, start, end), { isSound: true })
  }

  beginDraft(): void {
    this.#draftEnd = this.#end + overheadBytes.block
  }

  /** Adds an entry to the draft. */
  put(key: Bytes, { kind, revision, value }: Unpacked): void {
    const start = this.#draftKey(key, packedLengthOf(value.length))
    packAt(this.#bytes, start, { kind, revision, value })
    this.#draftEnd = start + packedLengthOf(value.length)
  }

  remove(key: Bytes): void {
    this.#draftEnd = this.#draftKey(key, 0)
  }

  /** The draft as a block. */
  seal(seal: Buffer, { before, newest }: { before: Revision; newest: Revision }): Buffer {
    const block = this.#bytes.subarray(this.#end, this.#draftEnd)
    seal.copy(block)
    block.writeUInt32BE(block.length, at.bytes)
    block.writeDoubleBE(before, at.before)
    block.writeDoubleBE(newest, at.newest)
    block.writeUInt32BE(this.#index.count - this.#count, at.count)
    block.writeUInt32BE(crc32(block.subarray(at.bytes)), at.checksum)
    return block
  }

  /** From now on the draft is seen, with all up to `newest`. */
  keep(newest: Revision): void {
    this.#count = this.#index.count
    this.#end = this.#draftEnd
    this.#newest = newest
  }

  dropDraft(): void {
    this.#index.cut(this.#count)
  }

  empty(): void {
    this.#index.cut(0)
    this.#sorted.clear()
    this.#sortedCount = 0
    this.#end = 0
    this.#count = 0
    this.#newest = 0
  }

  /**
   * Takes over the blocks that `bytes` begins with and that follow each other. Returns the newest
   * commit in front of them; undefined: there are none. See `latestBehind` for what is behind them.
   */
  load(bytes: Buffer, seal: Buffer): Revision | undefined {
    this.empty()
    bytes.copy(this.#bytes)
    let first: Revision | undefined
    for (;;) {
      const block = blockAt(this.#bytes.subarray(this.#end, bytes.length), seal)
      if (!block || (first !== undefined && block.before !== this.#newest)) return first
      first ??= block.before
      this.beginDraft()
      for (let index = 0; index < block.count; index += 1) this.#loadEntry()
      this.keep(block.newest)
    }
  }

  /**
   * The newest commit of any whole block behind what is kept, in the bytes that were loaded. None
   * is newer than what is kept, but where a block in front of it is damaged: a block is written
   * when the one before it is on disk.
   */
  latestBehind(bytes: Buffer, seal: Buffer): Revision {
    let latest = 0
    for (let at = bytes.indexOf(seal, this.#end); at >= 0; at = bytes.indexOf(seal, at + 1)) {
      latest = Math.max(latest, blockAt(bytes.subarray(at), seal)?.newest ?? 0)
    }
    return latest
  }

  /** The newest kept entry of each key, in no order. */
  *packedRows(): Generator<PackedRow> {
    for (let entry = 1; entry <= this.#count; entry += 1) {
      if (!this.#isNewestKept(entry)) continue
      yield { key: this.#keyOf(entry), packed: this.packedOf(entry) }
    }
  }

  hasRows({ start, end }: KeyRange): boolean {
    if (this.isEmpty) return false
    this.#sort()
    const first = this.#sorted.getPairOrNextHigher(nameOf(start))
    return first !== undefined && first[0] < nameOf(end)
  }

  /**
   * What stands under the keys of a range, in order. Entries are put in order when somebody scans:
   * most of them are moved before that.
   */
  *rows({ start, end }: KeyRange): Generator<Row> {
    this.#sort()
    const last = nameOf(end)
    for (const [name, entry] of this.#sorted.entries(nameOf(start))) {
      if (name >= last) return
      const key = Buffer.from(name, 'latin1')
      yield this.entryOf(key, entry) ?? new RemovedEntry(key)
    }
  }

  #sort(): void {
    for (let entry = this.#sortedCount + 1; entry <= this.#count; entry += 1) {
      this.#sorted.set(nameOf(this.#keyOf(entry)), entry)
    }
    this.#sortedCount = this.#count
  }

  #isNewestKept(entry: number): boolean {
    return this.#index.newestOf(entry, this.#count) === entry
  }

  /** Returns where the packed entry begins. */
  #draftKey(key: Bytes, packedLength: number): number {
    const start = this.#draftEnd + keyAt
    this.#bytes.writeUInt16BE(key.length, this.#draftEnd)
    this.#bytes.writeUInt32BE(packedLength, this.#draftEnd + packedLengthAt)
    this.#bytes.set(key, start)
    this.#index.add(start, key.length)
    return start + key.length
  }

  #loadEntry(): void {
    const start = this.#draftEnd + keyAt
    const keyLength = this.#bytes.readUInt16BE(this.#draftEnd)
    const packedLength = this.#bytes.readUInt32BE(this.#draftEnd + packedLengthAt)
    this.#index.add(start, keyLength)
    this.#draftEnd = start + keyLength + packedLength
  }

  #keyOf(entry: number): Buffer {
    const start = this.#index.startOf(entry)
    return this.#bytes.subarray(start, start + this.#index.lengthOf(entry))
  }

  #packedPlace(entry: number): { start: number; end: number } {
    const keyStart = this.#index.startOf(entry)
    const start = keyStart + this.#index.lengthOf(entry)
    const length = this.#bytes.readUInt32BE(keyStart - keyAt + packedLengthAt)
    return { start, end: start + length }
  }
}

interface BlockHead {
  readonly before: Revision
  readonly newest: Revision
  readonly count: number
}

/** The block that `bytes` begins with, if it does. */
function blockAt(bytes: Buffer, seal: Buffer): BlockHead | undefined {
  if (bytes.length < at.entries || !bytes.subarray(0, sealBytes).equals(seal)) return undefined
  const length = bytes.readUInt32BE(at.bytes)
  if (length < at.entries || length > bytes.length) return undefined
  if (crc32(bytes.subarray(at.bytes, length)) !== bytes.readUInt32BE(at.checksum)) return undefined
  return {
    before: bytes.readDoubleBE(at.before),
    newest: bytes.readDoubleBE(at.newest),
    count: bytes.readUInt32BE(at.count),
  }
}

/** A key as a latin1 string, one char a byte: the order of such strings is that of the bytes. */
function nameOf(key: Bytes): string {
  return asBuffer(key).toString('latin1')
}

function compareStrings(a: string, b: string): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}
