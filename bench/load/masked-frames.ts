import { randomBytes } from 'node:crypto'
import type { FrameRow } from './socket-connection.ts'

const textFrame = 0x81
const masked = 0x80
const shortMax = 125
const mediumMark = 126

/** The frames that a client sends: texts of up to 64 KB, each with its own mask. */
export function maskedFrames(texts: readonly string[]): FrameRow {
  const frames = texts.map(maskedFrame)
  const offsets = [0]
  for (const { length } of frames) offsets.push((offsets.at(-1) ?? 0) + length)
  return { bytes: Buffer.concat(frames), offsets }
}

function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const mask = randomBytes(4)
  const { length } = payload
  for (let index = 0; index < length; index += 1) {
    payload[index] = (payload[index] ?? 0) ^ (mask[index & 3] ?? 0)
  }
  return Buffer.concat([headOf(length), mask, payload])
}

function headOf(length: number): Buffer {
  if (length <= shortMax) return Buffer.from([textFrame, masked | length])
  const head = Buffer.from([textFrame, masked | mediumMark, 0, 0])
  head.writeUInt16BE(length, 2)
  return head
}
