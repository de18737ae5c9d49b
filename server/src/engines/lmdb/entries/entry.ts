import { crc32 } from 'node:zlib'
import type { Entry, Revision } from '../../../core/engine/engine.ts'

/**
 * The layout of an entry in LMDB, which has no checksums of its own. DO NOT CHANGE: it is on disk.
 *
 *   0..3  CRC-32 of the key and of all that follows, big-endian
 *   4     kind: 0 a value, 1 a counter
 *   5..12 revision, big-endian
 *   13..  the value
 */
const headerBytes = 13

export const packedKind = { value: 0, counter: 1 } as const
export type PackedKind = (typeof packedKind)[keyof typeof packedKind]

export interface Unpacked {
  readonly kind: PackedKind
  readonly revision: Revision
  readonly value: Uint8Array
}

/** The length of a packed entry whose value has `valueBytes` bytes. */
export function packedLengthOf(valueBytes: number): number {
  return headerBytes + valueBytes
}

/** Writes a packed entry to `into`, from `start` on. Its checksum is left 0. */
export function packAt(into: Buffer, start: number, { kind, revision, value }: Unpacked): void {
  into.writeUInt32BE(0, start)
  into[start + 4] = kind
  into.writeUInt32BE(Math.floor(revision / 2 ** 32), start + 5)
  into.writeUInt32BE(revision % 2 ** 32, start + 9)
  into.set(value, start + headerBytes)
}

export function pack(unpacked: Unpacked): Buffer {
  const packed = Buffer.allocUnsafe(packedLengthOf(unpacked.value.length))
  packAt(packed, 0, unpacked)
  return packed
}

/** Sets the checksum of a packed entry in place, and returns the entry. */
export function sealed(key: Buffer, packed: Buffer): Buffer {
  packed.writeUInt32BE(checksum(key, packed), 0)
  return packed
}

export function isCounter(packed: Buffer): boolean {
  return packed[4] === packedKind.counter
}

/** 0 if the entry is too short to have a revision. */
export function revisionOf(packed: Buffer): Revision {
  if (packed.length < headerBytes) return 0
  return packed.readUInt32BE(5) * 2 ** 32 + packed.readUInt32BE(9)
}

export function contentOf(packed: Buffer): Buffer {
  return packed.subarray(headerBytes)
}

/** A packed entry that several readers share: nobody may change its bytes. */
export interface KeptEntry {
  readonly key: Buffer
  readonly packed: Buffer
  /** Undefined: its checksum was not verified yet. */
  isDamaged: boolean | undefined
}

/**
 * An entry as it was read. Its checksum is verified when the value is asked for: often the revision
 * is enough.
 */
export class LmdbEntry implements Entry {
  readonly key: Buffer
  readonly #packed: Buffer
  readonly #shared: KeptEntry | undefined
  #value: Buffer | undefined
  #isDamaged: boolean | undefined

  /**
   * `packed` belongs to this entry alone. With `shared` other readers have the same bytes: `value`
   * is then a copy. `isSound`: the bytes come from the journal, not from LMDB, and need no check.
   */
  constructor(key: Buffer, packed: Buffer, known?: { shared?: KeptEntry; isSound?: boolean }) {
    this.key = key
    this.#packed = packed
    this.#shared = known?.shared
    this.#isDamaged = known?.isSound ? false : known?.shared?.isDamaged
  }

  get revision(): Revision {
    return revisionOf(this.#packed)
  }

  /** Its size, key included. */
  get bytes(): number {
    return this.key.length + this.#packed.length
  }

  get value(): Buffer {
    if (this.isDamaged) return Buffer.alloc(0)
    this.#value ??= this.#content()
    return this.#value
  }

  get isCounter(): boolean {
    return isCounter(this.#packed)
  }

  get isDamaged(): boolean {
    // Use the key that was copied: the caller may have changed its own key meanwhile.
    this.#isDamaged ??= !isIntact(this.#shared?.key ?? this.key, this.#packed)
    if (this.#shared) this.#shared.isDamaged = this.#isDamaged
    return this.#isDamaged
  }

  #content(): Buffer {
    const content = contentOf(this.#packed)
    return this.#shared ? copied(content) : content
  }
}

/** Marks the key of a removed entry. */
export class RemovedEntry {
  readonly key: Buffer

  constructor(key: Buffer) {
    this.key = key
  }
}

/** A copy in Node's buffer pool, which is cheaper than a buffer of its own. */
export function copied(bytes: Buffer, start = 0, end = bytes.length): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}

/** Whether the checksum of an entry that was read from LMDB is right. */
export function isIntact(key: Buffer, packed: Buffer): boolean {
  return packed.length >= headerBytes && packed.readUInt32BE(0) === checksum(key, packed)
}

function checksum(key: Buffer, packed: Buffer): number {
  return crc32(packed.subarray(4), crc32(key))
}
