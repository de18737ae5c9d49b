import { crc32 } from 'node:zlib'
import { sealBytes } from './journal-state.ts'

/** The length of the head, before the first half. DO NOT CHANGE: it is on disk. */
export const headBytes = 4_096
/**
 * The head holds the seal twice, in sectors of their own, each followed by its CRC-32. DO NOT
 * CHANGE: it is on disk. Journals of format 2 and earlier have it once, without a checksum.
 */
const copiesAt = [0, 512] as const

export function encodeHead(seal: Buffer): Buffer {
  const head = Buffer.alloc(headBytes)
  for (const start of copiesAt) {
    seal.copy(head, start)
    head.writeUInt32BE(crc32(seal), start + sealBytes)
  }
  return head
}

/** The seals of the head whose checksums are right: none if it is damaged. */
export function sealsOf(head: Buffer): Buffer[] {
  return copiesAt
    .map((start) => head.subarray(start, start + sealBytes + 4))
    .filter((copy) => copy.length === sealBytes + 4 && isSound(copy))
    .map((copy) => Buffer.from(copy.subarray(0, sealBytes)))
}

/** The seal of a journal of format 2 or earlier; undefined: the file is shorter. */
export function earlySealOf(head: Buffer): Buffer | undefined {
  return head.length < sealBytes ? undefined : Buffer.from(head.subarray(0, sealBytes))
}

function isSound(copy: Buffer): boolean {
  return copy.readUInt32BE(sealBytes) === crc32(copy.subarray(0, sealBytes))
}
