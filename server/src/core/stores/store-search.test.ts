import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { sharedKey, storeKey } from '../disk/keyspace.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import type { StoreSearch } from './store-search.ts'

interface Made {
  readonly name?: string
  readonly title?: string
  readonly ownerId?: string
  readonly isShared?: boolean
}

/** Stores created one after the other. Shared ones belong to the other owner, who shares them. */
async function domainWith(
  made: readonly Made[],
  engine = new HurtEngine(new MemoryEngine()),
): Promise<{ domain: TestDomain; hurt: HurtEngine; ids: readonly string[] }> {
  const domain = await openTestDomain(engine)
  const ids: string[] = []
  for (const { name, title, isShared = false, ownerId = isShared ? otherOwner : owner } of made) {
    const { id } = await domain.stores.create({ ownerId, name })
    if (title !== undefined) await domain.stores.update(id, { title })
    if (isShared) await domain.stores.update(id, { shares: { [owner]: 'read' } })
    domain.environment.advance(1)
    ids.push(id)
  }
  return { domain, hurt: engine, ids }
}

async function search(
  { stores }: TestDomain,
  query: Partial<StoreSearch>,
): Promise<{ ids: string[]; isTruncated: boolean }> {
  const whole = { userId: owner, onlyStoreId: undefined, text: '', limit: 1_000 }
  const { items, isTruncated } = await stores.search({ ...whole, ...query })
  return { ids: items.map(({ id }) => id), isTruncated }
}

describe('a search', () => {
  const made: readonly Made[] = [
    { name: 'coats' },
    { name: 'hats', title: 'All the Coats' },
    { title: 'Mäntel 🧥' },
    { name: 'Raincoats', isShared: true },
    { name: 'gloves' },
    { name: 'coats', ownerId: otherOwner },
  ]

  it.each([
    ['coat', [0, 1, 3]],
    ['COAT', [0, 1, 3]],
    ['Coats', [0, 1, 3]],
    ['coats ', []],
    ['the c', [1]],
    ['mÄNT', [2]],
    ['🧥', [2]],
    ['.*', []],
    ['', [0, 1, 2, 4, 3]],
  ])('for %j finds names and titles that contain it', async (text, found) => {
    const { domain, ids } = await domainWith(made)
    const expected = found.map((index) => ids[index])
    expect(await search(domain, { text })).toEqual({ ids: expected, isTruncated: false })
  })

  it('finds stores by the start of their id, in exact case', async () => {
    const { domain, ids } = await domainWith(made)
    const [id = ''] = ids
    for (const text of [id, id.slice(0, 8)]) {
      expect((await search(domain, { text })).ids).toEqual([id])
    }
    const swapped = id.replace(/./g, (letter) =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    )
    for (const text of [swapped, id.slice(1), `${id}x`]) {
      expect((await search(domain, { text })).ids).toEqual([])
    }
  })

  it('describes each store as its own info does', async () => {
    const { domain, ids } = await domainWith([{ name: 'coats' }])
    const store = await domain.stores.find(ids[0] ?? '')
    await store.put(textRecord('key', 'value'))
    const whole = { userId: owner, onlyStoreId: undefined, text: 'coats', limit: 1 }
    const { items } = await domain.stores.search(whole)
    expect(items).toEqual([await store.info()])
  })

  it("finds the user's own stores, the oldest first, then shared ones, and no others", async () => {
    const { domain, ids } = await domainWith(made)
    const [, , , shared, , theirs] = ids
    expect((await search(domain, { userId: otherOwner })).ids).toEqual([shared, theirs])
    expect((await search(domain, { userId: 'x'.repeat(17) })).ids).toEqual([])
  })

  it('finds the stores of all users for the server itself', async () => {
    const { domain, ids } = await domainWith(made)
    const { ids: found } = await search(domain, { userId: undefined, text: 'coat' })
    expect(found.toSorted()).toEqual([ids[0], ids[1], ids[3], ids[5]].toSorted())
  })

  it('finds only the store that it is limited to', async () => {
    const { domain, ids } = await domainWith(made)
    for (const onlyStoreId of ids) {
      const isSeen = onlyStoreId !== ids[5]
      const expected = isSeen ? [onlyStoreId] : []
      expect((await search(domain, { onlyStoreId })).ids).toEqual(expected)
      expect((await search(domain, { onlyStoreId, text: 'no such' })).ids).toEqual([])
      expect((await search(domain, { onlyStoreId, userId: undefined })).ids).toEqual([onlyStoreId])
    }
    expect((await search(domain, { onlyStoreId: 'x'.repeat(17) })).ids).toEqual([])
  })

  it('says whether there are more than it returns', async () => {
    const { domain, ids } = await domainWith(made)
    const expected = [0, 1, 2, 4, 3].map((index) => ids[index])
    for (let limit = 1; limit <= 6; limit += 1) {
      const found = await search(domain, { limit })
      expect(found).toEqual({ ids: expected.slice(0, limit), isTruncated: limit < 5 })
    }
  })

  it('reaches beyond the first thousand', async () => {
    const many = Array.from({ length: 1_203 }, (_, index): Made => ({ name: `s${index}` }))
    const { domain, ids } = await domainWith(many)
    expect((await search(domain, { text: 's120' })).ids).toEqual([ids[120], ...ids.slice(1_200)])
    const all = await search(domain, {})
    expect(all).toEqual({ ids: ids.slice(0, 1_000), isTruncated: true })
  })

  it('finds the same as a simple loop over all stores', async () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'B', 'c', '-', 'É'), maxLength: 3 })
    const anyMade = fc.record({ title: texts, isShared: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(anyMade, { maxLength: 8 }), texts, async (stores, text) => {
        const { domain, ids } = await domainWith(stores)
        const expected = ids.filter((id, index) => {
          const title = stores[index]?.title ?? ''
          return id.startsWith(text) || title.toLowerCase().includes(text.toLowerCase())
        })
        expect((await search(domain, { text })).ids.toSorted()).toEqual(expected.toSorted())
      }),
      { numRuns: 60 },
    )
  })
})

