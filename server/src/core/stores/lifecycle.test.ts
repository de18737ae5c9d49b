import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, readText, textRecord } from '../testing/records.ts'
import { findAndUse, openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { hour } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import type { Store } from './store.ts'

const wholeList = { prefix: '', startAfter: undefined, limit: 1_000 }

async function storeWithRecords(): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(new MemoryEngine())
  const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
  await store.put(textRecord('small', 'a'))
  await store.put(bytesRecord('large', patternBytes(5_000)))
  return { domain, store }
}

/** A domain whose engine is delayed at random, by a seed. */
async function slowDomain(seed: number): Promise<TestDomain> {
  return openTestDomain(new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed }))
}

describe('dropping a store', () => {
  it('ends it for every method', async () => {
    const { domain, store } = await storeWithRecords()
    await domain.stores.drop(store.id)
    const uses = [
      store.identity(),
      store.info(),
      promised(() => store.get('small')),
      store.head('small'),
      store.put(textRecord('small', 'b')),
      store.put(bytesRecord('huge', patternBytes(2 ** 20))),
      store.add(textRecord('new', 'b')),
      store.delete('small'),
      store.list(wholeList),
      store.clear(),
      findAndUse(domain, store.id),
      domain.stores.findByName(owner, 'coats'),
      domain.stores.update(store.id, { title: 'a' }),
      domain.stores.drop(store.id),
    ]
    const codes = await Promise.all(uses.map(codeOf))
    expect(codes).toEqual(uses.map(() => 'store-not-found'))
  })

  it('frees its name for a store that is empty', async () => {
    const { domain, store } = await storeWithRecords()
    await domain.stores.drop(store.id)
    const { store: next, isNew } = await domain.stores.open({ ownerId: owner, name: 'coats' })
    expect([isNew, next.id === store.id]).toEqual([true, false])
    expect((await next.list(wholeList)).items).toEqual([])
  })

  it('leaves only its change log, after a sweep', async () => {
    const { domain, store } = await storeWithRecords()
    await domain.stores.drop(store.id)
    await sweepFor(domain, 2 * hour)
    const kinds = [
      'store',
      'activity',
      'counter',
      'name',
      'owned',
      'expiry',
      'record',
      'chunk',
    ] as const
    for (const kind of [...kinds, 'garbage'] as const) {
      expect(await entriesOf(domain.engine, kind), kind).toEqual([])
    }
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('happens once when many callers drop it at once', async () => {
    const domain = await slowDomain(3)
    const { id } = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const codes = await Promise.all(
      Array.from({ length: 20 }, () => codeOf(domain.stores.drop(id))),
    )
    expect(codes.filter((code) => code === 'none').length).toBeGreaterThanOrEqual(1)
    expect(new Set(codes)).toEqual(new Set(['none', 'store-not-found']))
    expect((await check(domain.engine)).problems).toEqual([])
  })
})

describe('clearing a store', () => {
  it('removes all records and keeps the store', async () => {
    const { domain, store } = await storeWithRecords()
    const before = await store.identity()
    await store.clear()
    expect((await store.list(wholeList)).items).toEqual([])
    expect(await store.get('small')).toBeUndefined()
    expect(await store.info()).toMatchObject({ recordCount: 0, storedBytes: 0, name: 'coats' })
    expect({ ...(await store.identity()), contentId: 0 }).toEqual({ ...before, contentId: 0 })
    expect((await domain.stores.findByName(owner, 'coats')).id).toBe(store.id)
  })

  it('lets it be filled again at once, and the sweeper keeps the new records', async () => {
    const { domain, store } = await storeWithRecords()
    await store.clear()
    await store.put(textRecord('small', 'again'))
    await sweepFor(domain, 2 * hour)
    expect(await readText(store, 'small')).toBe('again')
    expect(await entriesOf(domain.engine, 'record')).toHaveLength(1)
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('happens each time when many callers clear it at once', async () => {
    const domain = await slowDomain(8)
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    await store.put(textRecord('a', 'a'))
    await Promise.all(Array.from({ length: 5 }, () => store.clear()))
    expect((await store.list(wholeList)).items).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })
})

describe('a put at the same time', () => {
  const seeds = Array.from({ length: 15 }, (_, seed) => seed)

  it.each(seeds)('never lands in a store that is dropped (%i)', async (seed) => {
    const domain = await slowDomain(seed)
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const puts = Array.from({ length: 30 }, (_, index) =>
      codeOf(store.put(bytesRecord(`key ${index % 7}`, patternBytes(index % 2 ? 10 : 3_000)))),
    )
    const [, ...codes] = await Promise.all([domain.stores.drop(store.id), ...puts])
    expect(['none', 'store-not-found']).toEqual(expect.arrayContaining([...new Set(codes)]))
    await sweepFor(domain, 2 * hour)
    expect(await entriesOf(domain.engine, 'record')).toEqual([])
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
    expect(await entriesOf(domain.engine, 'counter')).toEqual([])
  })

  it.each(seeds)('survives a clear or comes before it (%i)', async (seed) => {
    const domain = await slowDomain(seed)
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const puts = Array.from({ length: 20 }, (_, index) =>
      codeOf(store.put(textRecord(`key ${index}`, 'value'))),
    )
    const [, ...codes] = await Promise.all([store.clear(), ...puts])
    expect(new Set(codes)).toEqual(new Set(['none']))
    const { items } = await store.list(wholeList)
    const { recordCount, storedBytes } = await store.info()
    expect([recordCount, storedBytes]).toEqual([items.length, items.length * 5])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it.each(seeds)('is not lost when the store is renamed (%i)', async (seed) => {
    const domain = await slowDomain(seed)
    const store = await domain.stores.create({ ownerId: owner, name: 'name-0' })
    const rename = async (): Promise<void> => {
      for (let turn = 1; turn <= 5; turn += 1) {
        await domain.stores.update(store.id, { name: turn % 2 ? `name-${turn}` : null })
      }
    }
    const puts = Array.from({ length: 20 }, (_, index) =>
      store.put(textRecord(`key ${index}`, 'value')),
    )
    await Promise.all([rename(), ...puts])
    expect((await (await domain.stores.findByName(owner, 'name-5')).info()).recordCount).toBe(20)
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it.each(seeds)('or a rename leaves no name behind after a drop (%i)', async (seed) => {
    const domain = await slowDomain(seed)
    const { id } = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const [renamed, dropped] = await Promise.all([
      codeOf(domain.stores.update(id, { name: 'hats' })),
      codeOf(domain.stores.drop(id)),
    ])
    expect(dropped).toBe('none')
    expect(['none', 'store-not-found']).toContain(renamed)
    expect(await entriesOf(domain.engine, 'name')).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })
})
