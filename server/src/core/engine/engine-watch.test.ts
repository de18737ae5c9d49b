import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { type AtomicWrite, EngineError } from './engine.ts'
import { EngineWatch } from './engine-watch.ts'
import { GuardedEngine } from './guarded-engine.ts'

const away = new EngineError('unavailable', 'Nobody answers at db1:5432.')
const full = new EngineError('full', 'The disk of /srv is full.')
const key = Buffer.from('key')

function put(bytes = 1): AtomicWrite {
  return { puts: [{ key, value: Buffer.alloc(bytes) }] }
}

describe('the watch of an engine', () => {
  let environment: TestEnvironment
  let raw: HurtEngine
  let watch: EngineWatch
  let engine: GuardedEngine
  beforeEach(() => {
    environment = new TestEnvironment()
    raw = new HurtEngine(new MemoryEngine())
    watch = new EngineWatch(environment)
    engine = new GuardedEngine(raw, watch)
  })

  async function refuse(count: number, msBetween: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      expect(await codeOf(engine.commit(put()))).toBe('storage-unavailable')
      environment.advance(msBetween)
    }
  }

  it('logs one line when writes begin to fail, and one with the count when they are served', async () => {
    raw.commitFailure = away
    await refuse(2_000, 10)
    expect(environment.events).toEqual([
      'Writes are refused, because the storage fails: Nobody answers at db1:5432.',
    ])
    raw.commitFailure = undefined
    environment.advance(1_000)
    await engine.commit(put())
    expect(environment.events.slice(1)).toEqual([
      'Writes are served again after 21.0 s; 2000 were refused.',
    ])
    expect(environment.errors).toEqual([])
  })

  it('logs how many were refused once a minute meanwhile', async () => {
    raw.commitFailure = away
    await refuse(1_300, 100)
    expect(environment.events.slice(1)).toEqual([
      'Writes are still refused: 600 more in 60 s. Nobody answers at db1:5432.',
      'Writes are still refused: 600 more in 60 s. Nobody answers at db1:5432.',
    ])
  })

  it.each([3_600_000, -3_600_000])(
    'counts time right if the clock is set by %i ms',
    async (step) => {
      raw.commitFailure = away
      await refuse(1, 2_000)
      environment.setClock(step)
      expect(watch.refusals()).toHaveLength(1)
      raw.commitFailure = undefined
      await engine.commit(put())
      expect(environment.events.slice(1)).toEqual([
        'Writes are served again after 2.0 s; 1 were refused.',
      ])
    },
  )

  it('tells reads and writes apart', async () => {
    raw.readFailure = away
    expect(await codeOf(engine.get([key]))).toBe('storage-unavailable')
    await engine.commit(put())
    expect(environment.events).toHaveLength(1)
    expect(environment.events[0]).toMatch(/^Reads are refused/)
    expect(watch.refusals()).toEqual([
      { sentence: 'Reads are refused, because the storage fails.', reason: away.message },
    ])
  })

  it('logs no line for each change while some are refused and others served', async () => {
    for (let round = 0; round < 50; round += 1) {
      raw.commitFailure = round % 2 === 0 ? away : undefined
      await Promise.allSettled([engine.commit(put())])
      environment.advance(100)
    }
    expect(environment.events).toHaveLength(1)
  })

  it('is not about requests that are refused for reasons of their own', async () => {
    for (const failure of ['refused', 'damaged', 'conflict', 'closed'] as const) {
      raw.commitFailure = new EngineError(failure, 'no')
      await Promise.allSettled([engine.commit(put())])
    }
    expect(environment.events).toEqual([])
    expect(watch.refusals()).toEqual([])
  })

  it('takes a full storage for full until a write of about that size is served', async () => {
    raw.commitFailure = full
    expect(await codeOf(engine.commit(put(1_000)))).toBe('storage-full')
    raw.commitFailure = undefined
    environment.advance(2_000)
    await engine.commit(put(10))
    await engine.commit({ deletes: [key] })
    const told = [
      { sentence: 'Writes are refused, because the storage is full.', reason: full.message },
    ]
    expect(watch.refusals()).toEqual(told)
    await engine.commit(put(900))
    expect(watch.refusals()).toEqual([])
    expect(environment.events).toHaveLength(2)
  })

  it('no longer tells of a refusal half a minute ago', async () => {
    raw.commitFailure = full
    await Promise.allSettled([engine.commit(put())])
    expect(watch.refusals()).toHaveLength(1)
    environment.advance(30_000)
    expect(watch.refusals()).toEqual([])
  })
})
