import { describe, expect, it } from 'vitest'
import { allFaults, delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { EngineError, type StorageEngine } from '../engine/engine.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord, readBytes, readText, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, hour, minute } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'

const mebibyte = 2 ** 20
const large = patternBytes(3 * mebibyte + 5)

async function openStore(
  options: { engine?: StorageEngine; name?: string } = {},
): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(options.engine ?? new MemoryEngine())
  const store = await domain.stores.create({ ownerId: owner, name: options.name ?? 'coats' })
  return { domain, store }
}

/** Puts `large` under 'key'; `pause` runs after its first part was sent. */
function upload(store: Store, pause: () => Promise<unknown>): ReturnType<Store['put']> {
  const source = new PausingSource(large, async () => {
    await pause()
  })
  return store.put(bytesRecord('key', source))
}

/** An upload that adds a record fails, because another write adds it meanwhile: 'faster'. */
async function expectOvertaken(store: Store): Promise<void> {
  const source = new PausingSource(large, async () => {
    await store.put(textRecord('key', 'faster'))
  })
  const put = store.put(bytesRecord('key', source), { kind: 'absent' })
  expect(await codeOf(put)).toBe('condition-failed')
}

async function abort(): Promise<never> {
  throw new StorageError('upload-aborted', 'The sender went away.')
}

/** After enough time, only the chunks that records point to are stored. */
async function expectSwept(domain: TestDomain, chunks: number): Promise<void> {
  await sweepFor(domain, 2 * hour)
  expect(await entriesOf(domain.engine, 'chunk')).toHaveLength(chunks)
  expect(await entriesOf(domain.engine, 'lease')).toEqual([])
  expect(await entriesOf(domain.engine, 'garbage')).toEqual([])
  expect((await check(domain.engine)).problems).toEqual([])
}

describe('an upload', () => {
  it('is not visible before all of it is stored', async () => {
    const { store } = await openStore()
    await store.put(textRecord('key', 'before'))
    await upload(store, async () => {
      expect(await readText(store, 'key')).toBe('before')
      expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: 6 })
    })
    expect(Buffer.compare((await readBytes(store, 'key')) ?? Buffer.of(), large)).toBe(0)
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: large.length })
  })

  it('does not delay other writers of the record', async () => {
    const { domain, store } = await openStore()
    await upload(store, () => store.put(textRecord('key', 'meanwhile')))
    expect((await store.head('key'))?.size).toBe(large.length)
    await expectSwept(domain, 4)
  })

  it('that finishes last wins, even over one that began later', async () => {
    const { domain, store } = await openStore()
    await upload(store, () => store.put(bytesRecord('key', patternBytes(2 * mebibyte))))
    expect((await store.head('key'))?.size).toBe(large.length)
    await expectSwept(domain, 4)
  })

  it('goes on while the store is renamed', async () => {
    const { domain, store } = await openStore()
    await upload(store, () => domain.stores.update(store.id, { name: 'hats' }))
    expect((await store.head('key'))?.size).toBe(large.length)
  })

  it('leaves no lease and no mark behind', async () => {
    const { domain, store } = await openStore()
    await upload(store, async () => {
      expect(await entriesOf(domain.engine, 'lease')).toHaveLength(1)
    })
    expect(await entriesOf(domain.engine, 'lease')).toEqual([])
    expect(await entriesOf(domain.engine, 'garbage')).toEqual([])
  })
})

