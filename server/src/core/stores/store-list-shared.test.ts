import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { sharedKey } from '../disk/keyspace.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import type { Ownership, StoreQuery } from './store-list.ts'

const ownerships: readonly Ownership[] = ['ownedByMe', 'sharedWithMe', 'all']

/** A store to create, and what happens to it later. */
interface Made {
  readonly isNamed: boolean
  /** The owner: the user, or another user, who may share it. */
  readonly of: 'me' | 'another who shares it' | 'another'
  readonly later: 'nothing' | 'dropped' | 'shared no more' | 'ended'
}

const mine: Made = { isNamed: true, of: 'me', later: 'nothing' }
const theirs: Made = { isNamed: true, of: 'another who shares it', later: 'nothing' }

const anyMade: fc.Arbitrary<Made> = fc.record({
  isNamed: fc.boolean(),
  of: fc.constantFrom('me', 'another who shares it', 'another'),
  later: fc.oneof(
    { weight: 3, arbitrary: fc.constant('nothing' as const) },
    { weight: 1, arbitrary: fc.constantFrom('dropped', 'shared no more', 'ended') },
  ),
})

const anyQuery: fc.Arbitrary<Omit<StoreQuery, 'userId' | 'offset'>> = fc.record({
  ownership: fc.constantFrom(...ownerships),
  includeUnnamed: fc.boolean(),
  newestFirst: fc.boolean(),
  limit: fc.integer({ min: 1, max: 9 }),
})

/** Stores that expire are created a week before the others. */
async function domainWith(
  made: readonly Made[],
): Promise<{ domain: TestDomain; ids: readonly string[] }> {
  const domain = await openTestDomain(new MemoryEngine())
  const { stores, environment } = domain
  const ids: string[] = []
  const make = async ({ isNamed, of, later }: Made, index: number): Promise<void> => {
    const ownerId = of === 'me' ? owner : otherOwner
    const name = isNamed && later !== 'ended' ? `s${index}` : undefined
    const { id } = await stores.create({ ownerId, name })
    if (of === 'another who shares it') await stores.update(id, { shares: { [owner]: 'read' } })
    ids[index] = id
  }
  for (const [index, one] of made.entries()) if (one.later === 'ended') await make(one, index)
  environment.advance(7 * day)
  for (const [index, one] of made.entries()) {
    if (one.later === 'ended') continue
    await make(one, index)
    environment.advance(index % 3) // some at the same moment
  }
  for (const [index, { later }] of made.entries()) {
    const id = ids[index] ?? ''
    if (later === 'dropped') await stores.drop(id)
    if (later === 'shared no more' && made[index]?.of !== 'me') {
      await stores.update(id, { shares: { [owner]: null } })
    }
  }
  return { domain, ids }
}

/** The stores that the user should see, the oldest first. */
function shown(
  made: readonly Made[],
  query: Pick<StoreQuery, 'ownership' | 'includeUnnamed'>,
): number[] {
  return [...made.keys()].filter((index) => {
    const { isNamed, of, later } = made[index] ?? mine
    if (later === 'dropped' || later === 'ended') return false
    if (!isNamed && !query.includeUnnamed) return false
    if (of === 'me') return query.ownership !== 'sharedWithMe'
    const isShared = of === 'another who shares it' && later !== 'shared no more'
    return isShared && query.ownership !== 'ownedByMe'
  })
}

async function list(
  { stores }: TestDomain,
  query: Partial<StoreQuery> = {},
): Promise<{ ids: string[]; total: number }> {
  const whole = { userId: owner, ownership: 'all', includeUnnamed: true } as const
  const page = { newestFirst: false, offset: 0, limit: 1_000 }
  const { items, total } = await stores.list({ ...whole, ...page, ...query })
  return { ids: items.map(({ id }) => id), total }
}

describe('a list of own and shared stores', () => {
  it('has all of them in the order of their creation, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyMade, { maxLength: 25 }), anyQuery, async (made, query) => {
        const { domain, ids } = await domainWith(made)
        const oldestFirst = shown(made, query).map((index) => ids[index])
        const expected = query.newestFirst ? oldestFirst.toReversed() : oldestFirst
        for (let offset = 0; offset <= expected.length; offset += 1) {
          const page = await list(domain, { ...query, offset })
          const items = expected.slice(offset, offset + query.limit)
          expect(page).toEqual({ ids: items, total: expected.length })
        }
      }),
      { numRuns: 150 },
    )
  })

  it('reads only the stores that can be on the page', async () => {
    const { domain, ids } = await domainWith([
      ...Array.from({ length: 300 }, () => mine),
      theirs,
      ...Array.from({ length: 300 }, () => mine),
      theirs,
    ])
    let read = 0
    const get = domain.engine.get.bind(domain.engine)
    domain.engine.get = (keys) => {
      read += keys.length
      return get(keys)
    }
    const page = await list(domain, { offset: 590, limit: 5 })
    expect(page).toEqual({ ids: ids.slice(590, 595), total: 602 })
    expect(read).toBeLessThan(100)
    expect((await list(domain, { offset: 299, limit: 3 })).ids).toEqual(ids.slice(299, 302))
    expect((await list(domain, { offset: 600 })).ids).toEqual(ids.slice(600))
  })

  it('leaves out stores that are not shared although the index says so', async () => {
    const { domain, ids } = await domainWith([mine, { ...theirs, of: 'another' }])
    const key = sharedKey(owner, ids[1] ?? '')
    await domain.engine.commit({ puts: [{ key, value: Buffer.of() }] })
    expect(await list(domain)).toEqual({ ids: [ids[0]], total: 1 })
    expect(await list(domain, { ownership: 'sharedWithMe' })).toEqual({ ids: [], total: 0 })
  })
})

describe('a list for a token of one store', () => {
  it('has only that store or nothing, and otherwise obeys the query', async () => {
    const made: readonly Made[] = [
      mine,
      { ...mine, isNamed: false },
      theirs,
      { ...theirs, isNamed: false },
      { ...theirs, of: 'another' },
      { ...mine, later: 'dropped' },
    ]
    const { domain, ids } = await domainWith(made)
    for (const ownership of ownerships) {
      for (const includeUnnamed of [true, false]) {
        const seen = shown(made, { ownership, includeUnnamed })
        for (const [index, onlyStoreId] of ids.entries()) {
          const query = { ownership, includeUnnamed, onlyStoreId }
          const expected = seen.includes(index) ? [onlyStoreId] : []
          const message = JSON.stringify({ ...query, index })
          expect(await list(domain, query), message).toEqual({
            ids: expected,
            total: expected.length,
          })
          const behind = await list(domain, { ...query, offset: 1 })
          expect(behind).toEqual({ ids: [], total: expected.length })
        }
      }
    }
  })

  it('is empty if there is no such store', async () => {
    const { domain } = await domainWith([mine, theirs])
    expect(await list(domain, { onlyStoreId: 'x'.repeat(17) })).toEqual({ ids: [], total: 0 })
  })
})
