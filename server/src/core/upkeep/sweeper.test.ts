import { describe, expect, it } from 'vitest'
import { allFaults, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { markGarbage } from '../disk/garbage.ts'
import {
  chunkKey,
  encodeNumber,
  garbageTotalKey,
  innerIdBytes,
  leaseKey,
  recordKey,
  storeKey,
} from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { fullScope } from '../people/scope.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { day, hour, minute, second } from '../testing/times.ts'
import { check } from './check.ts'

async function openStore(
  engine: StorageEngine = new MemoryEngine(),
): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(engine)
  return { domain, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

async function createUnnamed({ stores }: TestDomain): Promise<Store> {
  return stores.create({ ownerId: owner, name: undefined })
}

async function revisionOf({ engine }: TestDomain): Promise<number> {
  return engine.newerThan(-1, new AbortController().signal)
}

describe('a sweep', () => {
  it('does not look for unfinished revocations each time if one of them fails', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const { sweeper, environment, tokens, users } = await openTestDomain(engine)
    await users.createFirst('the first token')
    const [user] = await users.list()
    const wanted = { name: '', expiresAt: undefined, scope: fullScope }
    const { token } = await tokens.create({ ...wanted, userId: user?.id ?? '' })
    await tokens.end(token.id)
    let tries = 0
    for (let sweeps = 0; sweeps < 10; sweeps += 1) {
      environment.advance(limits.sweepIntervalMs)
      // Only the removal of the token has something to commit.
      engine.beforeCommit = async () => {
        tries += 1
        throw new Error('The disk is away.')
      }
      await sweeper.sweep().catch(() => undefined)
    }
    expect(tries).toBe(1)
  })

  it('changes nothing if there is nothing to remove', async () => {
    const { domain, store } = await openStore()
    await createUnnamed(domain)
    await store.put(bytesRecord('key', patternBytes(5_000)))
    await domain.sweeper.sweep()
    const before = await revisionOf(domain)
    await domain.sweeper.sweep()
    expect(await revisionOf(domain)).toBe(before)
  })

  it('removes the records of a dropped store in batches, however many there are', async () => {
    const { domain, store } = await openStore()
    const keys = Array.from({ length: 2 * limits.sweepBatchKeysMax + 1 }, (_, index) => `${index}`)
    await Promise.all(keys.map((key) => store.put(textRecord(key, 'value'))))
    await domain.stores.drop(store.id)
    domain.environment.advance(hour)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'record')).toEqual([])
    expect(await entriesOf(domain.engine, 'garbage')).toEqual([])
  })

  it('removes a bounded number of expired stores, and the next sweep removes the rest', async () => {
    const { domain } = await openStore()
    for (let made = 0; made < limits.sweepItemsMax + 5; made += 1) await createUnnamed(domain)
    domain.environment.advance(7 * day)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'expiry')).toHaveLength(5)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'expiry')).toEqual([])
  })

  it('visits a bounded number of uploads, and the next sweep visits the rest', async () => {
    const { domain } = await openStore()
    const { engine, environment, sweeper } = domain
    const count = limits.sweepItemsMax + 5
    for (let made = 0; made < count; made += 1) {
      const isStanding = made >= limits.sweepItemsMax
      const until = environment.now() + (isStanding ? 0 : limits.uploadLeaseMs)
      const id = Buffer.from(String(made).padStart(innerIdBytes, '0'))
      await engine.commit({ puts: [{ key: leaseKey(id), value: encodeNumber(until) }] })
    }
    await sweeper.sweep()
    expect(await entriesOf(engine, 'lease')).toHaveLength(count)
    await sweeper.sweep()
    expect(await entriesOf(engine, 'lease')).toHaveLength(limits.sweepItemsMax)
    environment.advance(limits.uploadLeaseMs)
    for (let turn = 0; turn < 2; turn += 1) await sweeper.sweep()
    expect(await entriesOf(engine, 'lease')).toEqual([])
  })

  it('removes a value with more chunks than a batch', async () => {
    const { domain } = await openStore()
    const { engine, environment, sweeper } = domain
    const id = environment.randomBytes(innerIdBytes)
    for (let index = 0; index < 2 * limits.sweepBatchKeysMax + 1; index += 1) {
      await engine.commit({ puts: [{ key: chunkKey(id, index), value: Buffer.of(1) }] })
    }
    await engine.commit(markGarbage(id, { kind: 'value', bytes: 0, dueAt: environment.now() }))
    await sweeper.sweep()
    expect(await entriesOf(engine, 'chunk')).toEqual([])
    expect(await entriesOf(engine, 'garbage')).toEqual([])
  })

  it('keeps the current values of records that were replaced', async () => {
    const { domain, store } = await openStore()
    for (let round = 0; round < 5; round += 1) {
      await store.put(bytesRecord('key', patternBytes(3_000, round)))
    }
    await sweepFor(domain, 2 * hour)
    const chunks = await entriesOf(domain.engine, 'chunk')
    expect(chunks.map(({ value }) => Buffer.from(value))).toEqual([patternBytes(3_000, 4)])
  })

  it('removes a store that does not expire any more from the index of expiries', async () => {
    const engine = new MemoryEngine()
    const domain = await openTestDomain(engine)
    await createUnnamed(domain)
    const { environment } = domain
    await domain.close()
    const keeping = await openTestDomain(engine, { environment, unnamedRetentionMs: 0 })
    environment.advance(7 * day)
    await keeping.sweeper.sweep()
    expect(await entriesOf(engine, 'expiry')).toEqual([])
    expect(await entriesOf(engine, 'store')).toHaveLength(1)
    expect((await check(engine)).problems).toEqual([])
  })

  it('may run on two servers at once', async () => {
    const { domain, store } = await openStore()
    const { engine, environment } = domain
    const other = await openTestDomain(engine, { environment })
    for (let made = 0; made < 20; made += 1) {
      await store.put(bytesRecord(`key ${made % 3}`, patternBytes(3_000)))
      await createUnnamed(domain)
    }
    for (const passed of [7 * day + minute, 2 * hour]) {
      environment.advance(passed)
      await Promise.all([domain, other].map(({ sweeper }) => sweeper.sweep()))
    }
    expect(await entriesOf(engine, 'garbage')).toEqual([])
    expect(await entriesOf(engine, 'store')).toHaveLength(1)
    expect((await check(engine)).problems).toEqual([])
  })

  it('loses nothing if the storage fails during a sweep: a later sweep does the rest', async () => {
    const memory = new MemoryEngine()
    const { domain, store } = await openStore(memory)
    for (let made = 0; made < 20; made += 1) {
      await store.put(bytesRecord(`key ${made % 7}`, patternBytes(3_000)))
    }
    await domain.stores.drop(store.id)
    domain.environment.advance(2 * hour)
    const engine = new FaultyEngine(memory, { faults: { ...allFaults, failBefore: 0.05 }, seed: 3 })
    const { environment } = domain
    const failing = await openTestDomain(engine, { environment })
    for (let turn = 0; turn < 30; turn += 1) await codeOf(failing.sweeper.sweep())
    await domain.sweeper.sweep()
    expect(await entriesOf(memory, 'chunk')).toEqual([])
    expect((await check(memory)).problems).toEqual([])
  })

  it('leaves no chunk behind if its commits conflict', async () => {
    const faults = { ...allFaults, conflict: 0.5, failBefore: 0, unknown: 0 }
    const engine = new FaultyEngine(new MemoryEngine(), { faults, seed: 3 })
    const { domain, store } = await openStore(engine)
    for (let made = 0; made < 20; made += 1) {
      await store.put(bytesRecord('key', patternBytes(3_000)))
    }
    await store.clear()
    await sweepFor(domain, 2 * hour)
    expect(await entriesOf(engine, 'chunk')).toEqual([])
    expect((await check(engine)).problems).toEqual([])
  })
})

