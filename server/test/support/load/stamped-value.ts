import { createCipheriv } from 'node:crypto'
import { crc32 } from 'node:zlib'

export const stampedBytesMin = 8

interface Stamp {
  readonly key: string
  readonly number: number
}

/**
 * A value that shows which write made it: a checksum over its key and the rest of the value, the
 * number, and bytes that differ at every place. So a mix of two values, or parts in the wrong
 * place, are noticed.
 */
export function stampValue({ key, number }: Stamp, size: number): Buffer {
  const value = Buffer.alloc(Math.max(size, stampedBytesMin))
  value.writeUInt32BE(number, 4)
  noise({ key, number }, value.length - stampedBytesMin).copy(value, stampedBytesMin)
  value.writeUInt32BE(checksum(key, value), 0)
  return value
}

/** The number of a value of this key; undefined if any byte is wrong or missing. */
export function readStamp(key: string, value: Buffer): number | undefined {
  if (value.length < stampedBytesMin || value.readUInt32BE(0) !== checksum(key, value)) {
    return undefined
  }
  return value.readUInt32BE(4)
}

function checksum(key: string, value: Buffer): number {
  return crc32(value.subarray(4), crc32(`${key}/${value.length}`))
}

function noise({ key, number }: Stamp, size: number): Buffer {
  const secret = Buffer.alloc(16)
  secret.writeUInt32BE(crc32(key), 0)
  secret.writeUInt32BE(number, 4)
  return createCipheriv('aes-128-ctr', secret, Buffer.alloc(16)).update(Buffer.alloc(size))
}
