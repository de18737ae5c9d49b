import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { EngineError, type StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import { StorageError } from '../kernel/errors.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { assertWithin, deleteKeys, deletePrefix } from './delete-many.ts'
import type { Store } from './store.ts'

async function storeWith(
  keys: readonly string[],
  engine: StorageEngine = new MemoryEngine(),
): Promise<Store> {
  const { stores } = await openTestDomain(engine)
  const store = await stores.create({ ownerId: owner, name: 'coats' })
  await Promise.all(keys.map((key) => store.put(textRecord(key, 'x'))))
  return store
}

async function keysOf(store: Store): Promise<string[]> {
  const { items } = await store.list({ prefix: '', startAfter: undefined, limit: 1_000 })
  return items.map(({ key }) => key)
}

describe('deleting by keys', () => {
  it('ends when the caller loses the right', async () => {
    const { stores, liveUses } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: 'coats' })
    const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`)
    const own = await stores.find(id)
    await Promise.all(keys.map((key) => own.put(textRecord(key, 'x'))))
    const assertValid = async (): Promise<void> => {
      throw new StorageError('token-invalid', 'Revoked.')
    }
    const work = deleteKeys(await stores.find(id, { ...system, assertValid }), keys)
    work.catch(() => undefined) // it is checked below
    await liveUses.recheck()
    expect(await codeOf(work)).toBe('token-invalid')
    expect((await keysOf(own)).length).toBeGreaterThan(0)
  })

  it('removes the existing ones, and counts each once', async () => {
    const store = await storeWith(['a', 'b', 'c', ''])
    expect(await deleteKeys(store, ['a', 'c', 'none', 'a', '\ud800', 'x'.repeat(5_000)])).toBe(2)
    expect(await keysOf(store)).toEqual(['', 'b'])
    expect(await deleteKeys(store, [])).toBe(0)
    expect(await deleteKeys(store, [''])).toBe(1)
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: 1 })
  })

  it('removes thousands, a few at the same time', async () => {
    const keys = Array.from({ length: 3_000 }, (_, index) => `${index}`)
    const memory = new MemoryEngine()
    const store = await storeWith(keys, memory)
    let most = 0
    let running = 0
    const commit = memory.commit.bind(memory)
    memory.commit = async (write) => {
      running += 1
      most = Math.max(most, running)
      await new Promise(setImmediate)
      return commit(write).finally(() => {
        running -= 1
      })
    }
    expect(await deleteKeys(store, keys)).toBe(3_000)
    expect(await keysOf(store)).toEqual([])
    expect(most).toBeLessThanOrEqual(65)
    expect(most).toBeGreaterThan(30)
  })

  it('leaves the rest if the storage fails', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `${1_000 + index}`)
    const engine = new HurtEngine(new MemoryEngine())
    const store = await storeWith(keys, engine)
    engine.beforeCommit = async () => {
      engine.commitFailure = new EngineError('full', 'Injected.')
    }
    expect(await codeOf(deleteKeys(store, keys))).toBe('storage-full')
    engine.commitFailure = undefined
    const left = await keysOf(store)
    expect(left.length).toBeGreaterThanOrEqual(136)
    expect(await deleteKeys(store, keys)).toBe(left.length)
  })
})

describe('deleting by a prefix', () => {
  it('removes the keys that begin with it, and no others', async () => {
    const store = await storeWith(['a', 'a/', 'a/1', 'a/🧥', 'a0', 'b', 'é'])
    expect(await deletePrefix(store, 'a/')).toBe(3)
    expect(await keysOf(store)).toEqual(['a', 'a0', 'b', 'é'])
    expect(await deletePrefix(store, 'none')).toBe(0)
    expect(await deletePrefix(store, '\ud800')).toBe(0)
    expect(await deletePrefix(store, '')).toBe(4)
    expect(await keysOf(store)).toEqual([])
  })

  it('removes more than one page', async () => {
    const keys = Array.from({ length: 2_300 }, (_, index) => `a/${index}`)
    const store = await storeWith([...keys, 'b'])
    expect(await deletePrefix(store, 'a')).toBe(2_300)
    expect(await keysOf(store)).toEqual(['b'])
  })

  it.each([1, 2, 3])('counts each key once when two callers delete at once (%i)', async (seed) => {
    const keys = Array.from({ length: 150 }, (_, index) => `a/${index}`)
    const memory = new MemoryEngine()
    const store = await storeWith(keys, new FaultyEngine(memory, { faults: delaysOnly, seed }))
    const [one, two] = await Promise.all([deletePrefix(store, 'a'), deletePrefix(store, 'a/')])
    expect(one + two).toBe(150)
    expect(await entriesOf(memory, 'record')).toEqual([])
  })
})

it('is refused if the caller may not delete one of the keys', async () => {
  const within = (keys: readonly string[], prefix: string | undefined): Promise<string> =>
    codeOf((async () => assertWithin(keys, prefix))())
  expect(await within(['a', ''], undefined)).toBe('none')
  expect(await within([], 'a/')).toBe('none')
  expect(await within(['a/', 'a/1'], 'a/')).toBe('none')
  for (const key of ['a', '', 'b', 'A/1']) {
    expect(await within(['a/1', key], 'a/'), key).toBe('access-denied')
  }
})
