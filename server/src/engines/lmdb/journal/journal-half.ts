import { crc32 } from 'node:zlib'
import sortedBTree from 'sorted-btree'
import type { KeyRange, Revision } from '../../../core/engine/engine.ts'
import { asBuffer, type Bytes } from '../../../core/kernel/bytes.ts'
import {
  copied,
  LmdbEntry,
  packAt,
  packedLengthOf,
  RemovedEntry,
  type Unpacked,
} from '../entries/entry.ts'
import { Index } from '../entries/index.ts'
import { sealBytes } from './journal-state.ts'

/**
 * The layout of a block, which is one group of commits, in the journal. DO NOT CHANGE: it is on
 * disk. Numbers are big-endian.
 *
 *   0..15  the seal of the journal: so no stored value can be mistaken for a block
 *   16..19 CRC-32 of all that follows
 *   20..23 length of the block in bytes, counted from byte 0
 *   24..31 revision of the newest commit before the block, a double
 *   32..39 revision of its newest commit, a double
 *   40..43 number of entries; then for each: length of its key (2), length of its packed entry
 *          (4; 0 means removed), key, packed entry
 */
const at = { checksum: 16, bytes: 20, before: 24, newest: 32, count: 40, entries: 44 } as const
const packedLengthAt = 2
const keyAt = 6

const overheadBytes = { block: at.entries, entry: keyAt + packedLengthOf(0) } as const

/** The most that commits take up. */
export interface Room {
  readonly bytes: number
  readonly entries: number
}

/** The size of a block of `entries` entries, whose keys and values have `bytes` bytes in all. */
export function roomFor({ bytes, entries }: Room): Room {
  return { bytes: overheadBytes.block + entries * overheadBytes.entry + bytes, entries }
}

/** The current state of a key: an entry, or the mark that it was removed. */
export type Row = LmdbEntry | RemovedEntry

/** A packed entry with its key. Copy both at once. An empty `packed`: the entry was removed. */
export interface PackedRow {
  readonly key: Buffer
  readonly packed: Buffer
}

/**
 * One half of the journal in memory: its blocks, byte for byte as on disk, and an index that finds
 * the newest entry of each key in them. The block at its end is a draft until it is kept. Entries
 * are numbered from 1; 0 means none.
 */
export class JournalHalf {
  readonly #room: Room
  readonly #bytes: Buffer
  readonly #index: Index
  /** The kept blocks: where they end, how many entries they have, their newest commit. */
  #end = 0
  #count = 0
  #newest: Revision = 0
  /** For each kept block that has entries: how many entries there are up to its end, its newest. */
  #blocks: BlockEnd[] = []
  /** Where the next entry of the draft goes. */
  #draftEnd = 0
  // The package is CommonJS: its class is the module's `default`.
  readonly #sorted = new sortedBTree.default<string, number>(undefined, compareStrings)
  /** How many entries `#sorted` covers. */
  #sortedCount = 0

  /** `hashSeed` must be the same in all halves that are searched with one hash. */
  constructor(room: Room, hashSeed: number) {
    this.#room = room
    this.#bytes = Buffer.allocUnsafeSlow(room.bytes)
    this.#index = new Index(this.#bytes, { entriesMax: room.entries, seed: hashSeed })
  }

  /** Whether it holds no commit. A commit without entries counts: its revision is stored here. */
  get isEmpty(): boolean {
    return this.#end === 0
  }

  /** Where the draft begins. */
  get end(): number {
    return this.#end
  }

  /** The revision of the newest kept commit; 0: none. */
  get newest(): Revision {
    return this.#newest
  }

  fits({ bytes, entries }: Room): boolean {
    return this.#end + bytes <= this.#room.bytes && this.#count + entries <= this.#room.entries
  }

  /**
   * The newest entry of a key; 0: none. `hash` comes from `hashOf`. Entries of the draft are found
   * only with `withDraft`.
   */
  find(key: Bytes, hash: number, { withDraft = false } = {}): number {
    return this.#index.find(key, hash, withDraft ? this.#room.entries : this.#count)
  }

  /** The bytes of a packed entry, valid until the half is emptied; no bytes if it was removed. */
  packedOf(entry: number): Buffer {
    const { start, end } = this.#packedPlace(entry)
    return this.#bytes.subarray(start, end)
  }

  /** A copy of an entry; undefined if it was removed. */
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

  /** Completes the draft as a block and returns the block. */
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

  /** Makes the draft visible. `newest` is the revision of its newest commit. */
  keep(newest: Revision): void {
    this.#count = this.#index.count
    this.#end = this.#draftEnd
    this.#newest = newest
    this.#blocks.push({ count: this.#count, newest })
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
    this.#blocks = []
  }

