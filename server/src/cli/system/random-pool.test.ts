import { expect, it } from 'vitest'
import { RandomPool } from './random-pool.ts'

/**
 * A pool of `poolBytes` bytes. Drawn bytes count upward, so that each shows where it comes from.
 */
function countingPool(poolBytes: number): { pool: RandomPool; draws: number[] } {
  const draws: number[] = []
  let next = 0
  const draw = (bytes: Buffer): void => {
    draws.push(bytes.length)
    for (const index of bytes.keys()) bytes[index] = ++next
  }
  return { pool: new RandomPool(draw, poolBytes), draws }
}

it('gives each byte once, and draws anew when too few are left', () => {
  const { pool, draws } = countingPool(10)
  expect([...pool.take(4)]).toEqual([1, 2, 3, 4])
  expect([...pool.take(6)]).toEqual([5, 6, 7, 8, 9, 10])
  expect(draws).toEqual([10])
  expect([...pool.take(7)]).toEqual([11, 12, 13, 14, 15, 16, 17])
  // The three bytes that were left are dropped.
  expect([...pool.take(4)]).toEqual([21, 22, 23, 24])
  expect(draws).toEqual([10, 10, 10])
})

it('draws directly where more is wanted than the pool holds', () => {
  const { pool, draws } = countingPool(4)
  expect([...pool.take(5)]).toEqual([1, 2, 3, 4, 5])
  expect([...pool.take(4)]).toEqual([6, 7, 8, 9])
  expect(draws).toEqual([5, 4])
})

it('gives the caller a copy, and erases the bytes in the pool', () => {
  let drawn: Buffer | undefined
  const pool = new RandomPool((bytes) => {
    drawn = bytes.fill(7)
  }, 8)
  const taken = pool.take(3)
  expect([...(drawn ?? [])]).toEqual([0, 0, 0, 7, 7, 7, 7, 7])
  taken.fill(9)
  expect([...pool.take(5)]).toEqual([7, 7, 7, 7, 7])
  expect([...taken]).toEqual([9, 9, 9])
})
