import { expect, it } from 'vitest'
import { hour } from '../testing/times.ts'
import { decodeGarbage, encodeGarbage, type Garbage, keptUntil, markGarbage } from './garbage.ts'
import { garbageTotalKey } from './keyspace.ts'

it.each<Garbage>([
  { kind: 'value', bytes: 0 },
  { kind: 'value', bytes: 5 * 2 ** 40 },
  { kind: 'content', bytes: 1 },
])('is read as it was written: %j', (garbage) => {
  expect(decodeGarbage(encodeGarbage(garbage))).toEqual(garbage)
})

it('keeps its bytes on disk', () => {
  expect(encodeGarbage({ kind: 'content', bytes: 2 }).toString('hex')).toBe('014000000000000000')
})

it('adds its bytes to the total, and writes no sum for 0 bytes', () => {
  const id = Buffer.alloc(12)
  const mark = markGarbage(id, { kind: 'value', bytes: 9, dueAt: 1 })
  expect(mark.sums).toEqual([{ key: garbageTotalKey, delta: 9n }])
  expect(markGarbage(id, { kind: 'value', bytes: 0, dueAt: 1 }).sums).toEqual([])
})

it('is due an hour after the value was replaced', () => {
  expect(keptUntil(5)).toBe(5 + hour)
})
