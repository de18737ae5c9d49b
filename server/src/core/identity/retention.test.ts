import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, readText, textRecord } from '../testing/records.ts'
import { findAndUse, openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day, hour, minute, second, settle } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import {
  defaultRetention,
  type OwnRetention,
  type Retention,
  renewalDelayMs,
  retentionInForce,
} from './retention.ts'

const wholeList = { prefix: '', startAfter: undefined, limit: 1_000 }
const allStores = {
  ownership: 'all',
  includeUnnamed: true,
  newestFirst: false,
  offset: 0,
  limit: 1_000,
} as const
const shortly: Retention = {
  ttlMs: minute,
  renewOnRead: true,
  renewOnWrite: true,
  onExpiry: 'drop',
}

interface Opened {
  readonly domain: TestDomain
  readonly store: Store
}

/** A store with the record 'key'. It is unnamed unless a name is given. */
async function openStore(
  options: { name?: string; retention?: OwnRetention; unnamedRetentionMs?: number } = {},
): Promise<Opened> {
  const { name, retention = 'default', ...rest } = options
  const domain = await openTestDomain(new MemoryEngine(), rest)
  const store = await domain.stores.create({ ownerId: owner, name, retention })
  await store.put(textRecord('key', 'value'))
  return { domain, store }
}

async function isAlive({ domain, store }: Opened): Promise<boolean> {
  return (await codeOf(findAndUse(domain, store.id))) === 'none'
}

type Use = (opened: Opened) => Promise<unknown>

const dataUses = {
  get: async ({ store }) => store.get('key'),
  'get of a missing record': async ({ store }) => store.get('none'),
  put: ({ store }) => store.put(textRecord('key', 'again')),
  'put of a large value': ({ store }) => store.put(bytesRecord('key', patternBytes(2 ** 20))),
  add: ({ store }) => store.add(textRecord('new', 'value')),
  delete: ({ store }) => store.delete('key'),
} as const satisfies Record<string, Use>

const otherUses = {
  identity: ({ store }) => store.identity(),
  info: ({ store }) => store.info(),
  head: ({ store }) => store.head('key'),
  'list of records': ({ store }) => store.list(wholeList),
  changes: ({ store }) => store.changes({ after: 0, prefix: '' }),
  find: ({ domain, store }) => findAndUse(domain, store.id),
  'list of stores': ({ domain }) => domain.stores.list({ userId: owner, ...allStores }),
  'new title': ({ domain, store }) => domain.stores.update(store.id, { title: 'Title' }),
  'new access': ({ domain, store }) =>
    domain.stores.update(store.id, { generalAccess: 'RESTRICTED' }),
} as const satisfies Record<string, Use>

const endingUses = {
  clear: ({ store }) => store.clear(),
  drop: ({ domain, store }) => domain.stores.drop(store.id),
  naming: ({ domain, store }) => domain.stores.update(store.id, { name: 'kept' }),
  'new retention': ({ domain, store }) => domain.stores.update(store.id, { retention: 'none' }),
} as const satisfies Record<string, Use>

describe('the retention in force', () => {
  const week = defaultRetention(7 * day)

  it("is the server's default for an unnamed store without its own", () => {
    expect(retentionInForce({ name: null, retention: 'default' }, week)).toBe(week)
    expect(retentionInForce({ name: null, retention: 'default' }, undefined)).toBeUndefined()
    expect(retentionInForce({ name: null, retention: shortly }, week)).toBe(shortly)
  })

  it('is none for a named store, and for the setting none', () => {
    expect(retentionInForce({ name: 'a', retention: shortly }, week)).toBeUndefined()
    expect(retentionInForce({ name: null, retention: 'none' }, week)).toBeUndefined()
    expect(defaultRetention(0)).toBeUndefined()
  })

  it('lets a renewal stay unwritten for 10 seconds, or a tenth of a short time to live', () => {
    expect(renewalDelayMs(week)).toBe(10 * second)
    expect(renewalDelayMs(shortly)).toBe(6 * second)
    expect(renewalDelayMs(undefined)).toBe(10 * second)
  })
})

