import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import {
  activityKey,
  counterKey,
  expiryKey,
  garbageTotalKey,
  type kindRange,
  nameKey,
  ownedKeys,
  ownerCounterKey,
  sessionKey,
  sharedKey,
  storeKey,
} from '../disk/keyspace.ts'
import type { AtomicWrite, StorageEngine } from '../engine/engine.ts'
import { decodeActivity, encodeActivity } from '../identity/activity.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day, settle } from '../testing/times.ts'
import { check } from './check.ts'

interface Stored {
  readonly engine: HurtEngine
  readonly domain: TestDomain
  readonly named: StoreIdentity
  readonly unnamed: StoreIdentity
}

/** Intact data: a named and an unnamed store with records, and garbage for the sweeper. */
async function storedData(): Promise<Stored> {
  const engine = new HurtEngine(new MemoryEngine())
  const domain = await openTestDomain(engine)
  const named = await domain.stores.create({ ownerId: owner, name: 'coats' })
  const unnamed = await domain.stores.create({ ownerId: owner, name: undefined })
  for (const store of [named, unnamed]) {
    await store.put(textRecord('small', 'value'))
    await store.put(bytesRecord('large', patternBytes(2 ** 20 + 5)))
    await store.put(bytesRecord('large', patternBytes(5_000)))
  }
  await domain.users.createFirst('token')
  await domain.stores.update(named.id, { shares: { [otherOwner]: 'write' } })
  await domain.access.authenticate('token')
  await settle()
  const identities = [await named.identity(), await unnamed.identity()] as const
  return { engine, domain, named: identities[0], unnamed: identities[1] }
}

async function firstTokenId({ tokens, users }: TestDomain): Promise<string> {
  const [token] = await tokens.list((await users.find('owner')).id)
  return token?.id ?? ''
}

async function problemsOf(engine: StorageEngine): Promise<string> {
  return (await check(engine)).problems.join('\n')
}

describe('a check of sessions', () => {
  const session = { token: '18446744073709551615', isShared: false }
  const key = sessionKey(owner, BigInt(session.token))

  it('accepts a session in the index of tokens', async () => {
    const { engine, domain } = await storedData()
    await domain.stores.create({ ownerId: owner, name: 'linked', session })
    expect(await problemsOf(engine)).toBe('')
  })

  it('finds a session that is missing from the index', async () => {
    const { engine, domain } = await storedData()
    const { id } = await domain.stores.create({ ownerId: owner, name: 'linked', session })
    await engine.commit({ deletes: [key] })
    expect(await problemsOf(engine)).toBe(`Store ${id} is missing from an index.`)
  })

  it('finds a token that no store has', async () => {
    const { engine, named } = await storedData()
    await engine.commit({ puts: [{ key, value: Buffer.from(named.id, 'latin1') }] })
    expect(await problemsOf(engine)).toBe(
      `Store ${named.id} is in the index session but should not be.`,
    )
  })

  it('finds a damaged token', async () => {
    const { engine, domain } = await storedData()
    await domain.stores.create({ ownerId: owner, name: 'linked', session })
    engine.damage(key)
    expect(await problemsOf(engine)).toBe('An entry of the kind session is damaged.')
  })
})

describe('a check without a problem', () => {
  it('counts what is stored', async () => {
    const { engine } = await storedData()
    expect(await check(engine)).toEqual({
      stores: 2,
      records: 4,
      bytes: 2 * 5_005,
      problems: [],
      problemCount: 0,
      notes: [],
    })
  })

  it('counts nothing on an empty engine', async () => {
    const report = await check(new MemoryEngine())
    const none = { problems: [], problemCount: 0, notes: [] }
    expect(report).toEqual({ stores: 0, records: 0, bytes: 0, ...none })
  })

  it('finds no problem after any change of stores', async () => {
    const { engine, domain, named, unnamed } = await storedData()
    const { stores } = domain
    const store = await stores.find(named.id)
    const steps: readonly (() => Promise<unknown>)[] = [
      () => stores.update(unnamed.id, { name: 'hats' }),
      () => stores.update(unnamed.id, { shares: { [otherOwner]: 'read' } }),
      () => stores.update(named.id, { shares: { [otherOwner]: null } }),
      async () => domain.tokens.revoke(await firstTokenId(domain)),
      () => stores.update(named.id, { name: null, title: 'Coats' }),
      () => stores.update(named.id, { retention: 'none' }),
      () => store.delete('large'),
      () => store.clear(),
      () => store.put(bytesRecord('huge', patternBytes(3 * 2 ** 20))),
      () => domain.sweeper.sweep(),
      () => stores.drop(unnamed.id),
      () => sweepFor(domain, 9 * day),
      () => stores.update(named.id, { retention: 'default' }),
      () => sweepFor(domain, 8 * day),
      () => domain.close(),
    ]
    for (const step of steps) {
      await step()
      expect(await problemsOf(engine)).toBe('')
    }
    expect((await check(engine)).stores).toBe(0)
  })

  it('accepts a running upload, and a failed one', async () => {
    const { engine, domain, named } = await storedData()
    const store = await domain.stores.find(named.id)
    const source = new PausingSource(patternBytes(2 ** 21), async () => {
      expect(await problemsOf(engine)).toBe('')
      throw new Error('gone')
    })
    await expect(store.put(bytesRecord('new', source))).rejects.toThrow('gone')
    expect(await problemsOf(engine)).toBe('')
  })

  it('reports its progress', async () => {
    const { engine } = await storedData()
    const progress: string[] = []
    await check(engine, { onProgress: (done, total) => progress.push(`${done}/${total}`) })
    expect(progress).toEqual(['1/4', '2/4', '3/4', '4/4'])
  })
})

