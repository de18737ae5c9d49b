import { describe, expect, it } from 'vitest'
import { allFaults, delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { readText, textRecord } from '../testing/records.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import type { Store } from './store.ts'
import type { Stores } from './stores.ts'

async function openStores(engine: StorageEngine = new MemoryEngine()): Promise<Stores> {
  return (await openTestDomain(engine)).stores
}

async function createNamed(stores: Stores, name: string, ownerId = owner): Promise<Store> {
  return stores.create({ ownerId, name })
}

/** The current name of the store. */
async function nameOf(stores: Stores, { id }: Store): Promise<string | null> {
  return (await (await stores.find(id)).identity()).name
}

describe('creating a store', () => {
  it('creates an empty one with the name', async () => {
    const stores = await openStores()
    const store = await createNamed(stores, 'coats')
    expect(await store.info()).toMatchObject({
      id: store.id,
      ownerId: owner,
      name: 'coats',
      title: null,
      generalAccess: 'FOLLOW_USER_SETTING',
      retention: 'default',
      recordCount: 0,
      storedBytes: 0,
      expiresAt: undefined,
    })
  })

  it('creates a new one each time if it has no name', async () => {
    const stores = await openStores()
    const ids = new Set<string>()
    for (let index = 0; index < 10; index += 1) {
      const store = await stores.create({ ownerId: owner, name: undefined })
      expect(await nameOf(stores, store)).toBeNull()
      ids.add(store.id)
    }
    expect(ids.size).toBe(10)
  })

  it('gives each its own id, content id and signing secret', async () => {
    const stores = await openStores()
    const one = await (await createNamed(stores, 'one')).identity()
    const two = await (await createNamed(stores, 'two')).identity()
    expect(one.contentId).not.toEqual(two.contentId)
    expect(one.signingSecret).not.toBe(two.signingSecret)
    expect(one.signingSecret).toMatch(/^[a-zA-Z0-9]{32}$/)
  })

  it('is refused if the owner has a store with that name', async () => {
    const stores = await openStores()
    const first = await createNamed(stores, 'coats')
    expect(await codeOf(createNamed(stores, 'coats'))).toBe('store-name-taken')
    expect((await stores.findByName(owner, 'coats')).id).toBe(first.id)
  })

  it('is refused with an invalid name, and nothing is stored', async () => {
    const engine = new MemoryEngine()
    const stores = await openStores(engine)
    for (const name of ['', '-a', 'a b', 'x'.repeat(64)]) {
      expect(await codeOf(createNamed(stores, name))).toBe('store-name-invalid')
      expect(await codeOf(stores.open({ ownerId: owner, name }))).toBe('store-name-invalid')
    }
    expect(await entriesOf(engine, 'store')).toEqual([])
  })

  it('never mistakes a conflict of the engine for a taken name', async () => {
    const faults = { ...allFaults, conflict: 0.5, failBefore: 0, unknown: 0 }
    const stores = await openStores(new FaultyEngine(new MemoryEngine(), { faults, seed: 5 }))
    for (let index = 0; index < 30; index += 1) {
      expect(await codeOf(stores.create({ ownerId: owner, name: undefined }))).toBe('none')
      expect(await codeOf(createNamed(stores, `name-${index}`))).toBe('none')
    }
  })
})

describe('finding a store', () => {
  it('works by id and by name', async () => {
    const stores = await openStores()
    const { id } = await createNamed(stores, 'coats')
    expect((await stores.find(id)).id).toBe(id)
    expect((await stores.findByName(owner, 'coats')).id).toBe(id)
  })

  it('distinguishes stores whose names differ only in case or owner', async () => {
    const stores = await openStores()
    const made = [
      await createNamed(stores, 'coats'),
      await createNamed(stores, 'Coats'),
      await createNamed(stores, 'coats', otherOwner),
    ]
    const found = [
      await stores.findByName(owner, 'coats'),
      await stores.findByName(owner, 'Coats'),
      await stores.findByName(otherOwner, 'coats'),
    ]
    expect(found.map(({ id }) => id)).toEqual(made.map(({ id }) => id))
    expect(await codeOf(stores.findByName(owner, 'COATS'))).toBe('store-not-found')
  })

  it('finds nothing under a name that no store can have, however long', async () => {
    const stores = await openStores(new HurtEngine(new MemoryEngine()))
    for (const name of ['', 'a b', '\ud800', 'x'.repeat(64), 'x'.repeat(100_000)]) {
      expect(await codeOf(stores.findByName(owner, name))).toBe('store-not-found')
    }
  })

  it('finds nothing under a text that is not an id', async () => {
    const stores = await openStores()
    const { id } = await createNamed(stores, 'coats')
    for (const other of ['', 'coats', id.slice(1), `${id}x`, `\0${id.slice(1)}`, 'x'.repeat(17)]) {
      expect(await codeOf(stores.find(other)), other).toBe('store-not-found')
    }
    expect(await codeOf(stores.findByName(owner, ''))).toBe('store-not-found')
  })
})

describe('opening a store', () => {
  it('creates it if there is none, and finds it after that', async () => {
    const stores = await openStores()
    const first = await stores.open({ ownerId: owner, name: 'coats' })
    const second = await stores.open({ ownerId: owner, name: 'coats' })
    expect([first.isNew, second.isNew]).toEqual([true, false])
    expect(second.store.id).toBe(first.store.id)
  })

  it.each([1, 2, 3, 4, 5])(
    'is atomic for a hundred requests at once, slowed down (%i)',
    async (seed) => {
      const stores = await openStores(
        new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed }),
      )
      const opened = await Promise.all(
        Array.from({ length: 100 }, () => stores.open({ ownerId: owner, name: 'coats' })),
      )
      expect(new Set(opened.map(({ store }) => store.id)).size).toBe(1)
      expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1)
      const { total } = await stores.list({ ...everything, userId: owner })
      expect(total).toBe(1)
    },
  )

  it('is atomic for a hundred requests at once on a fast engine', async () => {
    const stores = await openStores()
    const opened = await Promise.all(
      Array.from({ length: 100 }, () => stores.open({ ownerId: owner, name: 'coats' })),
    )
    expect(new Set(opened.map(({ store }) => store.id)).size).toBe(1)
    expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1)
  })

  it('is atomic for two servers', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 9 })
    const environment = new TestEnvironment()
    const one = await openTestDomain(engine, { environment })
    const two = await openTestDomain(engine, { environment })
    const opened = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? one : two).stores.open({ ownerId: owner, name: 'coats' }),
      ),
    )
    expect(new Set(opened.map(({ store }) => store.id)).size).toBe(1)
    expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1)
  })
})

