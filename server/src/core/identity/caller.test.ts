import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import type { Use } from '../access/access.ts'
import { StorageError } from '../kernel/errors.ts'
import type { Action, Scope } from '../people/scope.ts'
import type { User } from '../people/users.ts'
import type { Store } from '../stores/store.ts'
import { codeOf } from '../testing/outcomes.ts'
import { textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { type Caller, decidedOnce, system } from './caller.ts'

interface Opened {
  readonly domain: TestDomain
  readonly owner: User
  /** The store with the rights of the server itself. */
  readonly store: Store
  /** A caller with a token of the owner that has this scope. */
  readonly callerOf: (scope: Partial<Scope>, use: Use) => Promise<Caller>
}

async function openStore(keys: readonly string[] = []): Promise<Opened> {
  const domain = await openTestDomain(new MemoryEngine())
  const owner = await domain.users.create('owner', { isAdmin: true })
  const store = await domain.stores.create({ ownerId: owner.id, name: 'coats' })
  for (const key of keys) await store.put(textRecord(key, 'x'))
  const callerOf = async (scope: Partial<Scope>, use: Use): Promise<Caller> => {
    const whole = { action: 'manage', storeId: undefined, keyPrefix: undefined, ...scope } as const
    const wanted = { userId: owner.id, name: '', expiresAt: undefined, scope: whole }
    const { text } = await domain.tokens.create(wanted)
    return domain.access.callerFor(await domain.access.authenticate(text), 'apify', use)
  }
  return { domain, owner, store, callerOf }
}

async function keysOf(store: Store, prefix: string, startAfter?: string): Promise<string> {
  const { items } = await store.list({ prefix, startAfter, limit: 1_000 })
  return items.map(({ key }) => key).join(' ')
}

async function told(store: Store, prefix = ''): Promise<string> {
  const { changes } = await store.changes({ after: 0, prefix })
  return changes.map(({ kind, key }) => `${kind} ${key}`).join(', ')
}

describe('a caller whose token is limited to a key prefix', () => {
  const keys = ['a', 'a/1', 'a/2/x', 'b', 'é']

  async function openConfined(): Promise<Opened & { confined: Store }> {
    const opened = await openStore(keys)
    const { domain, store } = opened
    const scope = { action: 'read', storeId: store.id, keyPrefix: 'a/' } as const
    const caller = await opened.callerOf(scope, { action: 'read', extent: 'some' })
    return { ...opened, confined: await domain.stores.find(store.id, caller) }
  }

  it.each([
    ['', 'a/1 a/2/x'],
    ['a', 'a/1 a/2/x'],
    ['a/', 'a/1 a/2/x'],
    ['a/2', 'a/2/x'],
    ['b', ''],
    ['a0', ''],
  ])('lists those of its keys that begin with %j', async (prefix, seen) => {
    const { confined } = await openConfined()
    expect(await keysOf(confined, prefix)).toBe(seen)
  })

  it('lists its keys after any other key', async () => {
    const { confined } = await openConfined()
    expect(await keysOf(confined, '', 'a')).toBe('a/1 a/2/x')
    expect(await keysOf(confined, '', 'a/1')).toBe('a/2/x')
    expect(await keysOf(confined, '', 'b')).toBe('')
  })

  it('sees the changes of its keys, and those of the whole store', async () => {
    const { domain, store, confined } = await openConfined()
    await store.delete('b')
    await store.delete('a/1')
    await store.clear()
    expect(await told(confined)).toBe('put a/1, put a/2/x, delete a/1, clear ')
    expect(await told(confined, 'a/2')).toBe('put a/2/x, clear ')
    expect(await told(confined, 'b')).toBe('clear ')
    await domain.stores.drop(store.id)
    expect(await told(confined)).toBe('put a/1, put a/2/x, delete a/1, clear , drop ')
  })

  it('sees no changes of other keys even if the store is gone', async () => {
    const { domain, store, callerOf } = await openConfined()
    const scope = { action: 'read', storeId: store.id, keyPrefix: 'é' } as const
    const caller = await callerOf(scope, { action: 'read', extent: 'some' })
    const known = domain.stores.findKnown(store.id, caller)
    const elsewhere = await openTestDomain(domain.engine, { environment: domain.environment })
    const read = await elsewhere.stores.find(store.id, caller)
    await domain.stores.drop(store.id)
    expect(known && (await told(known))).toBe('put é, drop ')
    expect(await told(read)).toBe('put é, drop ')
  })

  it('may not list or clear the whole store', async () => {
    const { domain, store, callerOf } = await openConfined()
    const scope = { action: 'write', storeId: store.id, keyPrefix: 'a/' } as const
    for (const action of ['read', 'write', 'manage'] as const) {
      const caller = await callerOf(scope, { action })
      expect(await codeOf(domain.stores.find(store.id, caller))).toBe('access-denied')
      expect(await codeOf(domain.stores.drop(store.id, caller))).toBe('access-denied')
    }
  })
})

describe('a caller of another store', () => {
  it('is refused every use, whatever the token allows', async () => {
    const { domain, owner, store, callerOf } = await openStore()
    const other = await domain.stores.create({ ownerId: owner.id, name: 'hats' })
    for (const action of ['read', 'write', 'manage'] as const) {
      const caller = await callerOf({ storeId: other.id }, { action })
      expect(await codeOf(domain.stores.find(other.id, caller))).toBe('none')
      expect(await codeOf(domain.stores.find(store.id, caller))).toBe('access-denied')
      expect(await codeOf(domain.stores.findByName(owner.id, 'coats', caller))).toBe(
        'access-denied',
      )
    }
  })
})

describe('a caller who loses the right between finding and using a store', () => {
  /** All uses that change something. Each needs the right to `manage` or `write`. */
  const uses: Readonly<
    Record<string, [Action, (opened: Opened, caller: Caller) => Promise<unknown>]>
  > = {
    put: [
      'write',
      ({ domain, store }, caller) =>
        domain.stores.findKnown(store.id, caller)?.put(textRecord('a', 'y')) ?? missing(),
    ],
    delete: [
      'write',
      ({ domain, store }, caller) =>
        domain.stores.findKnown(store.id, caller)?.delete('a') ?? missing(),
    ],
    clear: [
      'write',
      ({ domain, store }, caller) =>
        domain.stores.findKnown(store.id, caller)?.clear() ?? missing(),
    ],
    update: [
      'manage',
      ({ domain, store }, caller) => domain.stores.update(store.id, { title: 'x' }, caller),
    ],
    drop: ['manage', ({ domain, store }, caller) => domain.stores.drop(store.id, caller)],
  }

  function missing(): never {
    throw new Error('The store was read before.')
  }

  it.each(Object.entries(uses))('changes nothing with %s', async (_, [action, use]) => {
    const opened = await openStore(['a'])
    const { domain, store } = opened
    const jane = await domain.users.create('jane', { isAdmin: false })
    await domain.stores.update(store.id, { shares: { [jane.id]: action } })
    const scope = { action: 'manage', storeId: undefined, keyPrefix: undefined } as const
    const wanted = { userId: jane.id, name: '', expiresAt: undefined, scope }
    const { text } = await domain.tokens.create(wanted)
    const principal = await domain.access.authenticate(text)
    const caller = domain.access.callerFor(principal, 'apify', { action })
    // Another server, so that this one still knows the store as it was.
    const elsewhere = await openTestDomain(domain.engine, { environment: domain.environment })
    await domain.stores.find(store.id, caller)
    await elsewhere.stores.update(store.id, { shares: { [jane.id]: null } })
    const before = await (await elsewhere.stores.find(store.id)).info()
    expect(await codeOf(use(opened, caller))).toBe('access-denied')
    expect(await (await elsewhere.stores.find(store.id)).info()).toEqual(before)
  })
})

it('without a caller, a store is used by the server itself, which may do and see everything', async () => {
  const { store } = await openStore(['a', 'b'])
  expect(await keysOf(store, '')).toBe('a b')
  expect(system.actor).toBeUndefined()
  expect(await codeOf(system.assertValid())).toBe('none')
})

describe('a caller that decides once', () => {
  async function openCounting(): Promise<{ opened: Opened; caller: Caller; decisions: string[] }> {
    const opened = await openStore(['a'])
    const decisions: string[] = []
    const caller = decidedOnce({
      ...system,
      assert: ({ title }) => {
        decisions.push(title ?? '')
        if (title === 'closed') throw new StorageError('access-denied', 'No.')
      },
    })
    return { opened, caller, decisions }
  }

  it('is asked once, however often one request uses the store', async () => {
    const { opened, caller, decisions } = await openCounting()
    const { stores } = opened.domain
    const store = await stores.find(opened.store.id, caller)
    await store.get('a')
    await store.put(textRecord('a', 'y'))
    expect(decisions).toEqual([''])
  })

  it('is asked again when the store has changed, and again when it refused', async () => {
    const { opened, caller, decisions } = await openCounting()
    const { stores } = opened.domain
    const store = await stores.find(opened.store.id, caller)
    await stores.update(opened.store.id, { title: 'open' })
    await store.get('a')
    await stores.update(opened.store.id, { title: 'closed' })
    expect(await codeOf(store.head('a'))).toBe('access-denied')
    expect(await codeOf(store.head('a'))).toBe('access-denied')
    await stores.update(opened.store.id, { title: 'open' })
    await store.get('a')
    expect(decisions).toEqual(['', 'open', 'closed', 'closed', 'open'])
  })
})