describe('a check finds', () => {
  /** A write that damages intact data. */
  type Wrong = (stored: Stored) => Promise<AtomicWrite> | AtomicWrite

  const ownedKey = (identity: StoreIdentity, place: { named: boolean; index: number }): Buffer =>
    ownedKeys(identity, place)[place.index] ?? Buffer.of()

  const emptyPut = (key: Buffer): AtomicWrite => ({ puts: [{ key, value: Buffer.of() }] })

  async function moved({ engine, unnamed }: Stored, expiresAt: number): Promise<AtomicWrite> {
    const key = activityKey(unnamed.id)
    const [entry] = await engine.get([key])
    if (!entry) throw new Error('The store was just made.')
    return { puts: [{ key, value: encodeActivity({ ...decodeActivity(entry), expiresAt }) }] }
  }

  const wrongs: Readonly<Record<string, Wrong>> = {
    'a store that its owner could not list': ({ named }) => ({
      deletes: [ownedKey(named, { named: false, index: 0 })],
    }),
    'a store that its owner could not list, newest first': ({ named }) => ({
      deletes: [ownedKey(named, { named: false, index: 1 })],
    }),
    'a named store that its owner could not list': ({ named }) => ({
      deletes: [ownedKey(named, { named: true, index: 0 })],
    }),
    'a named store that its owner could not list, newest first': ({ named }) => ({
      deletes: [ownedKey(named, { named: true, index: 1 })],
    }),
    'a store whose name is not in the index': ({ named }) => ({
      deletes: [nameKey(owner, named.name ?? '')],
    }),
    'a name that leads to another store': ({ named, unnamed }) => ({
      puts: [{ key: nameKey(owner, named.name ?? ''), value: Buffer.from(unnamed.id) }],
    }),
    'a name that leads nowhere': () => ({
      puts: [{ key: nameKey(owner, 'lost'), value: Buffer.from('x'.repeat(17)) }],
    }),
    'a second name of a store': ({ named }) => ({
      puts: [{ key: nameKey(owner, 'second'), value: Buffer.from(named.id) }],
    }),
    'an unnamed store in the index of named stores': ({ unnamed }) =>
      emptyPut(ownedKey(unnamed, { named: true, index: 0 })),
    'a store in the index of another owner': ({ named }) =>
      emptyPut(ownedKey({ ...named, ownerId: otherOwner }, { named: false, index: 0 })),
    'a store that is listed twice': ({ named }) =>
      emptyPut(ownedKey({ ...named, createdAt: 1 }, { named: false, index: 1 })),
    'an index entry of a store that does not exist': ({ named }) =>
      emptyPut(ownedKey({ ...named, id: 'x'.repeat(17) }, { named: false, index: 0 })),
    'a shared index entry of a store that does not exist': () =>
      emptyPut(sharedKey(otherOwner, 'x'.repeat(17))),
    'a shared index entry for a user without a share': ({ named }) =>
      emptyPut(sharedKey('owner000000000003', named.id)),
    'a shared index entry for the owner of the store': ({ named }) =>
      emptyPut(sharedKey(owner, named.id)),
    'a shared store that is missing from the index': ({ named }) => ({
      deletes: [sharedKey(otherOwner, named.id)],
    }),
    'the last use of a token that is gone': async ({ engine }) => {
      const tokens = await entriesOf(engine, 'token')
      return { deletes: tokens.map(({ key }) => key) }
    },
    'a store without its activity': ({ named }) => ({ deletes: [activityKey(named.id)] }),
    'an activity without its store': async ({ engine, named }) => {
      const [entry] = await engine.get([activityKey(named.id)])
      const value = entry?.value ?? Buffer.of()
      return { puts: [{ key: activityKey('x'.repeat(17)), value }] }
    },
    'a store that is missing from the index of expiries': async ({ engine }) => {
      const marks = await entriesOf(engine, 'expiry')
      return { deletes: marks.map(({ key }) => key) }
    },
    'a store with a wrong time in the index of expiries': (stored) => moved(stored, 5),
    'a store that does not expire in the index of expiries': (stored) => moved(stored, 0),
    'an expiry index entry without a store': () => emptyPut(expiryKey(5, 'x'.repeat(17))),
    'a wrong number of records': ({ named }) => ({
      sums: [{ key: counterKey(named.id, 'records'), delta: 1n }],
    }),
    'a wrong number of bytes': ({ named }) => ({
      sums: [{ key: counterKey(named.id, 'bytes'), delta: -1n }],
    }),
    'a lost counter': ({ named }) => ({ deletes: [counterKey(named.id, 'bytes')] }),
    'a counter without its store': () => ({
      sums: [{ key: counterKey('x'.repeat(17), 'records'), delta: 1n }],
    }),
    'a wrong number of stores': () => ({
      sums: [{ key: ownerCounterKey(owner, 'stores'), delta: 1n }],
    }),
    'a wrong number of named stores': () => ({
      sums: [{ key: ownerCounterKey(owner, 'named'), delta: -1n }],
    }),
    'a counter of stores for an owner who has none': () => ({
      sums: [{ key: ownerCounterKey(otherOwner, 'stores'), delta: 2n }],
    }),
    'a wrong number of bytes for the sweeper': () => ({
      sums: [{ key: garbageTotalKey, delta: 1n }],
    }),
    'a lost garbage mark': async ({ engine }) => {
      const marks = await entriesOf(engine, 'garbage')
      return { deletes: marks.map(({ key }) => key) }
    },
    'records of a lost store': ({ named }) => ({ deletes: [storeKey(named.id)] }),
  }

  it.each(Object.entries(wrongs))('%s', async (_, wrong) => {
    const stored = await storedData()
    expect(await problemsOf(stored.engine)).toBe('')
    await stored.engine.commit(await wrong(stored))
    expect(await problemsOf(stored.engine)).not.toBe('')
  })

  it('the id of the store with the problem', async () => {
    const { engine, named } = await storedData()
    await engine.commit({ deletes: [activityKey(named.id)] })
    expect(await problemsOf(engine)).toContain(named.id)
  })
})

