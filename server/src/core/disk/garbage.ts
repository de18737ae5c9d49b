import type { Put, Sum } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import { garbageKey, garbageTotalKey } from './keyspace.ts'

/** What a garbage mark tells the sweeper to remove. */
export interface Garbage {
  /** `value`: the chunks of one value; `content`: all records of a store, with their values. */
  readonly kind: 'value' | 'content'
  /** Bytes of chunks that are kept for downloads until the mark is due. */
  readonly bytes: number
}

const kinds = { value: 0, content: 1 } as const

/** DO NOT CHANGE, it is on disk: kind (1 byte), bytes (8, a double). */
export function encodeGarbage({ kind, bytes }: Garbage): Buffer {
  const encoded = Buffer.alloc(9)
  encoded[0] = kinds[kind]
  encoded.writeDoubleBE(bytes, 1)
  return encoded
}

export function decodeGarbage(value: Bytes): Garbage {
  const view = new DataView(value.buffer, value.byteOffset, value.length)
  return { kind: view.getUint8(0) === kinds.value ? 'value' : 'content', bytes: view.getFloat64(1) }
}

/** Marks `id` for the sweeper, which may remove it from `dueAt` on. */
export function markGarbage(
  id: Bytes,
  { kind, bytes, dueAt }: Garbage & { dueAt: number },
): { puts: Put[]; sums: Sum[] } {
  return {
    puts: [{ key: garbageKey(dueAt, id), value: encodeGarbage({ kind, bytes }) }],
    sums: bytes === 0 ? [] : [{ key: garbageTotalKey, delta: BigInt(bytes) }],
  }
}

/**
 * The time until which chunks that are replaced or removed at `now` stay readable, for running
 * downloads.
 */
export function keptUntil(now: number): number {
  return now + limits.replacedChunksKeptMs
}
