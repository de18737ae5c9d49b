import { beforeEach, describe, expect, it } from 'vitest'
import type { EngineHealth } from '../engine/installed-engine.ts'
import { limits } from '../kernel/limits.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { type DurabilityWish, durabilityWishes, Health, promises } from './health.ts'

const sound: EngineHealth = { whyNot: undefined, durability: 'single', notes: [], now: undefined }

/** A clock that is right. */
const clock = { problem: undefined }

let environment: TestEnvironment
let timesAsked: number

beforeEach(() => {
  environment = new TestEnvironment()
  timesAsked = 0
})

function healthOf(changes: Partial<EngineHealth>, wish: DurabilityWish = 'any'): Health {
  const engine = {
    health: async (): Promise<EngineHealth> => {
      timesAsked += 1
      return { ...sound, ...changes }
    },
  }
  return new Health({ engine, environment, clock, wish })
}

describe('the health of a server', () => {
  it('is ok if its engine serves as it should, whatever the notes', async () => {
    const report = await healthOf({ notes: ['The disk is nearly full.'] }).report()
    expect(report).toMatchObject({ status: 'ok', problems: [], clockSkewMs: undefined })
    expect(report.engine.notes).toEqual(['The disk is nearly full.'])
  })

  it('is degraded while the clock keeps stores from expiring', async () => {
    const engine = { health: async () => sound }
    const problem = 'The clock is 8 days ahead.'
    const health = new Health({ engine, environment, clock: { problem }, wish: 'any' })
    expect(await health.report()).toMatchObject({ status: 'degraded', problems: [problem] })
  })

  it('is unavailable if its engine does not serve, without further problems', async () => {
    const changes = { whyNot: 'It is gone.', durability: 'none' } as const
    const report = await healthOf(changes, 'replicated').report()
    expect(report).toMatchObject({ status: 'unavailable', problems: [] })
  })

  it.each([
    { durability: 'degraded', wish: 'any' },
    { durability: 'degraded', wish: 'replicated' },
    { durability: 'single', wish: 'replicated' },
    { durability: 'none', wish: 'single' },
  ] as const)('is degraded if $wish is wanted and it is $durability', async (row) => {
    const report = await healthOf({ durability: row.durability }, row.wish).report()
    expect(report.status).toBe('degraded')
    expect(report.problems).toHaveLength(1)
  })

  it.each([
    { aheadMs: 1_000, status: 'ok' },
    { aheadMs: -1_000, status: 'ok' },
    { aheadMs: 1_001, status: 'degraded' },
    { aheadMs: -60_000, status: 'degraded' },
  ] as const)('is $status if the clock of its engine is $aheadMs ms ahead', async (row) => {
    const now = environment.now() + row.aheadMs
    const report = await healthOf({ now }).report()
    expect(report).toMatchObject({ status: row.status, clockSkewMs: row.aheadMs })
    expect(report.problems).toHaveLength(row.status === 'ok' ? 0 : 1)
  })

  it("compares the engine's clock with the middle of the request", async () => {
    const now = environment.now() + 200
    const engine = {
      health: async (): Promise<EngineHealth> => {
        environment.advance(400)
        return { ...sound, now }
      },
    }
    const report = await new Health({ engine, environment, clock, wish: 'any' }).report()
    expect(report.clockSkewMs).toBe(0)
  })

  it('is asked of the engine once a second, however many callers ask for it', async () => {
    const health = healthOf({})
    await Promise.all([health.report(), health.report()])
    environment.advance(limits.cachedHealthMs - 1)
    await health.report()
    expect(timesAsked).toBe(1)
    environment.advance(1)
    await health.report()
    expect(timesAsked).toBe(2)
  })

  it('does not mistake a slow response for a wrong clock', async () => {
    const tookMs = 8_000
    const answers = [environment.now(), environment.now() + tookMs]
    for (const now of answers) {
      const engine = {
        health: async (): Promise<EngineHealth> => {
          environment.advance(tookMs)
          return { ...sound, now }
        },
      }
      const report = await new Health({ engine, environment, clock, wish: 'any' }).report()
      environment.advance(-tookMs)
      expect(report.status).toBe('ok')
    }
  })

  it('is asked of a slow engine once at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<EngineHealth>()
    const engine = {
      health: (): Promise<EngineHealth> => {
        timesAsked += 1
        return promise
      },
    }
    const health = new Health({ engine, environment, clock, wish: 'any' })
    const first = health.report()
    environment.advance(60_000)
    const second = health.report()
    resolve(sound)
    expect(await first).toBe(await second)
    expect(timesAsked).toBe(1)
  })

  it('is asked again after a second, although the clock was set back', async () => {
    const health = healthOf({})
    await health.report()
    environment.setClock(-60_000)
    environment.advance(1_000)
    await health.report()
    expect(timesAsked).toBe(2)
  })
})

it.each([
  { durability: 'none', kept: ['any'] },
  { durability: 'single', kept: ['any', 'single'] },
  { durability: 'degraded', kept: ['any', 'single', 'replicated'] },
  { durability: 'replicated', kept: ['any', 'single', 'replicated'] },
] as const)('an engine that reports $durability promises $kept', ({ durability, kept }) => {
  const promised = durabilityWishes.filter((wish) => promises({ ...sound, durability }, wish))
  expect(promised).toEqual(kept)
})