  /**
   * Loads the blocks at the start of `bytes`, as long as each one continues the one before. Blocks
   * that LMDB holds, up to the commit `held`, only take up their place. Returns the revision before
   * the first block; undefined: there is no block. `latestBehind` checks what is behind them.
   *
   * A block whose seal is damaged counts too, if its checksum is right and it continues the one
   * before. The first one must continue `first`; undefined: it may continue anything.
   */
  load(
    bytes: Buffer,
    { seal, held = 0, first }: { seal: Buffer; held?: Revision; first?: Revision | undefined },
  ): Revision | undefined {
    this.empty()
    bytes.copy(this.#bytes)
    let before: Revision | undefined
    let expected = first
    for (;;) {
      const block = blockAt(this.#bytes.subarray(this.#end, bytes.length))
      if (!block || !isNext(block, { seal, expected, isFirst: before === undefined })) return before
      before ??= block.before
      expected = block.newest
      this.#loadBlock(block, held)
    }
  }

  /**
   * How many bytes of a block that does not count follow the kept ones: it was not written to its
   * end, or it is damaged. 0: no block was begun.
   */
  brokenBytesBehind(bytes: Buffer, seal: Buffer): number {
    const rest = bytes.subarray(this.#end)
    if (rest.length < at.entries) return 0
    const whole = blockAt(rest)
    if (whole) return whole.before === this.#newest && this.#newest > 0 ? whole.bytes : 0
    if (!resembles(rest.subarray(0, sealBytes), seal)) return 0
    const length = rest.readUInt32BE(at.bytes)
    return length < at.entries || length > rest.length ? at.entries : length
  }

  /**
   * The newest revision of any whole block behind the kept ones, in the bytes that were loaded. It
   * is newer than the kept ones only if a block in between is damaged: a block is written after the
   * one before it is on disk.
   */
  latestBehind(bytes: Buffer, seal: Buffer): Revision {
    let latest = 0
    for (let at = bytes.indexOf(seal, this.#end); at >= 0; at = bytes.indexOf(seal, at + 1)) {
      latest = Math.max(latest, blockAt(bytes.subarray(at))?.newest ?? 0)
    }
    return latest
  }

  /**
   * The kept entries in parts: each part holds all of some commits and nothing of later ones, and
   * each key once. A part ends with the block that reaches `entries` keys. Parts whose commits LMDB
   * holds, up to `held`, are left out.
   */
  *parts(entries: number, held: Revision): Generator<{ rows: PackedRow[]; newest: Revision }> {
    let from = 0
    let keys = 0
    let seen = 0
    for (const [index, { count, newest }] of this.#blocks.entries()) {
      for (let entry = seen + 1; entry <= count; entry += 1) {
        if (this.#index.previousOf(entry) <= from) keys += 1
      }
      seen = count
      if (newest <= held) {
        from = count
        keys = 0
      } else if (keys >= entries || index === this.#blocks.length - 1) {
        yield { rows: [...this.#rowsBetween(from, count)], newest }
        from = count
        keys = 0
      }
    }
  }

  /** The newest kept entry of each key, in no particular order. */
  packedRows(): Generator<PackedRow> {
    return this.#rowsBetween(0, this.#count)
  }

  hasRows({ start, end }: KeyRange): boolean {
    if (this.isEmpty) return false
    this.#sort()
    const first = this.#sorted.getPairOrNextHigher(nameOf(start))
    return first !== undefined && first[0] < nameOf(end)
  }

  /**
   * The rows of a key range, in key order. Entries are sorted only when somebody scans: most of
   * them are moved into LMDB before that.
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

  *#rowsBetween(from: number, upTo: number): Generator<PackedRow> {
    for (let entry = from + 1; entry <= upTo; entry += 1) {
      if (this.#index.newestOf(entry, upTo) !== entry) continue
      yield { key: this.#keyOf(entry), packed: this.packedOf(entry) }
    }
  }

  #sort(): void {
    for (let entry = this.#sortedCount + 1; entry <= this.#count; entry += 1) {
      this.#sorted.set(nameOf(this.#keyOf(entry)), entry)
    }
    this.#sortedCount = this.#count
  }

  /** Adds a key to the draft. Returns where its packed entry begins. */
  #draftKey(key: Bytes, packedLength: number): number {
    const start = this.#draftEnd + keyAt
    this.#bytes.writeUInt16BE(key.length, this.#draftEnd)
    this.#bytes.writeUInt32BE(packedLength, this.#draftEnd + packedLengthAt)
    this.#bytes.set(key, start)
    this.#index.add(start, key.length)
    return start + key.length
  }

  #loadBlock({ bytes, count, newest }: BlockHead, held: Revision): void {
    if (newest <= held) {
      this.#draftEnd = this.#end + bytes
    } else {
      this.beginDraft()
      for (let index = 0; index < count; index += 1) this.#loadEntry()
    }
    this.keep(newest)
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

interface BlockEnd {
  readonly count: number
  readonly newest: Revision
}

interface BlockHead {
  readonly seal: Buffer
  readonly bytes: number
  readonly before: Revision
  readonly newest: Revision
  readonly count: number
}

/** The head of the whole block at the start of `bytes`, whatever its seal; undefined: none. */
function blockAt(bytes: Buffer): BlockHead | undefined {
  if (bytes.length < at.entries) return undefined
  const length = bytes.readUInt32BE(at.bytes)
  if (length < at.entries || length > bytes.length) return undefined
  if (crc32(bytes.subarray(at.bytes, length)) !== bytes.readUInt32BE(at.checksum)) return undefined
  return {
    seal: bytes.subarray(0, sealBytes),
    bytes: length,
    before: bytes.readDoubleBE(at.before),
    newest: bytes.readDoubleBE(at.newest),
    count: bytes.readUInt32BE(at.count),
  }
}

function isNext(
  block: BlockHead,
  { seal, expected, isFirst }: { seal: Buffer; expected: Revision | undefined; isFirst: boolean },
): boolean {
  if (block.before !== expected && !(isFirst && expected === undefined)) return false
  return block.seal.equals(seal) || (block.before === expected && resembles(block.seal, seal))
}

/** Whether a seal is a damaged form of another one: two random ones agree in less. */
function resembles(one: Buffer, other: Buffer): boolean {
  return one.filter((byte, index) => byte === other[index]).length >= sealBytes / 2
}

/** A key as a latin1 string, one character per byte: such strings sort as the bytes do. */
function nameOf(key: Bytes): string {
  return asBuffer(key).toString('latin1')
}

function compareStrings(a: string, b: string): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}
