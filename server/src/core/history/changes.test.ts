import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Revision, StorageEngine } from '../engine/engine.ts'
import type { OwnRetention } from '../identity/retention.ts'
import type { Change } from '../log/change.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import type { ChangePage } from './changes.ts'

interface Opened {
  readonly domain: TestDomain
  readonly store: Store
}

async function openStore(
  options: { engine?: StorageEngine; unnamed?: boolean; retention?: OwnRetention } = {},
): Promise<Opened> {
  const { engine = new MemoryEngine(), unnamed = false, retention = 'default' } = options
  const domain = await openTestDomain(engine)
  const name = unnamed ? undefined : 'coats'
  return { domain, store: await domain.stores.create({ ownerId: owner, name, retention }) }
}

/** All changes after `after`, page by page. */
async function changesOf(store: Store, after: Revision = 0, prefix = ''): Promise<Change[]> {
  const changes: Change[] = []
  let page: ChangePage | undefined
  do {
    page = await store.changes({ after: page?.revision ?? after, prefix })
    expect(page.isReset).toBe(false)
    changes.push(...page.changes)
  } while (page.more)
  return changes
}

async function told(store: Store, after: Revision = 0, prefix = ''): Promise<string> {
  const changes = await changesOf(store, after, prefix)
  return changes.map(({ kind, key, size }) => `${kind} ${key} ${size}`).join(', ')
}

describe('the change log of a store', () => {
  it('has every put and delete, in order, with the new size', async () => {
    const { store } = await openStore()
    await store.put(textRecord('a', 'one'))
    await store.put(textRecord('b', ''))
    await store.put(bytesRecord('a', patternBytes(5_000)))
    await store.put(bytesRecord('c', patternBytes(2 ** 20 + 1)))
    await store.delete('a')
    await store.delete('none')
    expect(await told(store)).toBe('put a 3, put b 0, put a 5000, put c 1048577, delete a 0')
  })

  it('has the revision and the time of each change', async () => {
    const { domain, store } = await openStore()
    const first = await store.put(textRecord('a', 'one'))
    domain.environment.advance(5)
    const second = await store.put(textRecord('b', 'two'))
    const changes = await changesOf(store)
    expect(changes.map(({ revision }) => revision)).toEqual([first.revision, second.revision])
    const now = domain.environment.now()
    expect(changes.map(({ at }) => at)).toEqual([now - 5, now])
  })

  it('continues after the revision that was seen', async () => {
    const { store } = await openStore()
    const { revision } = await store.put(textRecord('a', 'one'))
    await store.put(textRecord('b', 'two'))
    expect(await told(store, revision - 1)).toBe('put a 3, put b 3')
    expect(await told(store, revision)).toBe('put b 3')
    const page = await store.changes({ after: revision, prefix: '' })
    expect(await told(store, page.revision)).toBe('')
  })

  it('has no new changes while nothing happens', async () => {
    const { store } = await openStore()
    const { revision } = await store.put(textRecord('a', 'one'))
    const page = await store.changes({ after: revision, prefix: '' })
    expect(page).toEqual({ changes: [], revision, more: false, isReset: false })
  })

  it('can be limited to keys with a prefix, and then has the changes of the whole store too', async () => {
    const { domain, store } = await openStore()
    for (const key of ['a/1', 'b', 'a/2', 'a']) await store.put(textRecord(key, 'x'))
    await store.clear()
    await store.delete('b')
    await store.put(textRecord('b', 'x'))
    await domain.stores.drop(store.id)
    expect(await told(store, 0, 'a/')).toBe('put a/1 1, put a/2 1, clear  0, drop  0')
  })

  it('moves on past changes of other prefixes', async () => {
    const { store } = await openStore()
    const { revision } = await store.put(textRecord('b', 'x'))
    const page = await store.changes({ after: 0, prefix: 'a' })
    expect(page).toMatchObject({ changes: [], revision })
  })

  it('has no refused writes, new titles or reads', async () => {
    const { domain, store } = await openStore()
    await codeOf(store.put(textRecord('a', 'x'), { kind: 'present' }))
    await codeOf(store.put(textRecord('\ud800', 'x')))
    await domain.stores.update(store.id, { title: 'Title', name: 'hats' })
    await store.get('a')
    await domain.sweeper.sweep()
    expect(await told(store)).toBe('')
  })

  it("has no other store's changes", async () => {
    const { domain, store } = await openStore()
    const other = await domain.stores.create({ ownerId: owner, name: 'hats' })
    await other.put(textRecord('a', 'x'))
    expect(await told(store)).toBe('')
    expect(await told(other)).toBe('put a 1')
  })

  it('comes in pages of a thousand', async () => {
    const { store } = await openStore()
    for (let index = 0; index < 1_005; index += 1) await store.put(textRecord(`${index}`, 'x'))
    const page = await store.changes({ after: 0, prefix: '' })
    expect([page.changes.length, page.more]).toEqual([1_000, true])
    const keys = (await changesOf(store)).map(({ key }) => key)
    expect(keys).toEqual(Array.from({ length: 1_005 }, (_, index) => `${index}`))
  })

  it('never gets a change before one that was seen', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 4 })
    const { store } = await openStore({ engine })
    const keys = Array.from({ length: 60 }, (_, index) => `${index}`)
    const writing = Promise.all(keys.map((key) => store.put(textRecord(key, 'x'))))
    const seen: Change[] = []
    while (seen.length < keys.length) {
      seen.push(...(await changesOf(store, seen.at(-1)?.revision ?? 0)))
      await new Promise(setImmediate)
    }
    await writing
    expect(seen.map(({ key }) => key).toSorted()).toEqual(keys.toSorted())
  })
})

