import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import type { OwnRetention } from '../identity/retention.ts'
import { limits } from '../kernel/limits.ts'
import type { WholeRecord } from '../records/record.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { readText, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { minute, second } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import type { Store } from './store.ts'

const maxToken = 2n ** 64n - 1n
const who = { caller: system, peer: '192.0.2.1' }

function expiring(seconds: number, onExpiry: 'drop' | 'clear'): OwnRetention {
  return { ttlMs: seconds * second, renewOnRead: true, renewOnWrite: true, onExpiry }
}

async function open(engine: StorageEngine = new MemoryEngine()): Promise<TestDomain> {
  return openTestDomain(engine)
}

const create = (
  domain: TestDomain,
  { retention = 'none' as OwnRetention, sharedToken = undefined as bigint | undefined } = {},
) =>
  domain.sessions.create({ ownerId: owner, label: 'l', retention, sharedToken, actor: undefined })

const find = async (domain: TestDomain, token: bigint, ownerId = owner): Promise<Store> =>
  domain.sessions.find(ownerId, token, who)

/** Finds and uses a session as a client does: the store that was found may be gone. */
const use = async (domain: TestDomain, token: bigint): Promise<string> =>
  codeOf(find(domain, token).then((store) => store.batch.count()))

function record(key: string, text: string): WholeRecord {
  const bytes = Buffer.from(text)
  return { key, contentType: 'application/json', bytes, jsonState: 'sound' }
}

const restore = (domain: TestDomain, token: bigint, records: readonly WholeRecord[]) =>
  domain.sessions.restore({
    ownerId: owner,
    session: { token: String(token), isShared: false },
    retention: 'none',
    records,
    actor: undefined,
  })

describe('a session', () => {
  it('is found by its token among those of its owner', async () => {
    const domain = await open()
    const { store, token } = await create(domain)
    expect(token).toBeGreaterThan(0n)
    expect(token).toBeLessThan(2n ** 53n)
    expect((await find(domain, token)).id).toBe(store.id)
    expect(await codeOf(find(domain, token, otherOwner))).toBe('store-not-found')
    expect(await codeOf(find(domain, token + 1n))).toBe('store-not-found')
    expect((await store.identity()).title).toBe('l')
  })

  it('is found by a server that does not know it', async () => {
    const engine = new MemoryEngine()
    const { token } = await create(await open(engine))
    const restarted = await open(engine)
    const first = restarted.sessions.find(owner, token, who)
    expect(first).toBeInstanceOf(Promise)
    const { id } = await first
    const again = restarted.sessions.find(owner, token, who)
    expect(again).not.toBeInstanceOf(Promise)
    expect((await again).id).toBe(id)
  })

  it('may have any 64-bit token, but each only once', async () => {
    const domain = await open()
    for (const sharedToken of [0n, 1n, 2n ** 63n, maxToken]) {
      const { store } = await create(domain, { sharedToken })
      expect((await find(domain, sharedToken)).id).toBe(store.id)
      expect(await codeOf(create(domain, { sharedToken }))).toBe('session-taken')
    }
    expect(await Array.fromAsync(domain.sessions.list(owner))).toHaveLength(4)
    const tokens = (await Array.fromAsync(domain.sessions.list(owner))).map(
      ({ session }) => session.token,
    )
    expect(tokens).toEqual([0n, 1n, 2n ** 63n, maxToken].map(String))
  })

  it('is created once for a token, by the first request', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 1 })
    const domain = await open(engine)
    const codes = await Promise.all(
      Array.from({ length: 12 }, () => codeOf(create(domain, { sharedToken: 5n }))),
    )
    expect(codes.filter((code) => code === 'none')).toHaveLength(1)
    expect(codes.filter((code) => code === 'session-taken')).toHaveLength(11)
  })
})

describe('the sessions that a server remembers', () => {
  it('are a bounded number, those that were used last', async () => {
    const domain = await open()
    const tokens: bigint[] = []
    const add = async (): Promise<void> => {
      const { token } = await create(domain)
      await find(domain, token)
      tokens.push(token)
    }
    for (let n = 0; n < limits.cachedStoresMax; n += 1) await add()
    const [first = 0n, second = 0n, third = 0n] = tokens
    await find(domain, first)
    await add()
    const isKnown = (token: bigint): boolean =>
      !(domain.sessions.find(owner, token, who) instanceof Promise)
    expect([first, second, third].map(isKnown)).toEqual([true, false, true])
  })
})

