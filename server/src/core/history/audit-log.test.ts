import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { auditRange } from '../disk/keyspace.ts'
import { walk } from '../disk/walk.ts'
import type { Revision, StorageEngine } from '../engine/engine.ts'
import type { Caller } from '../identity/caller.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import type { Actor } from '../log/actor.ts'
import { auditPut } from '../log/audit.ts'
import type { Store } from '../stores/store.ts'
import { callerWith, otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import { AuditLog, type StoreEvent } from './audit-log.ts'

const jane: Actor = { userId: otherOwner, tokenId: '00ff00ff00ff00ff', door: 'apify' }
const all = { before: undefined, limit: 1_000 }

interface Opened {
  readonly domain: TestDomain
  /** The store as Jane uses it. */
  readonly store: Store
  readonly caller: Caller
}

async function openStore(engine: StorageEngine = new MemoryEngine()): Promise<Opened> {
  const domain = await openTestDomain(engine)
  const { id } = await domain.stores.create({ ownerId: owner, name: 'coats', actor: jane })
  const caller = { ...callerWith(() => undefined), actor: jane }
  return { domain, store: await domain.stores.find(id, caller), caller }
}

function told(events: readonly StoreEvent[]): string {
  return events.map(({ action, subject }) => `${action} ${subject}`.trim()).join(', ')
}

/** All of the store's events, page by page. */
async function pagesOf(
  { domain, store }: Pick<Opened, 'domain' | 'store'>,
  limit: number,
): Promise<StoreEvent[]> {
  const events: StoreEvent[] = []
  let before: Revision | undefined
  for (;;) {
    const page = await domain.auditLog.readStore(store, { before, limit })
    expect(page.events.length).toBeLessThanOrEqual(limit)
    events.push(...page.events)
    if (!page.more) return events
    expect(page.events).not.toEqual([])
    before = page.events.at(-1)?.revision
  }
}

describe('the history of a store', () => {
  it('says who did what to it and its records, the newest first', async () => {
    const { domain, store, caller } = await openStore()
    const { revision } = await store.put(textRecord('a', 'one'))
    await (await domain.stores.find(store.id)).put(textRecord('a', 'two'))
    await domain.stores.update(store.id, { title: 'Coats' }, caller)
    await store.delete('a')
    const { events, more } = await domain.auditLog.readStore(store, all)
    expect(more).toBe(false)
    const at = domain.environment.now()
    const [deleted, changed, replaced, put, created] = events
    expect(events).toHaveLength(5)
    expect(deleted).toMatchObject({ action: 'record-deleted', subject: 'a', actor: jane, at })
    expect(deleted).toMatchObject({ before: replaced?.revision })
    expect(deleted).not.toHaveProperty('size')
    expect(changed).toMatchObject({ action: 'store-changed', subject: 'coats', actor: jane, at })
    expect(changed).toMatchObject({ details: { title: 'Coats' }, before: created?.revision })
    expect(replaced).toMatchObject({ action: 'record-put', subject: 'a', size: 3 })
    expect(replaced?.actor).toBeUndefined()
    expect(put).toMatchObject({ action: 'record-put', revision, size: 3, actor: jane })
    expect(put?.before).toBeUndefined()
    expect(created).toMatchObject({ action: 'store-created', subject: 'coats', actor: jane })
  })

  it('comes completely and once in pages of any size, without other stores', async () => {
    type Step = (opened: Opened & { other: Store }) => Promise<unknown>
    const steps: Readonly<Record<string, Step>> = {
      'record-put a': ({ store }) => store.put(textRecord('a', 'x')),
      'record-put b': ({ store }) => store.put(textRecord('b', 'x')),
      'store-changed coats': ({ domain, store }) => domain.stores.update(store.id, { title: 'x' }),
      'store-access-changed coats': ({ domain, store }) =>
        domain.stores.update(store.id, { shares: {} }),
      'store-cleared': ({ store }) => store.clear(),
      'nothing by a title of another': ({ domain, other }) =>
        domain.stores.update(other.id, { title: 'y' }),
      'nothing by a record of another': ({ other }) => other.put(textRecord('a', 'y')),
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        async (names, limit) => {
          const opened = await openStore()
          const other = await opened.domain.stores.create({ ownerId: owner, name: 'other' })
          for (const name of names) await steps[name]?.({ ...opened, other })
          const done = names.filter((name) => !name.startsWith('nothing'))
          const expected = ['store-created coats', ...done].toReversed().join(', ')
          expect(told(await pagesOf(opened, limit))).toBe(expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('comes completely even if the store was created without an actor', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const key of keys) await store.put(textRecord(key, 'x'))
    for (const limit of [1, 2, 3, 6]) {
      const events = await pagesOf({ domain, store }, limit)
      expect(events.map(({ subject }) => subject)).toEqual(keys.toReversed())
    }
  })

  it('keeps changes to the whole store for longer than the change log', async () => {
    const opened = await openStore()
    const { domain, store, caller } = opened
    await store.put(textRecord('a', 'x'))
    await store.clear()
    await domain.stores.update(store.id, { title: 'Coats' }, caller)
    const before = told(await pagesOf(opened, 10))
    expect(before).toBe('store-changed coats, store-cleared, record-put a, store-created coats')
    await sweepFor(domain, 8 * day)
    expect(await entriesOf(domain.engine, 'change')).toEqual([])
    const after = told(await pagesOf(opened, 10))
    expect(after).toBe('store-changed coats, store-cleared coats, store-created coats')
  })

  it('includes its expiry', async () => {
    const opened = await openStore()
    const { domain, store } = opened
    const retention = { ttlMs: day, renewOnRead: true, renewOnWrite: true } as const
    await domain.stores.update(store.id, { retention: { ...retention, onExpiry: 'clear' } })
    await domain.stores.update(store.id, { name: null })
    await store.put(textRecord('a', 'x'))
    await sweepFor(domain, 2 * day)
    const [expired] = await pagesOf(opened, 10)
    expect(expired).toMatchObject({ action: 'store-expired' })
    expect(expired?.actor).toBeUndefined()
  })

  it('is refused if the store refuses the caller, or is gone', async () => {
    const { domain, store } = await openStore()
    let isAllowed = true
    const caller = callerWith(() => {
      if (!isAllowed) throw new StorageError('access-denied', 'No.')
    })
    const found = await domain.stores.find(store.id, caller)
    isAllowed = false
    expect(await codeOf(domain.auditLog.readStore(found, all))).toBe('access-denied')
    await domain.stores.drop(store.id)
    expect(await codeOf(domain.auditLog.readStore(store, all))).toBe('store-not-found')
  })

  it('is not hidden by damaged entries', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const opened = await openStore(engine)
    for (const key of ['a', 'b', 'c']) await opened.store.put(textRecord(key, 'x'))
    await opened.domain.stores.update(opened.store.id, { title: 'x' })
    for (const kind of ['change', 'audit'] as const) {
      engine.damage((await entriesOf(engine, kind)).at(-1)?.key ?? Buffer.of())
    }
    for (const limit of [1, 2, 9]) {
      const found = told(await pagesOf(opened, limit))
      expect(found).toBe('record-put b, record-put a, store-created coats')
    }
  })
})

describe('the audit trail of a user', () => {
  it("is the user's own, the newest first, page by page", async () => {
    const { auditLog, engine } = await openTestDomain(new MemoryEngine())
    for (let at = 0; at < 25; at += 1) {
      const event = { action: 'store-changed', subject: `${at}`, at, actor: jane } as const
      await engine.commit({ puts: [auditPut(owner, event)] })
      await engine.commit({ puts: [auditPut(otherOwner, event)] })
    }
    const seen: number[] = []
    let before: Revision | undefined
    for (let more = true; more; ) {
      const page = await auditLog.read(owner, { before, limit: 7 })
      seen.push(...page.events.map(({ at }) => at))
      before = page.events.at(-1)?.revision
      more = page.more
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 24 - index))
    const { events } = await auditLog.read(otherOwner, { before: undefined, limit: 1 })
    expect(events).toMatchObject([{ at: 24, actor: jane, subject: '24' }])
  })
})

describe('a swept audit trail', () => {
  const max = limits.auditEventsKeptMax

  async function write(engine: StorageEngine, userId: string, count: number): Promise<void> {
    const event = { action: 'store-changed', subject: '', at: 0 } as const
    for (let made = 0; made < count; made += 1) {
      await engine.commit({ puts: [auditPut(userId, event)] })
    }
  }

  async function revisionsOf(engine: StorageEngine, userId: string): Promise<Revision[]> {
    const entries = await Array.fromAsync(walk(engine, auditRange(userId, 0)))
    return entries.map(({ revision }) => revision)
  }

  it('keeps its newest ten thousand events, even if more than one batch is removed', async () => {
    const engine = new MemoryEngine()
    const excess = 2 * limits.sweepBatchKeysMax + 7
    await write(engine, owner, max + excess)
    await write(engine, otherOwner, 5)
    const before = await revisionsOf(engine, owner)
    await new AuditLog(engine).sweep()
    expect(await revisionsOf(engine, owner)).toEqual(before.slice(excess))
    expect(await revisionsOf(engine, otherOwner)).toHaveLength(5)
  })

  it('loses no event within the limit', async () => {
    const engine = new MemoryEngine()
    await write(engine, owner, max)
    await new AuditLog(engine).sweep()
    expect(await revisionsOf(engine, owner)).toHaveLength(max)
  })

  it.each([1, 2, 3])('keeps the same number when two servers sweep at once (%i)', async (seed) => {
    const memory = new MemoryEngine()
    await write(memory, owner, max + 1_200)
    const engine = new FaultyEngine(memory, { faults: delaysOnly, seed })
    await Promise.all([new AuditLog(engine).sweep(), new AuditLog(engine).sweep()])
    expect(await revisionsOf(memory, owner)).toHaveLength(max)
  })

  it('is visited in turn if there are many', async () => {
    const engine = new MemoryEngine()
    const users = Array.from({ length: 25 }, (_, index) => `user${String(index).padStart(13, '0')}`)
    for (const userId of users) await write(engine, userId, 1)
    const last = users.at(-1) ?? ''
    await write(engine, last, max)
    const log = new AuditLog(engine)
    for (const kept of [max + 1, max + 1, max]) {
      await log.sweep()
      expect(await revisionsOf(engine, last)).toHaveLength(kept)
    }
    await write(engine, users[0] ?? '', max)
    await log.sweep()
    expect(await revisionsOf(engine, users[0] ?? '')).toHaveLength(max)
  })

  it('is trimmed by the sweeps of the server', async () => {
    const domain = await openTestDomain(new MemoryEngine())
    await write(domain.engine, owner, max + 1)
    await domain.sweeper.sweep()
    expect(await revisionsOf(domain.engine, owner)).toHaveLength(max)
  })
})