describe('an unnamed store', () => {
  it('expires exactly 7 days after its last use', async () => {
    const opened = await openStore()
    opened.domain.environment.advance(7 * day - 1)
    expect(await isAlive(opened)).toBe(true)
    opened.domain.environment.advance(1)
    expect(await isAlive(opened)).toBe(false)
  })

  it('has the time of its expiry', async () => {
    const { domain, store } = await openStore()
    expect((await store.info()).expiresAt).toBe(domain.environment.now() + 7 * day)
  })

  it.each(Object.entries<Use>(dataUses))('is renewed by: %s', async (_, use) => {
    const opened = await openStore()
    opened.domain.environment.advance(6 * day)
    await use(opened)
    opened.domain.environment.advance(7 * day - 1)
    expect(await isAlive(opened)).toBe(true)
    opened.domain.environment.advance(1)
    expect(await isAlive(opened)).toBe(false)
  })

  it.each(Object.entries<Use>(otherUses))('is not renewed by: %s', async (_, use) => {
    const opened = await openStore()
    opened.domain.environment.advance(6 * day)
    await use(opened)
    await opened.domain.sweeper.sweep()
    opened.domain.environment.advance(day - 1)
    expect(await isAlive(opened)).toBe(true)
    opened.domain.environment.advance(1)
    expect(await isAlive(opened)).toBe(false)
  })

  const uses: Record<string, Use> = { ...dataUses, ...otherUses, ...endingUses }
  const { 'list of stores': _listed, changes: _changes, ...refusedUses } = uses

  it.each(Object.entries(refusedUses))('is gone at that moment for: %s', async (_, use) => {
    const opened = await openStore()
    opened.domain.environment.advance(7 * day)
    expect(await codeOf(use(opened))).toBe('store-not-found')
    expect(await isAlive(opened)).toBe(false)
  })

  it('is gone from the list at that moment', async () => {
    const { domain } = await openStore()
    const query = { userId: owner, ...allStores }
    domain.environment.advance(7 * day - 1)
    expect((await domain.stores.list(query)).total).toBe(1)
    domain.environment.advance(1)
    expect(await domain.stores.list(query)).toEqual({ items: [], total: 0 })
  })

  it('is removed with its records by the sweeper', async () => {
    const { domain, store } = await openStore()
    await store.put(bytesRecord('large', patternBytes(5_000)))
    await sweepFor(domain, 7 * day + 4 * hour)
    await sweepFor(domain, 2 * hour)
    for (const kind of ['store', 'activity', 'expiry', 'owned', 'record', 'chunk'] as const) {
      expect(await entriesOf(domain.engine, kind), kind).toEqual([])
    }
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('starts its time with its next use if the server kept unnamed stores before', async () => {
    const opened = await openStore({ unnamedRetentionMs: 0 })
    await opened.domain.close()
    const { engine, environment } = opened.domain
    const domain = await openTestDomain(engine, { environment })
    const store = await domain.stores.find(opened.store.id)
    environment.advance(100 * day)
    await store.get('key')
    await sweepFor({ ...domain, environment }, 7 * day - hour)
    expect(await isAlive({ domain, store })).toBe(true)
    await sweepFor({ ...domain, environment }, hour)
    expect(await entriesOf(engine, 'store')).toEqual([])
  })

  it('has no expiry once the server keeps unnamed stores', async () => {
    const { domain, store } = await openStore()
    await domain.close()
    const { engine, environment } = domain
    const keeping = await openTestDomain(engine, { environment, unnamedRetentionMs: 0 })
    const kept = await keeping.stores.find(store.id)
    expect((await kept.info()).expiresAt).toBeUndefined()
    await sweepFor(keeping, 10 * day)
    expect(await readText(kept, 'key')).toBe('value')
    expect((await check(engine)).problems).toEqual([])
  })

  it('is kept if the server keeps unnamed stores', async () => {
    const opened = await openStore({ unnamedRetentionMs: 0 })
    expect((await opened.store.info()).expiresAt).toBeUndefined()
    await sweepFor(opened.domain, 1_000 * day)
    expect(await readText(opened.store, 'key')).toBe('value')
  })
})

describe('a name', () => {
  it('keeps a store', async () => {
    const opened = await openStore({ name: 'coats' })
    await sweepFor(opened.domain, 1_000 * day)
    expect(await readText(opened.store, 'key')).toBe('value')
  })

  it('that is given before the expiry keeps an unnamed store', async () => {
    const opened = await openStore()
    opened.domain.environment.advance(7 * day - 1)
    await opened.domain.stores.update(opened.store.id, { name: 'kept' })
    expect((await opened.store.info()).expiresAt).toBeUndefined()
    await sweepFor(opened.domain, 1_000 * day)
    expect(await readText(opened.store, 'key')).toBe('value')
  })

  it('that is removed starts the time of the store again', async () => {
    const opened = await openStore({ name: 'coats' })
    opened.domain.environment.advance(100 * day)
    await opened.domain.stores.update(opened.store.id, { name: null })
    opened.domain.environment.advance(7 * day - 1)
    expect(await isAlive(opened)).toBe(true)
    opened.domain.environment.advance(1)
    expect(await isAlive(opened)).toBe(false)
  })

  it("that is removed starts the store's own retention again", async () => {
    const opened = await openStore({ name: 'coats', retention: shortly })
    await sweepFor(opened.domain, hour)
    await opened.domain.stores.update(opened.store.id, { name: null })
    opened.domain.environment.advance(minute - 1)
    expect(await isAlive(opened)).toBe(true)
    opened.domain.environment.advance(1)
    expect(await isAlive(opened)).toBe(false)
  })
})

describe("a store's own retention", () => {
  it('may be none', async () => {
    const opened = await openStore({ retention: 'none' })
    await sweepFor(opened.domain, 1_000 * day)
    expect(await isAlive(opened)).toBe(true)
  })

  it('may be any time', async () => {
    const opened = await openStore({ retention: shortly })
    opened.domain.environment.advance(minute - 1)
    expect(await isAlive(opened)).toBe(true)
    opened.domain.environment.advance(1)
    expect(await isAlive(opened)).toBe(false)
  })

  it.each([
    ['reads', { renewOnRead: false }, dataUses.get, dataUses.put],
    ['writes', { renewOnWrite: false }, dataUses.put, dataUses.get],
  ] as const)('may leave %s out of what renews it', async (_, rule, ignored, renewing) => {
    for (const [use, expected] of [
      [ignored, false],
      [renewing, true],
    ] as const) {
      const opened = await openStore({ retention: { ...shortly, ...rule } })
      opened.domain.environment.advance(30 * second)
      await use(opened)
      opened.domain.environment.advance(30 * second)
      expect(await isAlive(opened)).toBe(expected)
    }
  })

  it('applies from the moment it is set, shorter or longer', async () => {
    const opened = await openStore()
    await opened.store.get('key')
    await opened.domain.stores.update(opened.store.id, { retention: shortly })
    await opened.domain.sweeper.sweep()
    expect((await opened.store.info()).expiresAt).toBe(opened.domain.environment.now() + minute)
    await opened.domain.stores.update(opened.store.id, { retention: 'none' })
    await sweepFor(opened.domain, 100 * day)
    expect(await isAlive(opened)).toBe(true)
    await opened.domain.stores.update(opened.store.id, { retention: 'default' })
    opened.domain.environment.advance(7 * day)
    expect(await isAlive(opened)).toBe(false)
  })
})

describe('a store that is cleared when it expires', () => {
  const clearing = { retention: { ...shortly, onExpiry: 'clear' } } as const

  it.each<[string, Use]>([
    ['whoever comes first', ({ store }) => store.info()],
    ['the sweeper', ({ domain }) => domain.sweeper.sweep()],
    ['the list of stores', ({ domain }) => domain.stores.list({ userId: owner, ...allStores })],
  ])('loses its records to %s, stays, and starts its time again', async (_, use) => {
    const opened = await openStore(clearing)
    opened.domain.environment.advance(minute)
    await use(opened)
    const now = opened.domain.environment.now()
    expect(await opened.store.info()).toMatchObject({ recordCount: 0, expiresAt: now + minute })
    await opened.store.put(textRecord('key', 'second'))
    opened.domain.environment.advance(minute)
    expect(await readText(opened.store, 'key')).toBeUndefined()
    expect((await check(opened.domain.engine)).problems).toEqual([])
  })

  it('only starts its time again if it has no records, each time it expires', async () => {
    const { domain, store } = await openStore(clearing)
    const swept = async (): Promise<unknown> => {
      domain.environment.advance(minute)
      await domain.sweeper.sweep()
      const { changes } = await store.changes({ after: 0, prefix: '' })
      return { told: changes.map(({ kind }) => kind), ...(await store.info()) }
    }
    const cleared = await swept()
    expect(cleared).toMatchObject({ told: ['put', 'expire'], recordCount: 0 })
    for (let turn = 0; turn < 3; turn += 1) {
      const expiresAt = domain.environment.now() + 2 * minute
      expect(await swept()).toEqual({ ...(cleared as object), expiresAt })
    }
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('keeps a record that is put at that very moment', async () => {
    const { domain, store } = await openStore(clearing)
    domain.environment.advance(minute)
    await store.put(textRecord('new', 'value'))
    expect((await store.list(wholeList)).items.map(({ key }) => key)).toEqual(['new'])
  })

  it('keeps its records while it has a name', async () => {
    const { domain, store } = await openStore({ ...clearing, name: 'coats' })
    await sweepFor(domain, hour)
    expect(await readText(store, 'key')).toBe('value')
  })

  it('keeps correct counters', async () => {
    const { domain } = await openStore(clearing)
    domain.environment.advance(minute)
    expect((await domain.stores.list({ userId: owner, ...allStores })).total).toBe(1)
  })
})

describe('a clock that jumps', () => {
  it('back does not bring back an expired store that was swept', async () => {
    const opened = await openStore()
    opened.domain.environment.advance(7 * day)
    await opened.domain.sweeper.sweep()
    opened.domain.environment.advance(-30 * day)
    expect(await isAlive(opened)).toBe(false)
    await opened.domain.sweeper.sweep()
    expect(await isAlive(opened)).toBe(false)
  })

  it('never ends a named store, and never clears it', async () => {
    const opened = await openStore({ name: 'coats', retention: { ...shortly, onExpiry: 'clear' } })
    for (const jump of [8 * day, -16 * day, 400 * day, -800 * day]) {
      opened.domain.environment.advance(jump)
      await opened.domain.sweeper.sweep()
      await settle()
      expect(await readText(opened.store, 'key')).toBe('value')
    }
  })

  it('back lengthens the life of an unnamed store, but never shortens it', async () => {
    const opened = await openStore()
    const { expiresAt } = await opened.store.info()
    opened.domain.environment.advance(-day)
    await opened.store.get('key')
    await opened.domain.sweeper.sweep()
    // While the clock is doubted, a store gets the minute that clocks may differ.
    expect((await opened.store.info()).expiresAt).toBe((expiresAt ?? 0) + minute)
    opened.domain.environment.advance(8 * day - 1)
    expect(await isAlive(opened)).toBe(true)
  })
})
