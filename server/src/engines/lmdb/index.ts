import type { Bytes } from '../../core/engine/engine.ts'

/**
 * Where keys are in some bytes: a hash table of entries, each a key at a place. Entries go by their
 * numbers, from 1 on; 0 is none. All of it is in arrays of numbers, since objects that live for as
 * long as these entries do, a tenth of a second, are what garbage collectors are worst at.
 */
export class Index {
  readonly #bytes: Buffer
  readonly #seed: number
  readonly #mask: number
  /** The newest entry of the keys that belong here, or of others that found their place taken. */
  readonly #slots: Int32Array
  readonly #starts: Int32Array
  readonly #lengths: Uint16Array
  readonly #hashes: Int32Array
  /** The entry before this one of the same key. */
  readonly #previous: Int32Array
  #count = 0

  /** The seed keeps clients from choosing keys that all have one place. */
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

  /** The newest entry of a key among the first `upTo`. `hash` is that of `hashOf`. */
  find(key: Bytes, hash: number, upTo: number): number {
    const slot = this.#slotOf(key, { start: 0, length: key.length, hash })
    let entry = this.#slots[slot] ?? 0
    while (entry > upTo) entry = this.#previous[entry] ?? 0
    return entry
  }

  /** The newest entry of the key that this one has, among the first `upTo`. */
  newestOf(entry: number, upTo: number): number {
    let newest = this.#slots[this.#ownSlotOf(entry)] ?? 0
    while (newest > upTo) newest = this.#previous[newest] ?? 0
    return newest
  }

  startOf(entry: number): number {
    return this.#starts[entry] ?? 0
  }

  lengthOf(entry: number): number {
    return this.#lengths[entry] ?? 0
  }

  /** Takes all entries behind the first `count` away again. */
  cut(count: number): void {
    if (count === 0) this.#slots.fill(0)
    // The newest first: whoever found its place taken goes before the one who had taken it.
    for (let entry = this.#count; entry > count && count > 0; entry -= 1) {
      this.#slots[this.#ownSlotOf(entry)] = this.#previous[entry] ?? 0
    }
    this.#count = count
  }

  /** The slot of a key: its own or, where there is none yet, the one that would be. */
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
