import type { Entry } from '../engine/engine.ts'
import { asBuffer, type Bytes } from '../kernel/bytes.ts'

export type StoreUse = 'read' | 'write' | 'delete' | 'list'

export const useCounters = {
  read: 'reads',
  write: 'writes',
  delete: 'deletes',
  list: 'lists',
} as const satisfies Record<StoreUse, string>

/** When a store was used and when it expires. Written rarely; writes to records do not check it. */
export interface StoreActivity {
  /** Milliseconds since 1970; 0: never. */
  readonly expiresAt: number
  readonly modifiedAt: number
  readonly accessedAt: number
  /** How often records were read, written and deleted, and keys were listed. */
  readonly reads: number
  readonly writes: number
  readonly deletes: number
  readonly lists: number
  /**
   * The id of the running server that wrote this: 8 bytes. Only that server may know of later uses.
   * If all bytes are 0, any server may.
   */
  readonly by: Bytes
}

export const instanceBytes = 8
/** As `by`: stands for several servers. */
export const severalInstances = Buffer.alloc(instanceBytes)

/**
 * DO NOT CHANGE, it is on disk: the seven numbers as doubles, big-endian, in this order, then `by`.
 */
const numbers = [
  'expiresAt',
  'modifiedAt',
  'accessedAt',
  'reads',
  'writes',
  'deletes',
  'lists',
] as const
const encodedBytes = numbers.length * 8 + instanceBytes

export function encodeActivity(activity: StoreActivity): Buffer {
  const bytes = Buffer.alloc(encodedBytes)
  for (const [index, name] of numbers.entries()) bytes.writeDoubleBE(activity[name], index * 8)
  bytes.set(activity.by, numbers.length * 8)
  return bytes
}

/** A damaged entry is read as zeros: its store does not expire. */
export function decodeActivity(entry: Entry): StoreActivity {
  const bytes = entry.isDamaged ? Buffer.alloc(encodedBytes) : asBuffer(entry.value)
  const read = (index: number): number => bytes.readDoubleBE(index * 8)
  return {
    expiresAt: read(0),
    modifiedAt: read(1),
    accessedAt: read(2),
    reads: read(3),
    writes: read(4),
    deletes: read(5),
    lists: read(6),
    by: bytes.subarray(numbers.length * 8),
  }
}
