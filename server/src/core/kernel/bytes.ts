/** Raw bytes. Node's `Buffer` is one. */
export type Bytes = Uint8Array

/** The same bytes as a Buffer, not copied. */
export function asBuffer(bytes: Bytes): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Decodes UTF-8. Throws TypeError for other bytes. */
export const strictUtf8 = new TextDecoder('utf-8', { fatal: true })
