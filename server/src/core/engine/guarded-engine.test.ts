import { describe, expect, it } from 'vitest'
import { allFaults, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { EngineError, type EngineFailure } from './engine.ts'
import { GuardedEngine } from './guarded-engine.ts'

const noFaults = { ...allFaults, conflict: 0, failBefore: 0, unknown: 0 }
const key = Buffer.from('key')
const write = { puts: [{ key, value: Buffer.from('value') }] }

function guarded(faults: Partial<typeof allFaults>): {
  engine: GuardedEngine
  inner: MemoryEngine
} {
  const inner = new MemoryEngine()
  const faulty = new FaultyEngine(inner, { faults: { ...noFaults, ...faults }, seed: 3 })
  return { engine: new GuardedEngine(faulty), inner }
}

describe('a guarded engine', () => {
  it('tries a commit again after a conflict', async () => {
    const { engine, inner } = guarded({ conflict: 0.5 })
    for (let index = 0; index < 50; index += 1) {
      expect(await engine.commit(write)).toMatchObject({ applied: true })
    }
    expect(await inner.get([key])).not.toEqual([undefined])
  })

  it('reports a failed check only if a check failed', async () => {
    const { engine } = guarded({ conflict: 0.5 })
    const checks = [{ key, revision: undefined }]
    expect(await engine.commit({ ...write, checks })).toMatchObject({ applied: true })
    expect(await engine.commit({ ...write, checks })).toEqual({ applied: false })
  })

  it('gives up on a commit that always conflicts, and has stored nothing', async () => {
    const { engine, inner } = guarded({ conflict: 1 })
    expect(await codeOf(engine.commit(write))).toBe('store-busy')
    expect(await inner.get([key])).toEqual([undefined])
  })

  it('reports a commit whose response was lost as unknown, and does not repeat it', async () => {
    const { engine, inner } = guarded({ unknown: 1 })
    expect(await codeOf(engine.commit(write))).toBe('outcome-unknown')
    const revision = await inner.newerThan(-1, new AbortController().signal)
    expect(revision).toBeLessThanOrEqual(1)
  })

  it.each<[EngineFailure, string]>([
    ['full', 'storage-full'],
    ['unavailable', 'storage-unavailable'],
    ['closed', 'storage-unavailable'],
  ])('turns the failure %s into %s', async (failure, code) => {
    const hurt = new HurtEngine(new MemoryEngine())
    hurt.commitFailure = new EngineError(failure, 'Injected.')
    expect(await codeOf(new GuardedEngine(hurt).commit(write))).toBe(code)
  })

  it('reports an unknown outcome for each failure after which the write may be stored', async () => {
    const hurt = new HurtEngine(new MemoryEngine())
    const engine = new GuardedEngine(hurt)
    for (const failure of ['conflict', 'full', 'unavailable', 'closed'] as const) {
      hurt.commitFailure = new EngineError(failure, 'Injected.', { applied: 'unknown' })
      expect(await codeOf(engine.commit(write)), failure).toBe('outcome-unknown')
    }
  })

  it('rethrows the error of a write that breaks the contract, since that is a bug of ours', async () => {
    const engine = new GuardedEngine(new MemoryEngine())
    const twice = engine.commit({ ...write, deletes: [key] })
    await expect(twice).rejects.toBeInstanceOf(EngineError)
  })

  it('cannot be read after it was closed', async () => {
    const engine = new GuardedEngine(new MemoryEngine())
    await engine.close()
    const range = { start: key, end: Buffer.from('z') }
    expect(await codeOf(promised(() => engine.get([key])))).toBe('storage-unavailable')
    expect(await codeOf(engine.scan(range, { limit: 1, bytes: 1 }))).toBe('storage-unavailable')
    const never = new AbortController().signal
    expect(await codeOf(engine.newerThan(9, never))).toBe('storage-unavailable')
  })
})