describe('an upload that fails', () => {
  it('leaves the record as it was, and no chunk, when the sender goes away', async () => {
    const { domain, store } = await openStore()
    await store.put(textRecord('key', 'before'))
    expect(await codeOf(upload(store, abort))).toBe('upload-aborted')
    expect(await readText(store, 'key')).toBe('before')
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: 6 })
    await expectSwept(domain, 0)
  })

  it('frees its chunks with the next sweep', async () => {
    const { domain, store } = await openStore()
    await codeOf(upload(store, abort))
    expect(await entriesOf(domain.engine, 'chunk')).toHaveLength(1)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })

  it('passes on an unexpected failure of the source', async () => {
    const { domain, store } = await openStore()
    const failure = new Error('socket')
    await expect(upload(store, () => Promise.reject(failure))).rejects.toBe(failure)
    await expectSwept(domain, 0)
  })

  it('in its last commit also frees its chunks with the next sweep', async () => {
    const { domain, store } = await openStore()
    await expectOvertaken(store)
    expect(await entriesOf(domain.engine, 'chunk')).toHaveLength(4)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })

  it('with an unknown outcome of a chunk reports that nothing was stored', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { domain, store } = await openStore({ engine })
    const fail = async (): Promise<void> => {
      engine.commitFailure = new EngineError('unavailable', 'Injected.', { applied: 'unknown' })
    }
    expect(await codeOf(upload(store, fail))).toBe('storage-unavailable')
    engine.commitFailure = undefined
    await expectSwept(domain, 0)
  })

  it('because of a condition leaves nothing behind', async () => {
    const { domain, store } = await openStore()
    await expectOvertaken(store)
    expect(await readText(store, 'key')).toBe('faster')
    await expectSwept(domain, 0)
  })

  it('because the storage is full says so and leaves nothing behind', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { domain, store } = await openStore({ engine })
    const fill = async (): Promise<void> => {
      engine.commitFailure = new EngineError('full', 'Injected.')
    }
    expect(await codeOf(upload(store, fill))).toBe('storage-full')
    engine.commitFailure = undefined
    expect(await store.head('key')).toBeUndefined()
    await expectSwept(domain, 0)
  })
})

describe('a store that changes during an upload', () => {
  it('is no longer found if it was dropped', async () => {
    const { domain, store } = await openStore()
    expect(await codeOf(upload(store, () => domain.stores.drop(store.id)))).toBe('store-not-found')
    await expectSwept(domain, 0)
  })

  it('is no longer found if it was dropped and another store has its name', async () => {
    const { domain, store } = await openStore()
    const replace = async (): Promise<void> => {
      await domain.stores.drop(store.id)
      await domain.stores.create({ ownerId: owner, name: 'coats' })
    }
    expect(await codeOf(upload(store, replace))).toBe('store-not-found')
    const { recordCount } = await (await domain.stores.findByName(owner, 'coats')).info()
    expect(recordCount).toBe(0)
    await expectSwept(domain, 0)
  })

  it('refuses the upload if it was cleared', async () => {
    const { domain, store } = await openStore()
    expect(await codeOf(upload(store, () => store.clear()))).toBe('store-cleared')
    expect(await store.info()).toMatchObject({ recordCount: 0, storedBytes: 0 })
    await expectSwept(domain, 0)
  })

  it('is no longer found if it has expired', async () => {
    const { domain } = await openStore()
    const store = await domain.stores.create({ ownerId: owner, name: undefined })
    const wait = async (): Promise<void> => domain.environment.advance(7 * day)
    expect(await codeOf(upload(store, wait))).toBe('store-not-found')
    await expectSwept(domain, 0)
  })
})

