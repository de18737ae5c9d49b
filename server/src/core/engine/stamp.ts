import type { Bytes } from '../kernel/bytes.ts'
import type { Revision } from './engine.ts'

/** The stored key of a stamped put: the key, then the revision (8 bytes, big-endian). */
export function stampedKey(key: Bytes, revision: Revision): Buffer {
  const stamped = Buffer.allocUnsafe(key.length + 8)
  stamped.set(key)
  stamped.writeUInt32BE(Math.floor(revision / 2 ** 32), key.length)
  stamped.writeUInt32BE(revision % 2 ** 32, key.length + 4)
  return stamped
}
