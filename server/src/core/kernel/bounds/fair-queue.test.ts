import { expect, it } from 'vitest'
import { FairQueue } from './fair-queue.ts'

function drained(queue: FairQueue<string>): string {
  return queue.clear().join(' ')
}

it('lets lines take turns, and the lines within a line too', () => {
  const queue = new FairQueue<string>()
  for (const item of ['a1', 'a2', 'a3']) queue.push(['ann', 'first'], item)
  queue.push(['ann', 'second'], 'b1')
  queue.push(['bob', 'only'], 'c1')
  queue.push(['bob', 'only'], 'c2')
  expect(queue.size).toBe(6)
  expect(drained(queue)).toBe('a1 c1 b1 c2 a2 a3')
  expect(queue.size).toBe(0)
  expect(queue.shift()).toBeUndefined()
})

it('serves a line that is new before those that were just served', () => {
  const queue = new FairQueue<string>()
  queue.push(['busy'], '1')
  queue.push(['busy'], '2')
  queue.push(['busy'], '3')
  expect(queue.shift()).toBe('1')
  queue.push(['new'], 'x')
  expect(drained(queue)).toBe('2 x 3')
})
