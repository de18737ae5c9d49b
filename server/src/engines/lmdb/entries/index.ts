import type { Bytes } from '../../../core/kernel/bytes.ts'

/**
 * A hash table that finds keys in a buffer. An entry is one key at one place. Entries are numbered
 * from 1; 0 means none. The table consists of arrays of numbers: its entries live for about 0.1 s,
 * and objects with such a lifetime are what garbage collectors handle worst.
 */
export class Index {
  readonly #bytes: Buffer
  readonly #seed: number
  readonly #mask: number
  /** The newest entry of one key per slot. A key whose slot is taken uses the next free slot. */
  readonly #slots: Int32Array
  readonly #starts: Int32Array
  readonly #lengths: Uint16Array
  readonly #hashes: Int32Array
  /** Per entry: the entry before it with the same key. */
  readonly #previous: Int32Array
  #count = 0

  /** `seed` must be random: then clients can't choose keys that all fall into one slot. */
  constructor(bytes: Buffer, { entriesMax, seed }: { entriesMax: number; seed: number }) {
    this.#bytes = bytes
    this.#seed = seed
    const slots = 2 ** Math.ceil(Math.log2(Math.max(entriesMax, 1) * 2))
    this.#mask = slots - 1
    this.#slots = new Int32Array(slots)
    this.#starts = new Int32Array(entriesMax + 1)
    this.#lengths = new Uint16Array(entriesMax + 1)
    this.#hashes = new Int32Array(entriesMax + 1)
    this.#previous = new Int32Array(entriesMax + 1)
  }

  get count(): number {
    return this.#count
  }

  /** Adds an entry whose key is at `start`. */
  add(start: number, length: number): void {
    const hash = hashOf(this.#bytes, { start, end: start + length, seed: this.#seed })
    const slot = this.#slotOf(this.#bytes, { start, length, hash })
    this.#count += 1
    const entry = this.#count
    this.#starts[entry] = start
    this.#lengths[entry] = length
    this.#hashes[entry] = hash
    this.#previous[entry] = this.#slots[slot] ?? 0
    this.#slots[slot] = entry
  }

  /**
   * The newest entry of a key among the first `upTo` entries; 0: none. `hash` comes from `hashOf`.
   */
  find(key: Bytes, hash: number, upTo: number): number {
    const slot = this.#slotOf(key, { start: 0, length: key.length, hash })
    let entry = this.#slots[slot] ?? 0
    while (entry > upTo) entry = this.#previous[entry] ?? 0
    return entry
  }

  /** The newest entry with the same key as `entry`, among the first `upTo` entries. */
  newestOf(entry: number, upTo: number): number {
    let newest = this.#slots[this.#ownSlotOf(entry)] ?? 0
    while (newest > upTo) newest = this.#previous[newest] ?? 0
    return newest
  }

  /** The entry before `entry` with the same key; 0: none. */
  previousOf(entry: number): number {
    return this.#previous[entry] ?? 0
  }

  startOf(entry: number): number {
    return this.#starts[entry] ?? 0
  }

  lengthOf(entry: number): number {
    return this.#lengths[entry] ?? 0
  }

  /** Removes all entries after the first `count`. */
  cut(count: number): void {
    if (count === 0) this.#slots.fill(0)
    // Newest first: a key that found its slot taken is removed before the key that took the slot.
    for (let entry = this.#count; entry > count && count > 0; entry -= 1) {
      this.#slots[this.#ownSlotOf(entry)] = this.#previous[entry] ?? 0
    }
    this.#count = count
  }

  /** The slot of a key: the one that it has, or the one that it would get. */
  #slotOf(
    bytes: Bytes,
    { start, length, hash }: { start: number; length: number; hash: number },
  ): number {
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = this.#slots[slot] ?? 0
      if (entry === 0) return slot
      if (this.#hashes[entry] !== hash || this.#lengths[entry] !== length) continue
      if (this.#hasKey(entry, bytes, start)) return slot
    }
  }

  #ownSlotOf(entry: number): number {
    const start = this.startOf(entry)
    const place = { start, length: this.lengthOf(entry), hash: this.#hashes[entry] ?? 0 }
    return this.#slotOf(this.#bytes, place)
  }

  #hasKey(entry: number, bytes: Bytes, start: number): boolean {
    const own = this.startOf(entry)
    const length = this.lengthOf(entry)
    for (let index = 0; index < length; index += 1) {
      if (this.#bytes[own + index] !== bytes[start + index]) return false
    }
    return true
  }
}

/** FNV-1a of some of the bytes, 32 bits, signed. */
export function hashOf(
  bytes: Bytes,
  { start = 0, end = bytes.length, seed }: { start?: number; end?: number; seed: number },
): number {
  let hash = seed
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193)
  }
  return hash ^ (hash >>> 15)
}
