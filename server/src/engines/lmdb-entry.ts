import { crc32 } from 'node:zlib'
import type { Entry, Revision } from '../core/engine.ts'

/**
 * How an entry lies in LMDB, which has no checksums of its own. DO NOT CHANGE: it is on disk.
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
  readonly key: Buffer
  readonly revision: Revision
  readonly value: Uint8Array
}

export function pack({ kind, key, revision, value }: Unpacked): Buffer {
  const packed = Buffer.allocUnsafe(headerBytes + value.length)
  packed[4] = kind
  packed.writeUInt32BE(Math.floor(revision / 2 ** 32), 5)
  packed.writeUInt32BE(revision % 2 ** 32, 9)
  packed.set(value, headerBytes)
  packed.writeUInt32BE(checksum(key, packed), 0)
  return packed
}

export function isCounter(packed: Buffer): boolean {
  return packed[4] === packedKind.counter
}

/** 0 where the entry is too short to have one. */
export function revisionOf(packed: Buffer): Revision {
  if (packed.length < headerBytes) return 0
  return packed.readUInt32BE(5) * 2 ** 32 + packed.readUInt32BE(9)
}

export function contentOf(packed: Buffer): Buffer {
  return packed.subarray(headerBytes)
}

/**
 * An entry as it was read. It is verified when its value is asked for: often the revision is
 * enough.
 */
export class LmdbEntry implements Entry {
  readonly key: Buffer
  readonly revision: Revision
  readonly #packed: Buffer
  #isDamaged: boolean | undefined

  /** `packed` must not be changed behind this. */
  constructor(key: Buffer, packed: Buffer) {
    this.key = key
    this.revision = revisionOf(packed)
    this.#packed = packed
  }

  get value(): Buffer {
    return this.isDamaged ? Buffer.alloc(0) : contentOf(this.#packed)
  }

  get isCounter(): boolean {
    return isCounter(this.#packed)
  }

  get isDamaged(): boolean {
    this.#isDamaged ??= !isIntact(this.key, this.#packed)
    return this.#isDamaged
  }
}

function isIntact(key: Buffer, packed: Buffer): boolean {
  return packed.length >= headerBytes && packed.readUInt32BE(0) === checksum(key, packed)
}

function checksum(key: Buffer, packed: Buffer): number {
  return crc32(packed.subarray(4), crc32(key))
}
