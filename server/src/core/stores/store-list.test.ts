import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import type { StoreQuery } from './store-list.ts'

const ofOwner = { userId: owner, ownership: 'all' } as const

/** Stores created a millisecond apart, in this order; '-' stands for one without a name. */
async function domainWith(names: readonly string[]): Promise<TestDomain> {
  const domain = await openTestDomain(new MemoryEngine())
  for (const name of names) {
    await domain.stores.create({ ownerId: owner, name: name === '-' ? undefined : name })
    domain.environment.advance(1)
  }
  return domain
}

async function list(
  { stores }: TestDomain,
  query: Partial<StoreQuery> = {},
): Promise<{ names: string; total: number }> {
  const whole = { ...ofOwner, includeUnnamed: true, newestFirst: false, offset: 0, limit: 1000 }
  const { items, total } = await stores.list({ ...whole, ...query })
  return { names: items.map(({ name }) => name ?? '-').join(' '), total }
}

describe('a list of stores', () => {
  it('is in the order of their creation, oldest or newest first', async () => {
    const domain = await domainWith(['b', '-', 'a', 'c'])
    expect(await list(domain)).toEqual({ names: 'b - a c', total: 4 })
    expect(await list(domain, { newestFirst: true })).toEqual({ names: 'c a - b', total: 4 })
  })

  it('has only the named ones, or all', async () => {
    const domain = await domainWith(['-', 'a', '-', 'b', '-'])
    const named = { includeUnnamed: false }
    expect(await list(domain, named)).toEqual({ names: 'a b', total: 2 })
    expect(await list(domain, { ...named, newestFirst: true })).toEqual({ names: 'b a', total: 2 })
    expect(await list(domain)).toEqual({ names: '- a - b -', total: 5 })
  })

  it('has the requested page, and the total of all pages', async () => {
    const domain = await domainWith(['a', 'b', 'c', 'd', 'e'])
    expect(await list(domain, { offset: 1, limit: 2 })).toEqual({ names: 'b c', total: 5 })
    expect(await list(domain, { offset: 4, limit: 2 })).toEqual({ names: 'e', total: 5 })
    expect(await list(domain, { offset: 5 })).toEqual({ names: '', total: 5 })
    expect(await list(domain, { offset: 1_000_000 })).toEqual({ names: '', total: 5 })
    const newest = { newestFirst: true, offset: 1, limit: 2 }
    expect(await list(domain, newest)).toEqual({ names: 'd c', total: 5 })
  })

  it("is empty for an owner without stores, and never shows other owners' stores", async () => {
    const domain = await domainWith(['a'])
    await domain.stores.create({ ownerId: otherOwner, name: 'b' })
    expect(await list(domain)).toEqual({ names: 'a', total: 1 })
    const nobody = await list(domain, { userId: 'owner000000000003' })
    expect(nobody).toEqual({ names: '', total: 0 })
  })

  it('describes each store as its own info does', async () => {
    const { stores } = await domainWith([])
    const store = await stores.create({ ownerId: owner, name: 'a' })
    await store.put(textRecord('key', 'value'))
    const query = { includeUnnamed: true, newestFirst: false, offset: 0, limit: 1 }
    const { items } = await stores.list({ ...ofOwner, ...query })
    expect(items).toEqual([await store.info()])
    expect(items[0]).toMatchObject({ recordCount: 1, storedBytes: 5 })
  })

  it('follows names that are set, changed and removed', async () => {
    const domain = await domainWith(['a', '-', 'c'])
    const { items } = await domain.stores.list({
      ...ofOwner,
      includeUnnamed: true,
      newestFirst: false,
      offset: 0,
      limit: 9,
    })
    const [first, second, third] = items.map(({ id }) => id)
    await domain.stores.update(first ?? '', { name: 'z' })
    await domain.stores.update(second ?? '', { name: 'b' })
    await domain.stores.update(third ?? '', { name: null })
    expect(await list(domain)).toEqual({ names: 'z b -', total: 3 })
    expect(await list(domain, { includeUnnamed: false })).toEqual({ names: 'z b', total: 2 })
  })

  it('leaves out dropped stores', async () => {
    const domain = await domainWith(['a', '-', 'c'])
    await domain.stores.drop((await domain.stores.findByName(owner, 'a')).id)
    expect(await list(domain)).toEqual({ names: '- c', total: 2 })
    expect(await list(domain, { includeUnnamed: false })).toEqual({ names: 'c', total: 1 })
  })

  it('is in the order of their creation even within one moment, page by page', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    const names = Array.from({ length: 20 }, (_, index) => `store-${index}`)
    for (const name of names) await domain.stores.create({ ownerId: owner, name })
    for (const newestFirst of [false, true]) {
      const seen: string[] = []
      for (let offset = 0; offset < 20; offset += 3) {
        seen.push(...(await list(domain, { newestFirst, offset, limit: 3 })).names.split(' '))
      }
      expect(seen).toEqual(newestFirst ? names.toReversed() : names)
    }
  })

  it('leaves out stores that are dropped at the same time', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 1 })
    const domain = await openTestDomain(engine)
    const names = Array.from({ length: 20 }, (_, index) => `store-${index}`)
    const made = await Promise.all(
      names.map((name) => domain.stores.create({ ownerId: owner, name })),
    )
    const dropping = made.slice(5).map(({ id }) => domain.stores.drop(id))
    const listed = await Promise.all(Array.from({ length: 10 }, () => list(domain)))
    await Promise.all(dropping)
    for (const page of listed) {
      expect(names).toEqual(expect.arrayContaining(page.names.split(' ')))
      expect(page.names.split(' ')).toEqual(expect.arrayContaining(names.slice(0, 5)))
    }
  })

  it('reaches beyond the first thousand', async () => {
    const names = Array.from({ length: 1_203 }, (_, index) => `s${index}`)
    const domain = await domainWith(names)
    const all = await list(domain)
    expect(all.names.split(' ')).toEqual(names.slice(0, 1_000))
    expect(all.total).toBe(1_203)
    expect((await list(domain, { offset: 998, limit: 4 })).names).toBe('s998 s999 s1000 s1001')
    expect((await list(domain, { offset: 1_201 })).names).toBe('s1201 s1202')
  })
})

