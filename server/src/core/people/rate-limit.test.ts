import { describe, expect, it } from 'vitest'
import { limits } from '../kernel/limits.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { minute, second } from '../testing/times.ts'
import { RateLimit } from './rate-limit.ts'

/** How many of these calls are allowed. */
function takes(rate: RateLimit, who: string, count: number): number {
  return Array.from({ length: count }, () => rate.take(who)).filter((waitMs) => waitMs === 0).length
}

describe('a rate limit', () => {
  it("allows a minute's calls at once, and says when the next call may come", () => {
    const environment = new TestEnvironment()
    const rate = new RateLimit(environment, 60)
    expect(takes(rate, 'a', 61)).toBe(60)
    expect(rate.take('a')).toBe(second)
    environment.advance(second - 1)
    expect(rate.take('a')).toBe(1)
    environment.advance(1)
    expect(takes(rate, 'a', 2)).toBe(1)
    environment.advance(minute)
    expect(takes(rate, 'a', 61)).toBe(60)
  })

  it('counts each caller separately', () => {
    const rate = new RateLimit(new TestEnvironment(), 2)
    expect([takes(rate, 'a', 3), takes(rate, 'b', 3), takes(rate, '__proto__', 3)]).toEqual([
      2, 2, 2,
    ])
  })

  it('allows no more calls when the clock is set back', () => {
    const environment = new TestEnvironment()
    const rate = new RateLimit(environment, 60)
    expect(takes(rate, 'a', 60)).toBe(60)
    environment.setClock(-minute)
    expect(takes(rate, 'a', 5)).toBe(0)
    environment.advance(second)
    expect(takes(rate, 'a', 5)).toBe(1)
  })

  it('remembers a bounded number of callers', () => {
    const rate = new RateLimit(new TestEnvironment(), 1)
    for (let n = 0; n <= limits.rateLimitedMax; n += 1) expect(rate.take(`${n}`)).toBe(0)
    expect(rate.take(`${limits.rateLimitedMax}`)).toBeGreaterThan(0)
    expect(rate.take('0')).toBe(0) // forgotten
  })

  it('forgets first whoever was idle for longest, not whoever came first', () => {
    const rate = new RateLimit(new TestEnvironment(), 1)
    for (let n = 0; n < limits.rateLimitedMax; n += 1) rate.take(`${n}`)
    expect(rate.take('0')).toBeGreaterThan(0)
    rate.take('one more')
    expect(rate.take('0')).toBeGreaterThan(0)
    expect(rate.take('1')).toBe(0) // forgotten
  })

  it('lets a class of 30 pages make all calls that App Lab allows each of them', () => {
    const environment = new TestEnvironment()
    const project = new RateLimit(environment, limits.projectCallsPerMinuteMax)
    const page = new RateLimit(environment, limits.pageCallsPerMinuteMax)
    for (let round = 0; round < 3; round += 1) {
      for (let who = 0; who < 30; who += 1) {
        expect(takes(project, 'class', 600)).toBe(600)
        expect(takes(page, `${who}`, 600)).toBe(600)
      }
      environment.advance(minute)
    }
  })
})
