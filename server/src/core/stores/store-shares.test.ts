import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { sharedKey, sharedUserIdOf } from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import type { Action } from '../people/scope.ts'
import { otherOwner, owner, principalWith, userWith } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import type { Store } from './store.ts'

const users = Array.from(
  { length: limits.sharesPerStoreMax + 1 },
  (_, index) => `user${String(index).padStart(13, '0')}`,
)
const [jane = '', joe = ''] = users

async function openStore(
  engine: StorageEngine = new MemoryEngine(),
): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(engine)
  return { domain, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

/** The users whom the index lists for the store. */
async function filedUsers({ engine }: Pick<TestDomain, 'engine'>): Promise<string[]> {
  return (await entriesOf(engine, 'shared')).map(({ key }) => sharedUserIdOf(key))
}

async function sharesOf(store: Store): Promise<Readonly<Record<string, Action>>> {
  return (await store.identity()).shares
}

describe('sharing a store', () => {
  it('gives, changes and removes rights, and keeps those of other users', async () => {
    const { domain, store } = await openStore()
    const { stores } = domain
    expect(await sharesOf(store)).toEqual({})
    await stores.update(store.id, { shares: { [jane]: 'read', [joe]: 'manage' } })
    expect(await sharesOf(store)).toEqual({ [jane]: 'read', [joe]: 'manage' })
    await stores.update(store.id, { shares: { [jane]: 'write' } })
    expect(await sharesOf(store)).toEqual({ [jane]: 'write', [joe]: 'manage' })
    await stores.update(store.id, { title: 'x' })
    await stores.update(store.id, { shares: {} })
    expect(await sharesOf(store)).toEqual({ [jane]: 'write', [joe]: 'manage' })
    expect(await filedUsers(domain)).toEqual([jane, joe])
    await stores.update(store.id, { shares: { [joe]: null, [otherOwner]: null } })
    expect(await sharesOf(store)).toEqual({ [jane]: 'write' })
    expect(await filedUsers(domain)).toEqual([jane])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('puts the store into the index of stores shared with the user', async () => {
    const { domain, store } = await openStore()
    await domain.stores.update(store.id, { shares: { [jane]: 'read' } })
    const [entry] = await entriesOf(domain.engine, 'shared')
    expect(Buffer.from(entry?.key ?? [])).toEqual(sharedKey(jane, store.id))
    expect(entry?.value).toHaveLength(0)
  })

  it('is refused for its owner, and then nothing else is changed', async () => {
    const { domain, store } = await openStore()
    for (const right of ['read', 'manage', null] as const) {
      const changes = { title: 'x', shares: { [jane]: 'read', [owner]: right } } as const
      expect(await codeOf(domain.stores.update(store.id, changes))).toBe('share-invalid')
    }
    expect(await store.identity()).toMatchObject({ title: null, shares: {} })
    expect(await filedUsers(domain)).toEqual([])
  })

  it('allows at most a hundred users, until one loses the right', async () => {
    const { domain, store } = await openStore()
    const { stores } = domain
    const all = Object.fromEntries(users.map((userId) => [userId, 'read'] as const))
    const most = { ...all, [jane]: null }
    expect(await codeOf(stores.update(store.id, { shares: all }))).toBe('share-invalid')
    expect(await codeOf(stores.update(store.id, { shares: most }))).toBe('none')
    expect(await codeOf(stores.update(store.id, { shares: { [jane]: 'read' } }))).toBe(
      'share-invalid',
    )
    expect(await codeOf(stores.update(store.id, { shares: { [joe]: 'write' } }))).toBe('none')
    const swapped = { [jane]: 'read', [joe]: null } as const
    expect(await codeOf(stores.update(store.id, { shares: swapped }))).toBe('none')
    expect(await filedUsers(domain)).toEqual(users.filter((userId) => userId !== joe))
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it.each([1, 2, 3])('loses none of many changes at once, on two servers (%i)', async (seed) => {
    const memory = new MemoryEngine()
    const engine = new FaultyEngine(memory, { faults: delaysOnly, seed })
    const { domain, store } = await openStore(engine)
    const elsewhere = await openTestDomain(engine, { environment: domain.environment })
    const some = users.slice(0, 12)
    await domain.stores.update(store.id, { shares: { [jane]: 'read', [joe]: 'read' } })
    await Promise.all(
      some.map((userId, index) => {
        const { stores } = index % 2 === 0 ? domain : elsewhere
        return stores.update(store.id, { shares: { [userId]: index < 2 ? null : 'write' } })
      }),
    )
    const shares = Object.fromEntries(some.slice(2).map((userId) => [userId, 'write']))
    expect(await sharesOf(store)).toEqual(shares)
    expect(await filedUsers({ engine: memory })).toEqual(some.slice(2))
    expect((await check(memory)).problems).toEqual([])
  })

  it('stays when the store is cleared, or starts its time again', async () => {
    const { domain, store } = await openStore()
    const retention = {
      ttlMs: day,
      renewOnRead: true,
      renewOnWrite: true,
      onExpiry: 'clear',
    } as const
    await domain.stores.update(store.id, { shares: { [jane]: 'write' } })
    await store.clear()
    expect(await sharesOf(store)).toEqual({ [jane]: 'write' })
    await domain.stores.update(store.id, { name: null, retention })
    await store.put(textRecord('a', 'x'))
    await sweepFor(domain, 2 * day)
    expect(await sharesOf(store)).toEqual({ [jane]: 'write' })
    expect(await filedUsers(domain)).toEqual([jane])
  })
})

describe('a store that is gone', () => {
  it('is shared with nobody after a drop', async () => {
    const { domain, store } = await openStore()
    const other = await domain.stores.create({ ownerId: owner, name: 'hats' })
    for (const { id } of [store, other]) {
      await domain.stores.update(id, { shares: { [jane]: 'read', [joe]: 'manage' } })
    }
    await domain.stores.drop(store.id)
    const filed = await entriesOf(domain.engine, 'shared')
    expect(filed.map(({ key }) => Buffer.from(key))).toEqual([
      sharedKey(jane, other.id),
      sharedKey(joe, other.id),
    ])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('is shared with nobody after its expiry', async () => {
    const { domain, store } = await openStore()
    await domain.stores.update(store.id, { name: null })
    await domain.stores.update(store.id, { shares: { [jane]: 'read' } })
    domain.environment.advance(8 * day)
    await domain.sweeper.sweep()
    expect(await filedUsers(domain)).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('is shared with nobody if it is dropped while it is being shared', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { domain, store } = await openStore(engine)
    engine.beforeCommit = () => domain.stores.drop(store.id)
    const sharing = domain.stores.update(store.id, { shares: { [jane]: 'read' } })
    expect(await codeOf(sharing)).toBe('store-not-found')
    expect(await filedUsers(domain)).toEqual([])
  })
})

describe('a user with a share', () => {
  async function callerOf({ access }: TestDomain, action: Action) {
    return access.callerFor(principalWith(userWith(jane)), 'apify', { action })
  }

  it.each<[Action, readonly Action[]]>([
    ['read', ['read']],
    ['write', ['read', 'write']],
    ['manage', ['read', 'write', 'manage']],
  ])('with the right to %s may %j', async (right, allowed) => {
    const { domain, store } = await openStore()
    await domain.stores.update(store.id, { shares: { [jane]: right } })
    for (const action of ['read', 'write', 'manage'] as const) {
      const finding = domain.stores.find(store.id, await callerOf(domain, action))
      expect(await codeOf(finding)).toBe(allowed.includes(action) ? 'none' : 'access-denied')
    }
  })

  /** Writes by a user who loses the right before the commit. */
  const writes = {
    put: ['write', (store: Store) => store.put(textRecord('a', 'new'))],
    delete: ['write', (store: Store) => store.delete('a')],
    clear: ['write', (store: Store) => store.clear()],
  } as const

  it.each(Object.entries(writes))(
    'may not %s if the right is lost before the commit',
    async (_, [action, write]) => {
      const engine = new HurtEngine(new MemoryEngine())
      const { domain, store } = await openStore(engine)
      await store.put(textRecord('a', 'old'))
      await domain.stores.update(store.id, { shares: { [jane]: 'manage' } })
      const found = await domain.stores.find(store.id, await callerOf(domain, action))
      const { revision } = (await store.head('a')) ?? {}
      engine.beforeCommit = () => domain.stores.update(store.id, { shares: { [jane]: 'read' } })
      expect(await codeOf(write(found))).toBe('access-denied')
      expect(await store.head('a')).toMatchObject({ revision })
    },
  )

  it('may not change or drop the store if the right is lost before the commit', async () => {
    for (const end of ['update', 'drop'] as const) {
      const engine = new HurtEngine(new MemoryEngine())
      const { domain, store } = await openStore(engine)
      // On another server, since one server changes a store only once at a time.
      const elsewhere = await openTestDomain(engine, { environment: domain.environment })
      await domain.stores.update(store.id, { shares: { [jane]: 'manage' } })
      const caller = await callerOf(domain, 'manage')
      engine.beforeCommit = () => elsewhere.stores.update(store.id, { shares: { [jane]: 'write' } })
      const { stores } = domain
      const work =
        end === 'drop'
          ? stores.drop(store.id, caller)
          : stores.update(store.id, { shares: { [joe]: 'read' } }, caller)
      expect(await codeOf(work)).toBe('access-denied')
      expect(await sharesOf(store)).toEqual({ [jane]: 'write' })
    }
  })
})

describe('resetting the signing secret', () => {
  it('changes it each time, and nothing else', async () => {
    const { domain, store } = await openStore()
    const before = await store.identity()
    const secrets = [before.signingSecret]
    for (let reset = 0; reset < 3; reset += 1) {
      await domain.stores.update(store.id, { resetsSigningSecret: true })
      const after = await store.identity()
      expect({ ...after, signingSecret: '' }).toEqual({ ...before, signingSecret: '' })
      expect(after.signingSecret).toMatch(/^[a-zA-Z0-9]{32}$/)
      secrets.push(after.signingSecret)
    }
    expect(new Set(secrets).size).toBe(4)
  })

  it('does not happen when something else is changed', async () => {
    const { domain, store } = await openStore()
    const { signingSecret } = await store.identity()
    await domain.stores.update(store.id, { title: 'x', shares: { [jane]: 'read' } })
    await domain.stores.update(store.id, { resetsSigningSecret: false })
    expect(await store.identity()).toMatchObject({ signingSecret, title: 'x' })
    expect(await store.identity()).not.toHaveProperty('resetsSigningSecret')
  })
})