describe('renaming a store', () => {
  it('moves the name, keeps id and records, and frees the old name', async () => {
    const stores = await openStores()
    const store = await createNamed(stores, 'coats')
    await store.put(textRecord('hook', '7'))
    await stores.update(store.id, { name: 'hats' })
    const renamed = await stores.findByName(owner, 'hats')
    expect(renamed.id).toBe(store.id)
    expect(await readText(renamed, 'hook')).toBe('7')
    expect(await codeOf(stores.findByName(owner, 'coats'))).toBe('store-not-found')
    const next = await stores.open({ ownerId: owner, name: 'coats' })
    expect(next.isNew).toBe(true)
  })

  it('is refused if the name is taken, and changes nothing', async () => {
    const stores = await openStores()
    const coats = await createNamed(stores, 'coats')
    const hats = await createNamed(stores, 'hats')
    const changes = { name: 'hats', title: 'Hats' }
    expect(await codeOf(stores.update(coats.id, changes))).toBe('store-name-taken')
    expect(await coats.identity()).toMatchObject({ name: 'coats', title: null })
    expect((await stores.findByName(owner, 'hats')).id).toBe(hats.id)
  })

  it('ignores the names of other owners', async () => {
    const stores = await openStores()
    await createNamed(stores, 'hats', otherOwner)
    const coats = await createNamed(stores, 'coats')
    expect(await codeOf(stores.update(coats.id, { name: 'hats' }))).toBe('none')
  })

  it('to its own name changes nothing, and to another case moves it', async () => {
    const stores = await openStores()
    const store = await createNamed(stores, 'coats')
    await stores.update(store.id, { name: 'coats' })
    expect((await stores.findByName(owner, 'coats')).id).toBe(store.id)
    await stores.update(store.id, { name: 'Coats' })
    expect((await stores.findByName(owner, 'Coats')).id).toBe(store.id)
    expect(await codeOf(stores.findByName(owner, 'coats'))).toBe('store-not-found')
  })

  it('to null removes the name', async () => {
    const stores = await openStores()
    const store = await createNamed(stores, 'coats')
    await stores.update(store.id, { name: null })
    expect(await nameOf(stores, store)).toBeNull()
    expect(await codeOf(stores.findByName(owner, 'coats'))).toBe('store-not-found')
    expect((await stores.open({ ownerId: owner, name: 'coats' })).isNew).toBe(true)
  })

  it('gives a name that several stores want to one of them', async () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed })
      const stores = await openStores(engine)
      const names = ['one', 'two', 'three', 'four']
      const made = await Promise.all(names.map((name) => createNamed(stores, name)))
      const codes = await Promise.all(
        made.map(({ id }) => codeOf(stores.update(id, { name: 'wanted' }))),
      )
      expect(codes.toSorted()).toEqual(['none', ...Array(3).fill('store-name-taken')])
      const winner = made[codes.indexOf('none')]
      expect((await stores.findByName(owner, 'wanted')).id).toBe(winner?.id)
    }
  })
})

