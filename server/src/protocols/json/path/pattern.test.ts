import { expect, it } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { Patterns } from './pattern.ts'
import { Steps } from './steps.ts'

/** Counts the steps, and never stops the search. */
class CountedSteps extends Steps {
  spent = 0

  constructor() {
    super(Number.POSITIVE_INFINITY)
  }

  override spend(count: number): void {
    this.spent += count
  }
}

it('keeps a bounded number of patterns, those that were used last', () => {
  const patterns = new Patterns()
  const costOf = (n: number): number => {
    const steps = new CountedSteps()
    expect(patterns.matches(`a${n}`, `a${n}`, steps)).toBe(true)
    return steps.spent
  }
  for (let n = 0; n < limits.cachedPatternsMax; n += 1) expect(costOf(n)).toBeGreaterThan(1_000)
  expect(costOf(0)).toBeLessThan(10)
  costOf(limits.cachedPatternsMax)
  expect(costOf(0)).toBeLessThan(10)
  expect(costOf(1)).toBeGreaterThan(1_000)
})
