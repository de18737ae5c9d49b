/** The frames that a server sends: each is a whole message, without a mask (RFC 6455, 5.2). */

const final = 0x80
const textCode = 0x1
const pongCode = 0xa
/** A length up to this fits into the second byte of the head. */
const shortMax = 125
const mediumMax = 0xffff
const mediumMark = 126
const longMark = 127

/**
 * The frames of texts, one behind the other. One buffer for all costs a fraction of a buffer for
 * each.
 */
export function textFrames(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text))
  const total = sizes.reduce((sum, size) => sum + headBytes(size) + size, 0)
  const frames = Buffer.allocUnsafe(total)
  let end = 0
  texts.forEach((text, index) => {
    const size = sizes[index] ?? 0
    end = writeHead(frames, { start: end, code: textCode, size })
    end += frames.write(text, end)
  })
  return frames
}

/** The head of the frame of a text that is encoded later, of `size` bytes. */
export function longTextHead(size: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes(size))
  writeHead(head, { start: 0, code: textCode, size })
  return head
}

/** `data` is the data of the ping, 125 bytes at most. */
export function pongFrame(data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes(data.length) + data.length)
  frame.set(data, writeHead(frame, { start: 0, code: pongCode, size: data.length }))
  return frame
}

function headBytes(size: number): number {
  if (size <= shortMax) return 2
  return size <= mediumMax ? 4 : 10
}

/** Writes the head of a frame. Returns where its payload begins. */
function writeHead(
  frames: Buffer,
  { start, code, size }: { start: number; code: number; size: number },
): number {
  frames[start] = final | code
  if (size <= shortMax) {
    frames[start + 1] = size
    return start + 2
  }
  if (size <= mediumMax) {
    frames[start + 1] = mediumMark
    return frames.writeUInt16BE(size, start + 2)
  }
  frames[start + 1] = longMark
  return frames.writeBigUInt64BE(BigInt(size), start + 2)
}
