export const opcodes = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameParts {
  readonly code?: number
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  /** The three bits that must be zero. */
  readonly reserved?: number
}

/** A frame as a client sends it, or one that no client should send. */
export function frame(payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { code = opcodes.text, isFinal = true, isMasked = true, reserved = 0 } = parts
  const data = Buffer.from(payload)
  const mask = isMasked ? Buffer.from([1, 2, 3, 4]) : Buffer.alloc(0)
  for (let index = 0; isMasked && index < data.length; index += 1) {
    data[index] = (data[index] ?? 0) ^ (mask[index & 3] ?? 0)
  }
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | code
  return Buffer.concat([lengthOf(first, isMasked ? 0x80 : 0, data.length), mask, data])
}

function lengthOf(first: number, maskBit: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, maskBit | length])
  const isLong = length > 0xffff
  const head = Buffer.alloc(isLong ? 10 : 4)
  head[0] = first
  head[1] = maskBit | (isLong ? 127 : 126)
  if (isLong) head.writeBigUInt64BE(BigInt(length), 2)
  else head.writeUInt16BE(length, 2)
  return head
}