describe('the end of a session', () => {
  it('drops its store, or only removes the token if the store has a name', async () => {
    const domain = await open()
    const { store, token } = await create(domain)
    await domain.sessions.end(await find(domain, token), system)
    expect(await use(domain, token)).toBe('store-not-found')
    expect(await codeOf(store.identity())).toBe('store-not-found')
    const named = await create(domain)
    await domain.stores.update(named.store.id, { name: 'kept' })
    await domain.sessions.end(await find(domain, named.token), system)
    expect(await use(domain, named.token)).toBe('store-not-found')
    expect(await named.store.identity()).toMatchObject({ name: 'kept', session: null })
    expect(await entriesOf(domain.engine, 'session')).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('comes with its expiry, which each use postpones', async () => {
    const domain = await open()
    const { token } = await create(domain, { retention: expiring(60, 'drop') })
    for (let time = 0; time < 5; time += 1) {
      domain.environment.advance(50 * second)
      expect(await use(domain, token)).toBe('none')
    }
    domain.environment.advance(61 * second)
    expect(await use(domain, token)).toBe('store-not-found')
    await sweepFor(domain, minute)
    expect(await entriesOf(domain.engine, 'session')).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('may remove only its records', async () => {
    const domain = await open()
    const { store, token } = await create(domain, { retention: expiring(60, 'clear') })
    await store.batch.put([record('a', '1')])
    domain.environment.advance(61 * second)
    expect(await (await find(domain, token)).batch.count()).toBe(0)
    expect(await (await find(domain, token)).replaceAll([record('b', '1')])).toBe(0)
  })

  it('frees its token at once, before a sweep', async () => {
    const domain = await open()
    const first = await create(domain, { sharedToken: 7n, retention: expiring(60, 'drop') })
    domain.environment.advance(61 * second)
    const next = await create(domain, { sharedToken: 7n })
    expect(next.store.id).not.toBe(first.store.id)
    expect((await find(domain, 7n)).id).toBe(next.store.id)
    expect(await codeOf(first.store.identity())).toBe('store-not-found')
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('is noticed if its token belongs to another store now', async () => {
    const domain = await open()
    const { store } = await create(domain, { sharedToken: 7n })
    await domain.stores.drop(store.id)
    const { store: next } = await create(domain, { sharedToken: 7n })
    expect((await find(domain, 7n)).id).toBe(next.id)
    expect(await use(domain, 7n)).toBe('none')
  })
})

describe('the end of a store that is not a session', () => {
  it('is refused, and the store stays', async () => {
    const domain = await open()
    const store = await domain.stores.create({ ownerId: owner, name: undefined })
    expect(await codeOf(domain.sessions.end(store, system))).toBe('store-not-found')
    expect(await codeOf(store.identity())).toBe('none')
  })
})

describe('a token for a store', () => {
  it('have one token and one channel id, however many requests link them at once', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 9 })
    const domain = await open(engine)
    for (let round = 0; round < 5; round += 1) {
      const store = await domain.stores.create({ ownerId: owner, name: undefined })
      const links = Array.from({ length: 6 }, () => domain.sessions.link(store.id, system))
      const tokens = new Set(await Promise.all(links))
      expect(tokens.size).toBe(1)
      const [token = ''] = tokens
      expect((await find(domain, BigInt(token))).id).toBe(store.id)
      const projects = Array.from({ length: 6 }, () => domain.projects.link(store.id, system))
      const channels = (await Promise.all(projects)).map(({ channelId }) => channelId)
      expect(new Set(channels).size).toBe(1)
    }
    expect((await check(engine)).problems).toEqual([])
  })

  it('is created once, and can be removed', async () => {
    const domain = await open()
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    await store.put(textRecord('a', 'text'))
    const token = await domain.sessions.link(store.id, system)
    expect(await domain.sessions.link(store.id, system)).toBe(token)
    expect(await readText(await find(domain, BigInt(token)), 'a')).toBe('text')
    await domain.stores.update(store.id, { session: null })
    expect(await use(domain, BigInt(token))).toBe('store-not-found')
    const next = await domain.sessions.link(store.id, system)
    expect(next).not.toBe(token)
    expect((await check(domain.engine)).problems).toEqual([])
  })
})

describe('a session that is restored', () => {
  it('has its token and all its records', async () => {
    const domain = await open()
    const records = Array.from({ length: 2_500 }, (_, index) => record(`${index}`, `${index}`))
    expect(await restore(domain, maxToken, records)).toBe(true)
    const store = await find(domain, maxToken)
    expect(await store.batch.count()).toBe(2_500)
    expect(await readText(store, '2499')).toBe('2499')
    const sessions = await Array.fromAsync(domain.sessions.list(owner))
    expect(sessions.map(({ recordCount }) => recordCount)).toEqual([2_500])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('does not change an existing one', async () => {
    const domain = await open()
    await restore(domain, 5n, [record('a', 'first')])
    expect(await restore(domain, 5n, [record('a', 'second')])).toBe(false)
    expect(await readText(await find(domain, 5n), 'a')).toBe('first')
  })

  it('is restored once when many requests restore it, and nothing else is left behind', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 3 })
    const domain = await open(engine)
    const results = await Promise.all(
      Array.from({ length: 6 }, () => restore(domain, 5n, [record('a', '1')])),
    )
    expect(results.filter(Boolean)).toHaveLength(1)
    expect(await entriesOf(engine, 'store')).toHaveLength(1)
    expect((await check(engine)).problems).toEqual([])
  })

  it('leaves nothing behind if its records are refused', async () => {
    const domain = await open()
    const records = [record('a', '1'), record('k'.repeat(2_401), '1')]
    expect(await codeOf(restore(domain, 5n, records))).toBe('record-key-invalid')
    expect(await entriesOf(domain.engine, 'store')).toEqual([])
    expect(await use(domain, 5n)).toBe('store-not-found')
  })
})

describe('guesses of tokens', () => {
  it('end after 100 wrong ones of one address, for a minute', async () => {
    const engine = new MemoryEngine()
    const { token } = await create(await open(engine))
    const domain = await open(engine)
    for (let guess = 1n; guess <= 100n; guess += 1n) {
      for (let time = 0; time < 2; time += 1) {
        expect(await codeOf(find(domain, maxToken - guess))).toBe('store-not-found')
        if (guess === 100n) break // the limit is reached with the first
      }
    }
    expect(await codeOf(find(domain, token))).toBe('too-many-guesses')
    const elsewhere = { caller: system, peer: '192.0.2.2' }
    expect(await codeOf(domain.sessions.find(owner, token, elsewhere))).toBe('none')
    expect(await codeOf(find(domain, token))).toBe('none') // known by now
    expect(await codeOf(find(domain, 3n))).toBe('too-many-guesses')
    const uncounted = { caller: system, peer: undefined }
    expect(await codeOf(domain.sessions.find(owner, 3n, uncounted))).toBe('store-not-found')
    domain.environment.advance(minute)
    expect(await codeOf(find(domain, 3n))).toBe('store-not-found')
  })
})
