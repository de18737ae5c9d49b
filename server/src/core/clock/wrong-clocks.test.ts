import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { keptUntil, markGarbage } from '../disk/garbage.ts'
import { clockKey } from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord, readBytes, textRecord } from '../testing/records.ts'
import { SharedEngine } from '../testing/shared-engine.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, hour, minute, second } from '../testing/times.ts'

/**
 * Nothing may be deleted because a clock was wrong. Each test lets a clock go wrong, and expects
 * everything to be there when it is right again.
 */

interface Parts {
  readonly engine: StorageEngine
  readonly environment: TestEnvironment
  domain: TestDomain
}

async function setUp(engine: StorageEngine = new MemoryEngine()): Promise<Parts> {
  const environment = new TestEnvironment()
  return { engine, environment, domain: await openTestDomain(engine, { environment }) }
}

/** Stops in order, and starts again. */
async function restart(parts: Parts): Promise<void> {
  await parts.domain.close()
  const { engine, environment } = parts
  parts.domain = await openTestDomain(engine, { environment })
}

async function unnamedStore({ domain }: Parts): Promise<string> {
  const store = await domain.stores.create({ ownerId: owner, name: undefined })
  await store.put(textRecord('K', 'kept'))
  return store.id
}

async function isThere({ domain }: Parts, id: string): Promise<boolean> {
  return (await codeOf(domain.stores.find(id).then((store) => store.info()))) === 'none'
}

describe('a store that expires', () => {
  it('survives a clock that is eight days ahead for eight seconds', async () => {
    const parts = await setUp()
    const id = await unnamedStore(parts)
    parts.environment.setClock(8 * day)
    parts.environment.advance(8 * second)
    await parts.domain.sweeper.sweep()
    expect(await isThere(parts, id)).toBe(true)
    parts.environment.setClock(-8 * day)
    await parts.domain.sweeper.sweep()
    expect(await isThere(parts, id)).toBe(true)
    await sweepFor(parts.domain, 6 * day)
    expect(await isThere(parts, id)).toBe(true)
    await sweepFor(parts.domain, 2 * day)
    expect(await isThere(parts, id)).toBe(false)
  })

  it.each([8 * day, 30 * day])(
    'survives a start that is %i ms behind, corrected later',
    async (behind) => {
      const parts = await setUp()
      await unnamedStore(parts)
      await parts.domain.close()
      parts.environment.setClock(-behind)
      parts.domain = await openTestDomain(parts.engine, { environment: parts.environment })
      expect(parts.domain.clock.isHeld).toBe(true)
      const id = await unnamedStore(parts)
      await parts.domain.sweeper.sweep()
      parts.environment.setClock(behind)
      await parts.domain.sweeper.sweep()
      expect(parts.domain.clock.isHeld).toBe(false)
      expect(await isThere(parts, id)).toBe(true)
      // Its time counts from its last use by the right clock.
      await sweepFor(parts.domain, 6 * day)
      expect(await isThere(parts, id)).toBe(true)
    },
  )

  it('survives a first start that is behind, which is corrected by a restart and confirmed', async () => {
    const parts = await setUp()
    const id = await unnamedStore(parts)
    await parts.domain.close()
    parts.environment.setClock(8 * day)
    parts.domain = await openTestDomain(parts.engine, { environment: parts.environment })
    await parts.domain.sweeper.sweep()
    expect(await isThere(parts, id)).toBe(true)
    await parts.domain.confirmClock(undefined)
    await parts.domain.sweeper.sweep()
    expect(await isThere(parts, id)).toBe(true)
    await sweepFor(parts.domain, 8 * day)
    expect(await isThere(parts, id)).toBe(false)
  })

  it('stays held over restarts until somebody confirms the clock', async () => {
    const parts = await setUp()
    const id = await unnamedStore(parts)
    parts.environment.setClock(8 * day)
    await parts.domain.sweeper.sweep()
    for (let restarts = 0; restarts < 3; restarts += 1) {
      parts.environment.advance(hour)
      await restart(parts)
      expect(parts.domain.clock.isHeld).toBe(true)
      await parts.domain.sweeper.sweep()
    }
    expect(await isThere(parts, id)).toBe(true)
    await parts.domain.confirmClock(undefined)
    await restart(parts)
    expect(parts.domain.clock.isHeld).toBe(false)
  })

  it('survives a clock that stands still, and expires after it goes on', async () => {
    const parts = await setUp()
    const id = await unnamedStore(parts)
    for (let hours = 0; hours < 8 * 24; hours += 1) {
      parts.environment.standStill(hour)
      await parts.domain.sweeper.sweep()
    }
    expect(await isThere(parts, id)).toBe(true)
    parts.environment.setClock(8 * day)
    await parts.domain.sweeper.sweep()
    await sweepFor(parts.domain, minute)
    expect(await isThere(parts, id)).toBe(false)
  })

  it('is cleared neither by a request nor by a sweep while expiry is held', async () => {
    const parts = await setUp()
    const retention = { ttlMs: hour, renewOnRead: true, renewOnWrite: true } as const
    const store = await parts.domain.stores.create({
      ownerId: owner,
      name: undefined,
      retention: { ...retention, onExpiry: 'clear' },
    })
    await store.put(textRecord('K', 'kept'))
    parts.environment.setClock(2 * hour)
    await parts.domain.sweeper.sweep()
    expect(Buffer.from((await readBytes(store, 'K')) ?? []).toString()).toBe('kept')
    parts.environment.setClock(-2 * hour)
    expect(Buffer.from((await readBytes(store, 'K')) ?? []).toString()).toBe('kept')
  })

  it('is logged and audited when it ends', async () => {
    const parts = await setUp()
    const id = await unnamedStore(parts)
    await sweepFor(parts.domain, 8 * day)
    expect(parts.environment.events).toEqual([`1 store expired: ${id} of user ${owner} (deleted).`])
    const { events } = await parts.domain.auditLog.read(owner, { before: undefined, limit: 10 })
    expect(events[0]).toMatchObject({ action: 'store-expired', subject: id, storeId: id })
  })

  it('does not wait behind stores whose end was moved by a confirmation', async () => {
    const parts = await setUp()
    const ids = await Promise.all([1, 2, 3].map(() => unnamedStore(parts)))
    parts.environment.setClock(8 * day)
    await parts.domain.sweeper.sweep()
    await parts.domain.confirmClock(undefined)
    await parts.domain.sweeper.sweep()
    // The index says what is due: those stores are behind the present again.
    const due = (await entriesOf(parts.engine, 'expiry')).map(({ key }) => key.subarray(1, 9))
    const now = Buffer.alloc(8)
    now.writeBigUInt64BE(BigInt(parts.environment.now()))
    expect(due.every((time) => Buffer.compare(time, now) > 0)).toBe(true)
    expect(await Promise.all(ids.map((id) => isThere(parts, id)))).toEqual([true, true, true])
  })
})