describe('a check of damaged entries', () => {
  const kinds: readonly Parameters<typeof kindRange>[0][] = [
    'activity',
    'audit',
    'change',
    'changesTrimmed',
    'chunk',
    'counter',
    'expiry',
    'format',
    'garbage',
    'garbageTotal',
    'instance',
    'lease',
    'name',
    'owned',
    'ownedNamed',
    'ownedNamedNewest',
    'ownedNewest',
    'ownerCounter',
    'record',
    'shared',
    'store',
    'token',
    'tokenUse',
    'user',
    'username',
  ]

  /** Data with entries of every kind, such as a running upload and trimmed changes. */
  async function everyKind(): Promise<Stored> {
    const stored = await storedData()
    const { domain, named } = stored
    const store = await domain.stores.find(named.id)
    await sweepFor(domain, 8 * day)
    await domain.stores.create({ ownerId: owner, name: undefined })
    await store.put(bytesRecord('large', patternBytes(6_000)))
    const standing = new PausingSource(patternBytes(2 ** 21), () => new Promise(() => undefined))
    store.put(bytesRecord('new', standing)).catch(() => undefined)
    await new Promise(setImmediate)
    return stored
  }

  it.each(kinds)('reports those of the kind %s, and continues', async (kind) => {
    const { engine } = await everyKind()
    expect(await problemsOf(engine)).toBe('')
    for (const { key } of await entriesOf(engine, kind)) engine.damage(key)
    expect(await problemsOf(engine)).not.toBe('')
  })

  it('finishes even if everything is damaged', async () => {
    const { engine } = await everyKind()
    for (const kind of kinds) {
      for (const { key } of await entriesOf(engine, kind)) engine.damage(key)
    }
    const { records, bytes, problemCount } = await check(engine)
    expect([records, bytes]).toEqual([0, 0])
    expect(problemCount).toBeGreaterThan(kinds.length)
  })

  it('keeps a thousand problems and counts them all', async () => {
    const { engine } = await storedData()
    for (let made = 0; made < 1_100; made += 1) {
      const storeId = String(made).padStart(17, '0')
      await engine.commit({ puts: [{ key: expiryKey(5, storeId), value: Buffer.of() }] })
    }
    const { problems, problemCount } = await check(engine)
    expect([problems.length, problemCount]).toEqual([1_000, 1_100])
  })
})
