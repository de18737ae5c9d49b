import { describe, expect, it } from 'vitest'
import { limits } from '../../../core/kernel/limits.ts'
import { TestEnvironment } from '../../../core/testing/test-environment.ts'
import { minute, second } from '../../../core/testing/times.ts'
import { type PageCaller, PageRates } from './page-rates.ts'

const ann = { channelId: 'class', userId: 'ann', peer: '192.0.2.1' }
const nobody = { ...ann, userId: undefined }

/** How many of these calls are accepted. */
function takes(rates: PageRates, caller: PageCaller, count: number): number {
  const waits = Array.from({ length: count }, () => rates.take(caller))
  return waits.filter((waitMs) => waitMs === 0).length
}

describe('the rate limit of pages', () => {
  it('is low for one page, and its refused calls do not count for other pages', () => {
    const rates = new PageRates(new TestEnvironment())
    expect(takes(rates, ann, 100_000)).toBe(1_200)
    expect(takes(rates, { ...ann, userId: 'ben' }, 1_200)).toBe(1_200)
    expect(takes(rates, nobody, 1)).toBe(1)
  })

  it('allows the calls of a whole class to an address that sends no user ids', () => {
    const environment = new TestEnvironment()
    const rates = new PageRates(environment)
    const classCalls = 30 * 600
    for (let round = 0; round < 2; round += 1) {
      expect(takes(rates, nobody, 100_000)).toBe(classCalls)
      environment.advance(minute)
    }
    takes(rates, nobody, classCalls)
    expect(rates.take(nobody)).toBeGreaterThan(0)
    for (const other of [ann, { ...nobody, peer: '192.0.2.2' }, { ...nobody, channelId: 'b' }]) {
      expect(rates.take(other)).toBe(0)
    }
    environment.advance(second)
    expect(takes(rates, nobody, classCalls)).toBe(300)
  })

  it('holds for all pages of a project together, too', () => {
    const rates = new PageRates(new TestEnvironment())
    let calls = 0
    for (let who = 0; who < 60; who += 1) calls += takes(rates, { ...ann, userId: `${who}` }, 1_200)
    expect(calls).toBe(limits.projectCallsPerMinuteMax)
  })
})
