import { expect, it } from 'vitest'
import { GroupSizer } from './group-sizer.ts'

it('takes all waiting commits if the disk is slow', () => {
  const pace = paceAfter({ count: 64, syncMs: 5 })
  expect(pace.countFor(64)).toBe(64)
})

it('takes half of the clients that keep committing if a sync is faster than serving them', () => {
  const pace = paceAfter({ count: 64, syncMs: 0.2 })
  // The clients of the 64 answered commits are about to commit again, besides the 64 that wait.
  expect(pace.countFor(64)).toBe(64)
  expect(pace.countFor(100)).toBe(82)
})

it('keeps the two halves apart once there are two', () => {
  const pace = paceAfter({ count: 32, syncMs: 0.2 })
  expect(pace.countFor(32)).toBe(32)
  expect(pace.countFor(48)).toBe(40)
})

it('never takes more commits than there are', () => {
  expect(paceAfter({ count: 64, syncMs: 0.2 }).countFor(1)).toBe(1)
  expect(paceAfter({ count: 1, syncMs: 50 }).countFor(1)).toBe(1)
})

function paceAfter({ count, syncMs }: { count: number; syncMs: number }): GroupSizer {
  let now = 1_000
  const pace = new GroupSizer(() => now)
  pace.decided(count)
  now += syncMs
  pace.concluded()
  return pace
}
