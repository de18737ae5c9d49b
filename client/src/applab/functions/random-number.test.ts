import { describe, expect, it } from 'vitest'
import { randomNumber } from './random-number.ts'

/** The different results of 1,000 calls, sorted. */
function given([min, max]: readonly number[]): readonly number[] {
  const numbers = Array.from({ length: 1_000 }, () => randomNumber(Number(min), max))
  return [...new Set(numbers)].sort((one, other) => one - other)
}

describe('a random number', () => {
  it.each([
    [
      [1, 3],
      [1, 2, 3],
    ],
    [
      [-1, 1],
      [-1, 0, 1],
    ],
    [[7, 7], [7]],
    [[2], [0, 1, 2]],
    [
      [3, 1],
      [1, 2, 3],
    ],
    [
      [1.9, 3.9],
      [1, 2, 3],
    ],
    [
      [-1.9, 0],
      [-1, 0],
    ],
    [
      [Number.NaN, 1],
      [0, 1],
    ],
  ] as const)('with the bounds %j is one of %j, and each of them comes', (bounds, numbers) => {
    expect(given(bounds)).toEqual(numbers)
  })

  it('knows bounds beyond 32 bits', () => {
    expect(randomNumber(3_000_000_000, 3_000_000_000)).toBe(3_000_000_000)
  })
})