describe('while the clock is wrong', () => {
  it('an upload goes on', async () => {
    const parts = await setUp()
    const store = await parts.domain.stores.create({ ownerId: owner, name: 'uploads' })
    const value = patternBytes(3_000_000)
    const source = new PausingSource(value, async () => {
      parts.environment.setClock(8 * day)
      await parts.domain.sweeper.sweep()
      await parts.domain.confirmClock(undefined)
      await parts.domain.sweeper.sweep()
    })
    await store.put(bytesRecord('LONG', source))
    expect(Buffer.from((await readBytes(store, 'LONG')) ?? []).equals(value)).toBe(true)
  })

  it.each(['ahead', 'confirmed'])('replaced values stay for downloads: %s', async (state) => {
    const parts = await setUp(new SharedEngine(new MemoryEngine()))
    const dueAt = keptUntil(parts.domain.clock.now())
    const { puts } = markGarbage(Buffer.alloc(12, 1), { kind: 'value', bytes: 0, dueAt })
    await parts.engine.commit({ puts })
    parts.environment.setClock(8 * day)
    if (state === 'confirmed') await parts.domain.confirmClock(undefined)
    await parts.domain.sweeper.sweep()
    expect(await entriesOf(parts.engine, 'garbage')).toHaveLength(1)
    await sweepFor(parts.domain, limits.replacedChunksKeptMs + minute)
    expect(await entriesOf(parts.engine, 'garbage')).toHaveLength(0)
  })

  it.each([400 * day, -400 * day])(
    'values that nobody reads go all the same, and no others: %i ms',
    async (step) => {
      const parts = await setUp()
      const store = await parts.domain.stores.create({ ownerId: owner, name: 'named' })
      await store.put(bytesRecord('read', patternBytes(5_000, 1)))
      await store.put(bytesRecord('unread', patternBytes(5_000, 2)))
      const read = await store.get('read')
      parts.environment.setClock(step)
      for (const key of ['read', 'unread']) await store.put(bytesRecord(key, patternBytes(5_000)))
      await parts.domain.sweeper.sweep()
      expect(await entriesOf(parts.engine, 'chunk')).toHaveLength(3)
      expect(Buffer.from((await read?.value.read()) ?? [])).toEqual(patternBytes(5_000, 1))
    },
  )

  it.each(['ahead', 'confirmed'])('change logs keep their entries: %s', async (state) => {
    const parts = await setUp()
    const store = await parts.domain.stores.create({ ownerId: owner, name: 'named' })
    await store.put(textRecord('K', 'x'))
    const before = (await entriesOf(parts.engine, 'change')).length
    parts.environment.setClock(30 * day)
    if (state === 'confirmed') await parts.domain.confirmClock(undefined)
    await parts.domain.sweeper.sweep()
    expect(await entriesOf(parts.engine, 'change')).toHaveLength(before)
  })

  it('change logs keep what was written by a clock that was behind', async () => {
    const parts = await setUp()
    await restart(parts)
    parts.environment.setClock(-30 * day)
    const store = await parts.domain.stores.create({ ownerId: owner, name: 'named' })
    await store.put(textRecord('K', 'x'))
    const before = (await entriesOf(parts.engine, 'change')).length
    parts.environment.setClock(30 * day)
    await parts.domain.sweeper.sweep()
    expect(await entriesOf(parts.engine, 'change')).toHaveLength(before)
  })

  it('a token that has expired stays so, and one that has not is not deleted', async () => {
    const parts = await setUp()
    const { domain, environment } = parts
    await domain.users.createFirst('the first token of all users here')
    const [user] = await domain.users.list()
    const scope = { action: 'read', storeId: undefined, keyPrefix: undefined } as const
    const expiresAt = environment.now() + hour
    const { text } = await domain.tokens.create({
      userId: user?.id ?? '',
      name: '',
      expiresAt,
      scope,
    })
    const isValid = async (): Promise<boolean> =>
      (await parts.domain.tokens.findByText(text)) !== undefined
    expect(await isValid()).toBe(true)
    environment.setClock(8 * day)
    expect(await isValid()).toBe(false)
    environment.setClock(-8 * day)
    expect(await isValid()).toBe(true)
    environment.advance(2 * hour)
    expect(await isValid()).toBe(false)
    environment.setClock(-2 * hour)
    expect(await isValid()).toBe(false)
    await domain.close()
    parts.domain = await openTestDomain(parts.engine, { environment })
    expect(await isValid()).toBe(false)
  })

  it('a revoked token is noticed although the clock stands still', async () => {
    const { domain, environment, engine } = await setUp()
    const other = await openTestDomain(engine, { environment })
    const text = 'a token that another server revokes'
    await domain.users.createFirst(text)
    await domain.access.authenticate(text)
    const token = (await other.tokens.findByText(text))?.token
    await other.tokens.revoke(token?.id ?? '')
    environment.standStill(limits.cachedTokenMs)
    const found = (async () => domain.access.authenticate(text))()
    expect(await codeOf(found)).toBe('token-invalid')
  })
})