describe('a sweep over damaged entries', () => {
  /** A dropped store with a large value, which must be swept whatever else is damaged. */
  async function withGarbage(): Promise<{ engine: HurtEngine; domain: TestDomain; kept: Store }> {
    const engine = new HurtEngine(new MemoryEngine())
    const { domain, store } = await openStore(engine)
    const kept = await domain.stores.create({ ownerId: owner, name: 'kept' })
    await store.put(bytesRecord('key', patternBytes(5_000)))
    await domain.stores.drop(store.id)
    return { engine, domain, kept }
  }

  async function expectChunks(domain: TestDomain, count: number): Promise<void> {
    await sweepFor(domain, 8 * day)
    expect(await entriesOf(domain.engine, 'chunk')).toHaveLength(count)
  }

  it('continues after a damaged store that has expired', async () => {
    const { engine, domain } = await withGarbage()
    const { id } = await createUnnamed(domain)
    engine.damage(storeKey(id))
    await expectChunks(domain, 0)
  })

  it('continues after a damaged store that was in use', async () => {
    const { engine, domain, kept } = await withGarbage()
    await kept.get('key')
    engine.damage(storeKey(kept.id))
    await expectChunks(domain, 0)
  })

  it('continues after a damaged mark', async () => {
    const { engine, domain, kept } = await withGarbage()
    await kept.put(bytesRecord('key', patternBytes(5_000)))
    const [mark] = await entriesOf(engine, 'garbage')
    await kept.delete('key')
    engine.damage(mark?.key ?? Buffer.of())
    await expectChunks(domain, 1)
  })

  it('continues after a damaged lease', async () => {
    const { engine, domain, kept } = await withGarbage()
    const standing = new PausingSource(patternBytes(2 ** 21), async () => {
      const [lease] = await entriesOf(engine, 'lease')
      engine.damage(lease?.key ?? Buffer.of())
      domain.environment.advance(limits.uploadLeaseMs)
      await domain.sweeper.sweep()
    })
    const put = kept.put(bytesRecord('key', standing))
    expect(await codeOf(put)).toBe('upload-expired')
    await expectChunks(domain, 0)
  })

  it('continues after a damaged change', async () => {
    const { engine, domain, kept } = await withGarbage()
    for (let made = 0; made < 3; made += 1) await kept.put(textRecord('key', 'value'))
    const [, , second] = await entriesOf(engine, 'change')
    engine.damage(second?.key ?? Buffer.of())
    await expectChunks(domain, 0)
    expect(await entriesOf(engine, 'change')).toEqual([])
  })

  it('continues if the total of the garbage is damaged', async () => {
    const { engine, domain } = await withGarbage()
    engine.damage(garbageTotalKey)
    await expectChunks(domain, 0)
  })

  it('removes a damaged record of a store that is gone', async () => {
    const { engine, domain, kept } = await withGarbage()
    await kept.put(textRecord('key', 'value'))
    engine.damage(recordKey((await kept.identity()).contentId, 'key'))
    await domain.stores.drop(kept.id)
    await expectChunks(domain, 0)
    expect(await entriesOf(engine, 'record')).toEqual([])
  })
})

describe('space', () => {
  it('does not grow when stores are created and dropped', async () => {
    const { domain } = await openStore()
    const { engine, environment, stores } = domain
    for (let round = 0; round < 5; round += 1) {
      const store = await createUnnamed(domain)
      await store.put(bytesRecord('key', patternBytes(5_000)))
      await stores.drop(store.id)
      environment.advance(second)
    }
    await sweepFor(domain, 9 * day)
    for (const kind of ['change', 'changesTrimmed'] as const) {
      expect(await entriesOf(engine, kind), kind).toHaveLength(0)
    }
  })
})