describe('changing a store', () => {
  it('keeps the settings that are left out', async () => {
    const stores = await openStores()
    const { id } = await createNamed(stores, 'coats')
    await stores.update(id, { title: 'All coats', generalAccess: 'RESTRICTED' })
    await stores.update(id, { retention: 'none' })
    await stores.update(id, {})
    const store = await stores.find(id)
    expect(await store.identity()).toMatchObject({
      name: 'coats',
      title: 'All coats',
      generalAccess: 'RESTRICTED',
      retention: 'none',
    })
    await stores.update(id, { title: null })
    expect(await store.identity()).toMatchObject({ title: null, generalAccess: 'RESTRICTED' })
  })

  it('refuses an invalid name or title, and changes nothing', async () => {
    const stores = await openStores()
    const store = await createNamed(stores, 'coats')
    const before = await store.identity()
    expect(await codeOf(stores.update(store.id, { name: 'a b' }))).toBe('store-name-invalid')
    const title = 'x'.repeat(257)
    expect(await codeOf(stores.update(store.id, { title }))).toBe('store-title-invalid')
    expect(await store.identity()).toEqual(before)
  })

  it('loses no change of many at once', async () => {
    const stores = await openStores(
      new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 4 }),
    )
    const { id } = await createNamed(stores, 'coats')
    await Promise.all([
      stores.update(id, { title: 'Coats' }),
      stores.update(id, { name: 'hats' }),
      stores.update(id, { generalAccess: 'RESTRICTED' }),
    ])
    expect(await (await stores.find(id)).identity()).toMatchObject({
      title: 'Coats',
      name: 'hats',
      generalAccess: 'RESTRICTED',
    })
  })

  it('requires that the store exists', async () => {
    const stores = await openStores()
    expect(await codeOf(stores.update('x'.repeat(17), { name: 'a' }))).toBe('store-not-found')
  })
})

const everything = {
  ownership: 'all',
  includeUnnamed: true,
  newestFirst: false,
  offset: 0,
  limit: 1_000,
} as const