describe('the end of a store', () => {
  it('is in the log after a drop', async () => {
    const { domain, store } = await openStore()
    await store.put(textRecord('a', 'x'))
    await domain.stores.drop(store.id)
    expect(await told(store)).toBe('put a 1, drop  0')
  })

  it('is in the log after an expiry and a sweep', async () => {
    const { domain, store } = await openStore({ unnamed: true })
    domain.environment.advance(7 * day)
    await domain.sweeper.sweep()
    expect(await told(store)).toBe('expire  0')
  })

  it('is in the log if the store is cleared instead', async () => {
    const retention = {
      ttlMs: day,
      renewOnRead: true,
      renewOnWrite: true,
      onExpiry: 'clear',
    } as const
    const { domain, store } = await openStore({ unnamed: true, retention })
    await store.put(textRecord('a', 'x'))
    domain.environment.advance(day)
    await store.put(textRecord('b', 'x'))
    expect(await told(store)).toBe('put a 1, expire  0, put b 1')
  })

  it('is not found after it was seen, or after the log was trimmed', async () => {
    const { domain, store } = await openStore()
    await store.put(textRecord('a', 'x'))
    await domain.stores.drop(store.id)
    const last = (await changesOf(store)).at(-1)
    const after = (revision: Revision): Promise<ChangePage> =>
      store.changes({ after: revision, prefix: '' })
    expect(await codeOf(after(last?.revision ?? 0))).toBe('store-not-found')
    await sweepFor(domain, 8 * day)
    expect(await codeOf(after(0))).toBe('store-not-found')
    expect(await entriesOf(domain.engine, 'changesTrimmed')).toHaveLength(0)
  })
})

describe('a change that can no longer be read', () => {
  it('makes the reader start again from the current revision', async () => {
    const { domain, store } = await openStore()
    await store.put(textRecord('a', 'x'))
    await sweepFor(domain, 8 * day)
    const { revision } = await store.put(textRecord('b', 'x'))
    const page = await store.changes({ after: 0, prefix: '' })
    expect(page).toMatchObject({ changes: [], isReset: true, more: false })
    expect(page.revision).toBeGreaterThanOrEqual(revision)
    expect(await told(store, page.revision)).toBe('')
  })

  it('does not affect a reader that has seen it', async () => {
    const { domain, store } = await openStore()
    const { revision } = await store.put(textRecord('a', 'x'))
    await sweepFor(domain, 8 * day)
    await store.put(textRecord('b', 'x'))
    expect(await told(store, revision)).toBe('put b 1')
  })

  it('may also be damaged', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { store } = await openStore({ engine })
    for (const key of ['a', 'b', 'c']) await store.put(textRecord(key, 'x'))
    const [, second] = await entriesOf(engine, 'change')
    engine.damage(second?.key ?? Buffer.of())
    const page = await store.changes({ after: 0, prefix: '' })
    expect(page).toMatchObject({ changes: [], isReset: true })
    expect(await told(store, second?.revision)).toBe('put c 1')
  })
})
