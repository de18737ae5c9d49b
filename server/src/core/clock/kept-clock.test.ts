import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { clockKey } from '../disk/keyspace.ts'
import { EngineError } from '../engine/engine.ts'
import { owner } from '../testing/callers.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { SharedEngine } from '../testing/shared-engine.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, hour } from '../testing/times.ts'

const actor = { userId: owner, tokenId: '00ff00ff00ff00ff', door: 'coatcheck' } as const

it.each([hour, -hour])(
  "a new installation expires stores although its first server's clock is %i ms off",
  async (off) => {
    const storage = new TestEnvironment()
    const memory = new SharedEngine(new MemoryEngine())
    const engine = Object.assign(memory, { readClock: async () => storage.now() })
    const environment = new TestEnvironment()
    environment.setClock(off)
    for (let starts = 0; starts < 3; starts += 1) {
      const domain = await openTestDomain(engine, { environment })
      await domain.sweeper.sweep()
      expect(domain.clock.isHeld).toBe(false)
      expect(domain.clock.now()).toBe(storage.now())
      await domain.close()
    }
    expect(environment.events).toEqual([])
  },
)

it('a start says nothing of a hold to a command that only reads', async () => {
  const engine = new MemoryEngine()
  const environment = new TestEnvironment()
  await (await openTestDomain(engine, { environment })).close()
  environment.setClock(2 * day)
  const { clock } = await openTestDomain(engine, { environment, isReadOnly: true })
  expect(clock.isHeld).toBe(true)
  expect(environment.events).toEqual([])
})

describe('a confirmation', () => {
  it('ends the hold only once it is stored, together with its line in the audit trail', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { environment, ...domain } = await openTestDomain(engine)
    environment.setClock(8 * day)
    engine.commitFailure = new EngineError('full', 'The disk is full.')
    expect(await codeOf(domain.confirmClock(actor))).toBe('storage-full')
    expect(domain.clock.isHeld).toBe(true)
    engine.commitFailure = undefined
    await domain.confirmClock(actor)
    expect(domain.clock.isHeld).toBe(false)
    const [entry] = await engine.get([clockKey])
    const { events } = await domain.auditLog.read(owner, { before: undefined, limit: 10 })
    const revision = entry?.revision
    expect(events).toMatchObject([{ action: 'clock-confirmed', at: environment.now(), revision }])
  })

  async function twoServers(): Promise<{
    environment: TestEnvironment
    one: TestDomain
    two: TestDomain
    restart(): Promise<TestDomain>
  }> {
    const engine = new SharedEngine(new MemoryEngine())
    const environment = new TestEnvironment()
    const open = (): Promise<TestDomain> => openTestDomain(engine, { environment })
    return { environment, one: await open(), two: await open(), restart: open }
  }

  it('counts for other servers also if it names an earlier time than one before', async () => {
    const { environment, one, two } = await twoServers()
    for (const step of [8 * day, -8 * day]) {
      environment.setClock(step)
      await two.sweeper.sweep()
      await one.confirmClock(actor)
      await two.sweeper.sweep()
      expect(two.clock.isHeld).toBe(false)
      expect(two.clock.memory.confirmedAt).toBe(environment.now())
    }
  })

  it('is not lost if another server stops before it has learned of it', async () => {
    const { environment, one, two, restart } = await twoServers()
    environment.setClock(8 * day)
    await two.sweeper.sweep()
    await one.confirmClock(actor)
    await two.close()
    const three = await restart()
    expect(three.clock.isHeld).toBe(false)
    expect(three.clock.memory.confirmedAt).toBe(environment.now())
  })
})
