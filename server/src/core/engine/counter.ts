import { asBuffer, type Bytes } from '../kernel/bytes.ts'
import { EngineError, type Entry } from './engine.ts'

const totalMax = 2n ** 63n - 1n
const totalMin = -(2n ** 63n)

/** A counter's number as its 8 bytes, signed big-endian. */
export function encodeCounter(total: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(total)
  return bytes
}

/** The number in a counter's 8 bytes; an absent counter is 0. */
export function decodeCounter(bytes: Bytes | undefined): bigint {
  if (!bytes) return 0n
  return asBuffer(bytes).readBigInt64BE()
}

/** The number in a counter's entry; 0 if the entry is absent or damaged. */
export function totalOf(entry: Entry | undefined): bigint {
  return decodeCounter(entry?.isDamaged ? undefined : entry?.value)
}

/** Throws EngineError `refused` if the sum does not fit into 64 bits. */
export function addToCounter(total: bigint, delta: bigint): bigint {
  const sum = total + delta
  if (sum > totalMax || sum < totalMin) {
    throw new EngineError('refused', `Adding ${delta} to a counter of ${total} exceeds 64 bits.`)
  }
  return sum
}
