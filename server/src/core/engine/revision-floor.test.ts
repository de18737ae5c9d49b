import { expect, it } from 'vitest'
import { TestEnvironment } from '../testing/test-environment.ts'
import { floorAfter } from './revision-floor.ts'

const year = 365 * 86_400_000

it('is above what an installation used after a copy of it was made', () => {
  const environment = new TestEnvironment()
  environment.advance(year)
  let newest = 11
  for (let starts = 0; starts < 100; starts += 1) {
    // Another start from the same copy, a millisecond and a thousand commits later.
    const floor = floorAfter(11, environment)
    expect(floor).toBeGreaterThan(newest)
    newest = floor + 1_000
    environment.advance(10_000)
  }
})

it('differs from start to start although the clock stands still, or is wrong', () => {
  const environment = new TestEnvironment()
  for (const step of [0, -2 * year, 200 * year]) {
    environment.setClock(step)
    const floors = Array.from({ length: 50 }, () => floorAfter(1_000_000, environment))
    expect(new Set(floors).size).toBe(50)
    expect(Math.min(...floors)).toBeGreaterThan(1_000_000)
    expect(Math.max(...floors)).toBeLessThan(1_000_000 + 2 ** 25)
  }
})

it('never goes back, and stays a safe integer', () => {
  const environment = new TestEnvironment()
  for (const newest of [0, 2 ** 40, 2 ** 52, 2 ** 53 - 2 ** 39, Number.MAX_SAFE_INTEGER - 1]) {
    const floor = floorAfter(newest, environment)
    expect(floor).toBeGreaterThanOrEqual(newest)
    expect(Number.isSafeInteger(floor)).toBe(true)
  }
})

it('leaves revisions for a century of commits and starts', () => {
  const environment = new TestEnvironment()
  environment.setClock(60 * year)
  expect(floorAfter(0, environment)).toBeLessThan(2 ** 52)
})