describe('several servers on one storage', () => {
  it('take over what one of them confirmed', async () => {
    const engine = new SharedEngine(new MemoryEngine())
    const environment = new TestEnvironment()
    const one = await openTestDomain(engine, { environment })
    const two = await openTestDomain(engine, { environment })
    environment.setClock(8 * day)
    await one.sweeper.sweep()
    await two.sweeper.sweep()
    expect([one.clock.isHeld, two.clock.isHeld]).toEqual([true, true])
    await one.confirmClock(undefined)
    await two.sweeper.sweep()
    expect([one.clock.isHeld, two.clock.isHeld]).toEqual([false, false])
    expect(two.clock.memory.confirmedAt).toBe(one.clock.memory.confirmedAt)
  })

  it('end no store by what they knew before a confirmation, also without a sweep', async () => {
    const engine = new SharedEngine(new MemoryEngine())
    const [one, other] = [await setUp(engine), await setUp(engine)]
    // The clock of one server is behind: so it stores times that are too early for the other one.
    one.environment.setClock(-20 * day)
    await one.domain.sweeper.sweep()
    await one.domain.confirmClock(undefined)
    const id = await unnamedStore(one)
    one.environment.setClock(20 * day)
    await one.domain.sweeper.sweep()
    expect(await isThere(other, id)).toBe(false)
    await one.domain.confirmClock(undefined)
    expect(await isThere(other, id)).toBe(true)
    await other.domain.sweeper.sweep()
    expect(await isThere(one, id)).toBe(true)
  })

  it('use the clock of the storage, not their own', async () => {
    const memory = new SharedEngine(new MemoryEngine())
    const storage = new TestEnvironment()
    const wrong = new TestEnvironment()
    wrong.setClock(8 * day)
    const engine = Object.assign(memory, { readClock: async () => storage.now() })
    const right = await openTestDomain(engine, { environment: storage })
    const store = await right.stores.create({ ownerId: owner, name: undefined })
    const ahead = await openTestDomain(engine, { environment: wrong })
    await ahead.sweeper.sweep()
    expect(ahead.clock.isHeld).toBe(false)
    expect((await ahead.stores.find(store.id)).id).toBe(store.id)
  })
})

it('confirming a clock that nobody doubts changes nothing', async () => {
  const { domain, engine } = await setUp()
  const before = await engine.get([clockKey])
  await domain.confirmClock(undefined)
  expect(await engine.get([clockKey])).toEqual(before)
  expect(domain.clock.memory.confirmedAt).toBe(0)
})

it('the time is stored at a start, now and then, and at a stop', async () => {
  const parts = await setUp()
  const newest = async (): Promise<number> => {
    const [entry] = await parts.engine.get([clockKey])
    return JSON.parse(Buffer.from(entry?.value ?? []).toString()).newest
  }
  const start = parts.environment.now()
  expect(await newest()).toBe(start)
  parts.environment.advance(limits.clockKeptMs - 1)
  await parts.domain.sweeper.sweep()
  expect(await newest()).toBe(start)
  parts.environment.advance(1)
  await parts.domain.sweeper.sweep()
  expect(await newest()).toBe(start + limits.clockKeptMs)
  parts.environment.advance(second)
  await parts.domain.close()
  expect(await newest()).toBe(start + limits.clockKeptMs + second)
})