describe('a search leaves out', () => {
  it('stores that were dropped, renamed or are no longer shared', async () => {
    const { domain, ids } = await domainWith([
      { name: 'coats-1' },
      { name: 'coats-2' },
      { name: 'coats-3', isShared: true },
      { name: 'coats-4', isShared: true },
    ])
    const [first = '', second = '', third = '', fourth = ''] = ids
    await domain.stores.drop(first)
    await domain.stores.update(second, { name: 'hats' })
    await domain.stores.update(third, { shares: { [owner]: null } })
    expect((await search(domain, { text: 'coats' })).ids).toEqual([fourth])
    await domain.stores.drop(fourth)
    expect((await search(domain, { text: '' })).ids).toEqual([second])
  })

  it('expired stores that were not swept', async () => {
    const { domain, ids } = await domainWith([{ title: 'coats' }, { name: 'coats' }])
    domain.environment.advance(8 * day)
    expect(await search(domain, { text: 'coats' })).toEqual({ ids: [ids[1]], isTruncated: false })
  })

  it('stores that are not shared although the index says so', async () => {
    const { domain, ids } = await domainWith([{ name: 'coats', ownerId: otherOwner }])
    const key = sharedKey(owner, ids[0] ?? '')
    await domain.engine.commit({ puts: [{ key, value: Buffer.of() }] })
    expect((await search(domain, {})).ids).toEqual([])
  })

  it('damaged stores, and no others', async () => {
    const { domain, hurt, ids } = await domainWith([
      { name: 'coats-1' },
      { name: 'coats-2' },
      { name: 'coats-3' },
    ])
    // On another server: this one still knows the store as it was before.
    const elsewhere = await openTestDomain(hurt, { environment: domain.environment })
    hurt.damage(storeKey(ids[0] ?? ''))
    expect((await search(elsewhere, { text: 'coats' })).ids).toEqual([ids[1], ids[2]])
  })
})
