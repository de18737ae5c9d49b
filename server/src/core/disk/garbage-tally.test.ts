import { expect, it } from 'vitest'
import { limits } from '../kernel/limits.ts'
import { markGarbage } from './garbage.ts'
import { GarbageTally } from './garbage-tally.ts'
import { counterKey } from './keyspace.ts'

const half = limits.garbageBytesMax / 2

function tallied(): { tally: GarbageTally; times: () => number } {
  let count = 0
  const tally = new GarbageTally(() => {
    count += 1
  })
  return { tally, times: () => count }
}

function left(bytes: number): ReturnType<typeof markGarbage> {
  return markGarbage(Buffer.alloc(12), { kind: 'value', bytes, dueAt: 1 })
}

it('tells each time another half of the bound was left', () => {
  const { tally, times } = tallied()
  tally.note(left(half - 1))
  expect(times()).toBe(0)
  tally.note(left(1))
  expect(times()).toBe(1)
  tally.note(left(half - 1))
  expect(times()).toBe(1)
  tally.note(left(3 * half))
  expect(times()).toBe(2)
})

it('counts no other sums', () => {
  const { tally, times } = tallied()
  tally.note({ sums: [{ key: counterKey('store000000000001', 'bytes'), delta: BigInt(half) }] })
  tally.note({})
  expect(times()).toBe(0)
})
