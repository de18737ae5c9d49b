import { describe, expect, it } from 'vitest'
import { LongText } from './long-text.ts'

describe('LongText', () => {
  it.each([
    ['many short pieces', Array.from({ length: 30_000 }, (_, index) => `"${index}":1,`)],
    ['pieces around the length that is encoded at once', ['x'.repeat(65_535), 'é', 'y'.repeat(2)]],
    ['a pair at the place where a piece is cut', [`${'x'.repeat(65_535)}😀${'y'.repeat(70_000)}`]],
    ['pairs only', ['😀'.repeat(100_001)]],
    ['empty pieces', ['', 'x'.repeat(70_000), '', 'y', '']],
  ])('sends the same bytes as the joined text: %s', (_, pieces) => {
    const payload = Buffer.from(pieces.join(''))
    const text = new LongText(pieces)
    const frame: Buffer[] = []
    while (!text.isDone) frame.push(text.next())
    const sent = Buffer.concat(frame)
    expect(text.size).toBe(sent.length)
    expect(sent.subarray(-payload.length).equals(payload)).toBe(true)
    // RFC 6455, 5.2: a text, and whole; its length as 64 bits behind the mark 127.
    expect([...sent.subarray(0, 2)]).toEqual([0x81, 127])
    expect(sent.readBigUInt64BE(2)).toBe(BigInt(payload.length))
    // No piece is so long that others wait: three bytes a unit, and a pair at its end.
    expect(Math.max(...frame.map(({ length }) => length))).toBeLessThan(65_538 * 3)
  })
})
