import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { JsonPathError } from './error.ts'
import { Patterns, programSizeOf } from './pattern.ts'
import { Steps } from './steps.ts'

/** Counts the steps, and never stops the search. */
class CountedSteps extends Steps {
  constructor() {
    super(Number.MAX_SAFE_INTEGER)
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

describe('the size of a pattern, which is known before it is compiled', () => {
  it.each([
    'a',
    'abc|de',
    'a{100}',
    'a{10,50}',
    'a{10,}',
    '(ab|c){30}d*',
    '((a{10}){10}){10}',
    '[a-z\\]]{200}x?',
    '\\pL{100}\\p{Greek}{50}',
    '(?i)hello( world){20}',
    '(?:x+x+)+y',
    '\\Qa{1000}\\E',
    'a{,5}b{x}',
  ])('is about right for %s', (pattern) => {
    const real = RE2JS.compile(pattern).programSize()
    const told = programSizeOf(pattern)
    expect(told).toBeGreaterThanOrEqual(real / 3)
    expect(told).toBeLessThanOrEqual(real * 3 + 10)
  })
})

it('refuses a pattern with too many parts before it compiles it', () => {
  const steps = new CountedSteps()
  const find = (pattern: string) => () => new Patterns().isIn('a', pattern, steps)
  for (const pattern of ['a{1000}'.repeat(59), '((a{10}){10}){10}'.repeat(9), '(a|b|c){1000}']) {
    expect(find(pattern), pattern).toThrow(JsonPathError)
  }
  expect(find('a{1000}')()).toBe(false)
})
