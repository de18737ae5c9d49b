import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StorageEngine } from '../../core/engine/engine.ts'
import type { InstalledEngine } from '../../core/engine/installed-engine.ts'
import {
  describeCommits,
  describeReads,
  describeSums,
  put,
  text,
  type Used,
  within,
} from './basics.ts'
import { allFaults, delaysOnly, FaultyEngine } from './faulty.ts'
import { runModel } from './model.ts'
import { describeOrder } from './order.ts'
import { describeRestore } from './restore.ts'

export interface EngineUnderTest<Engine extends StorageEngine = InstalledEngine> {
  readonly engine: Engine
  /** Closes the engine and opens what it had stored; undefined: it keeps nothing. */
  readonly reopen?: () => Promise<Engine>
  /** Removes what the engine left behind. */
  cleanUp(): Promise<void>
}

/** How many random sequences are compared with the model. */
const modelRuns = 2_000

/** The engine contract as tests: on the engine as it is, and through seeded delays and failures. */
export function describeEngine(name: string, open: () => Promise<EngineUnderTest>): void {
  describe(`${name}: the engine contract`, () => describeContract(open))
  describe(`${name}: restoring`, () => describeRestore(open))
  describe(`${name}, slowed down: the engine contract`, () => {
    describeContract(async () => {
      const under = await open()
      const engine = new FaultyEngine(under.engine, { faults: delaysOnly, seed: 1 })
      return { engine, cleanUp: () => under.cleanUp() }
    })
  })
  describe(`${name}, failing: the engine contract`, () => {
    describeModel(async () => {
      const under = await open()
      const engine = new FaultyEngine(under.engine, { faults: allFaults, seed: 2 })
      return { engine, cleanUp: () => under.cleanUp() }
    })
  })
}

type Open = () => Promise<EngineUnderTest<StorageEngine>>

function describeContract(open: Open): void {
  const used = useEngine(open)
  describeReads(used)
  describeCommits(used)
  describeSums(used)
  describeOrder(used)
  describeEnds(open)
  describeModel(open)
}

function useEngine(open: Open): Used {
  let under: EngineUnderTest<StorageEngine> | undefined
  let tests = 0
  beforeAll(async () => {
    under = await open()
  })
  afterAll(async () => {
    await under?.engine.close()
    await under?.cleanUp()
  })
  return {
    engine: () => {
      if (!under) throw new Error('The engine is open only inside tests.')
      return under.engine
    },
    key: (text) => {
      const test = expect.getState().currentTestName ?? String(tests++)
      return Buffer.from(`${test}/${text}`)
    },
  }
}

function describeEnds(open: Open): void {
  it('rejects every call after close, and lets calls in flight end', async () => {
    const { engine, cleanUp } = await open()
    const one = { key: Buffer.from('a'), value: Buffer.from('x') }
    const waiting = engine.newerThan(1_000_000, new AbortController().signal)
    waiting.catch(() => undefined)
    const inFlight = engine.commit({ puts: [one] })
    await inFlight
    await engine.close()
    const closed = { failure: 'closed' }
    await expect((async () => engine.get([one.key]))()).rejects.toMatchObject(closed)
    await expect(engine.scan(within(one.key), { limit: 1, bytes: 1 })).rejects.toMatchObject(closed)
    await expect(engine.commit({ puts: [one] })).rejects.toMatchObject(closed)
    await expect(waiting).rejects.toMatchObject(closed)
    await cleanUp()
  })

  it('finds its entries when it is opened again, and goes on counting revisions', async () => {
    const { engine, reopen, cleanUp } = await open()
    const revision = await put(engine, [Buffer.from('a'), 'kept'])
    if (!reopen) {
      await engine.close()
      return cleanUp()
    }
    const again = await reopen()
    expect(text((await again.get([Buffer.from('a')]))[0]?.value)).toBe('kept')
    expect(await put(again, [Buffer.from('b'), 'x'])).toBeGreaterThan(revision)
    await again.close()
    await cleanUp()
  })
}

function describeModel(open: Open): void {
  it(`behaves like a sorted map in ${modelRuns} random sequences`, {
    timeout: 300_000,
  }, async () => {
    const { engine, cleanUp } = await open()
    await runModel(engine, modelRuns)
    await engine.close()
    await cleanUp()
  })
}