describe('the lease of an upload', () => {
  it('expires if the upload makes no progress for too long', async () => {
    const { domain, store } = await openStore()
    await store.put(textRecord('key', 'before'))
    const wait = (): Promise<void> => sweepFor(domain, limits.uploadLeaseMs + minute)
    expect(await codeOf(upload(store, wait))).toBe('upload-expired')
    expect(await readText(store, 'key')).toBe('before')
    await expectSwept(domain, 0)
  })

  it('expires even if all chunks are stored but the sender does not finish', async () => {
    const { domain, store } = await openStore()
    const source = new PausingSource(patternBytes(mebibyte), () =>
      sweepFor(domain, limits.uploadLeaseMs + minute),
    )
    expect(await codeOf(store.put(bytesRecord('key', source)))).toBe('upload-expired')
    await expectSwept(domain, 0)
  })

  it.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'expires before or after the last commit, never halfway through it (%i)',
    async (seed) => {
      const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed })
      const { domain, store } = await openStore({ engine })
      let sweeping = Promise.resolve()
      const source = new PausingSource(patternBytes(mebibyte), async () => {
        domain.environment.advance(limits.uploadLeaseMs)
        sweeping = domain.sweeper.sweep()
        for (let turn = 0; turn < seed / 2; turn += 1) await new Promise(setImmediate)
      })
      const code = await codeOf(store.put(bytesRecord('key', source)))
      await sweeping
      expect(['none', 'upload-expired', 'store-busy']).toContain(code)
      await expectSwept(domain, code === 'none' ? 1 : 0)
    },
  )

  it('keeps the sweeper away until it expires', async () => {
    const { domain, store } = await openStore()
    await upload(store, () => sweepFor(domain, limits.uploadLeaseMs - minute))
    expect(Buffer.compare((await readBytes(store, 'key')) ?? Buffer.of(), large)).toBe(0)
    await expectSwept(domain, 4)
  })

  it('is renewed with each chunk, however long the upload takes', async () => {
    const { domain, store } = await openStore()
    const parts = [large.subarray(0, mebibyte), large.subarray(mebibyte, 2 * mebibyte)]
    const source = {
      take: async () => {
        await sweepFor(domain, limits.uploadLeaseMs - minute)
        return parts.shift() ?? Buffer.of()
      },
    }
    expect(await codeOf(store.put(bytesRecord('key', source)))).toBe('none')
    expect((await store.head('key'))?.size).toBe(2 * mebibyte)
    await expectSwept(domain, 2)
  })

  it('of a server that is gone expires: another server frees the space', async () => {
    const { domain, store } = await openStore()
    const never = upload(store, () => new Promise(() => undefined))
    never.catch(() => undefined)
    const { engine, environment } = domain
    while ((await entriesOf(engine, 'lease')).length === 0) await new Promise(setImmediate)
    const next = await openTestDomain(engine, { environment })
    await expectSwept(next, 0)
  })
})

describe('uploads on an engine that fails', () => {
  const seeds = Array.from({ length: 25 }, (_, seed) => seed)

  it.each(seeds)('are stored as a whole or not at all, and leave no chunk (%i)', async (seed) => {
    const memory = new MemoryEngine()
    const environment = new TestEnvironment()
    const sound = await openTestDomain(memory, { environment })
    const { id } = await sound.stores.create({ ownerId: owner, name: 'coats' })
    await (await sound.stores.find(id)).put(textRecord('key', 'before'))
    const engine = new FaultyEngine(memory, { faults: { ...allFaults, failBefore: 0.02 }, seed })
    const failing = await openFailing(engine, environment)
    const put = failing.stores.find(id).then((store) => store.put(bytesRecord('key', large)))
    const code = await codeOf(put)
    expect(['none', 'outcome-unknown', 'storage-unavailable']).toContain(code)
    const size = (await (await sound.stores.find(id)).head('key'))?.size
    if (code === 'none') expect(size).toBe(large.length)
    else if (code === 'outcome-unknown') expect([6, large.length]).toContain(size)
    else expect(size).toBe(6)
    await expectSwept(sound, size === 6 ? 0 : 4)
  })

  it('do not mistake a conflict of the engine for the end of their lease', async () => {
    const faults = { ...allFaults, conflict: 0.5, failBefore: 0, unknown: 0 }
    const engine = new FaultyEngine(new MemoryEngine(), { faults, seed: 1 })
    const { store } = await openStore({ engine })
    for (let turn = 0; turn < 10; turn += 1) {
      expect(await codeOf(store.put(bytesRecord('key', large)))).toBe('none')
    }
  })
})

/** Opening a domain commits, which may fail too. */
async function openFailing(
  engine: StorageEngine,
  environment: TestEnvironment,
): Promise<TestDomain> {
  for (;;) {
    try {
      return await openTestDomain(engine, { environment })
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
    }
  }
}