describe('a list of stores with expired ones that were not swept', () => {
  it('leaves the expired ones out, and does not count them in the total', async () => {
    const domain = await domainWith(['-', 'a', '-'])
    domain.environment.advance(7 * day - 1)
    await domain.stores.create({ ownerId: owner, name: 'b' })
    await domain.stores.create({ ownerId: owner, name: undefined })
    expect(await list(domain)).toEqual({ names: 'a b -', total: 3 })
    expect(await list(domain, { newestFirst: true })).toMatchObject({ total: 3 })
    expect(await list(domain, { includeUnnamed: false })).toEqual({ names: 'a b', total: 2 })
  })

  it('counts offset and limit without the expired ones', async () => {
    const domain = await domainWith(['-', '-', 'a', '-', 'b', 'c'])
    domain.environment.advance(7 * day)
    expect(await list(domain, { offset: 0, limit: 1 })).toEqual({ names: 'a', total: 3 })
    expect(await list(domain, { offset: 1, limit: 2 })).toEqual({ names: 'b c', total: 3 })
  })

  it('has the same total after a sweep', async () => {
    const domain = await domainWith(['-', 'a', '-'])
    domain.environment.advance(7 * day)
    const before = await list(domain)
    await domain.sweeper.sweep()
    expect(await list(domain)).toEqual(before)
  })

  it('does not count expired stores of other owners', async () => {
    const domain = await domainWith(['a'])
    await domain.stores.create({ ownerId: otherOwner, name: undefined })
    domain.environment.advance(7 * day)
    expect(await list(domain)).toEqual({ names: 'a', total: 1 })
    expect(await list(domain, { userId: otherOwner })).toEqual({ names: '', total: 0 })
  })
})
