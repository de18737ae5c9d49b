import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { markGarbage } from '../disk/garbage.ts'
import { chunkKey, garbageTotalKey, innerIdBytes } from '../disk/keyspace.ts'
import { totalOf } from '../engine/counter.ts'
import type { AtomicWrite, Commit, StorageEngine } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, readBytes, textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { settle } from '../testing/times.ts'
import { check } from './check.ts'

const mebibyte = 2 ** 20

/** Notes how many keys each commit deletes. */
class CountingEngine extends HurtEngine {
  readonly deleted: number[] = []

  override async commit(write: AtomicWrite): Promise<Commit> {
    this.deleted.push(write.deletes?.length ?? 0)
    return super.commit(write)
  }
}

async function openStore<E extends StorageEngine>(
  engine: E,
): Promise<{ domain: TestDomain; engine: E; store: Store }> {
  const domain = await openTestDomain(engine)
  return { domain, engine, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

async function chunkCountOf(engine: StorageEngine): Promise<number> {
  return (await entriesOf(engine, 'chunk')).length
}

async function garbageBytes(engine: StorageEngine): Promise<number> {
  const [total] = await engine.get([garbageTotalKey])
  return Number(totalOf(total))
}

/** Marks of replaced values of `bytes`, each in one chunk, of which only one byte is stored. */
async function leaveMarks(engine: StorageEngine, count: number, bytes: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    const id = Buffer.from(String(made).padStart(innerIdBytes, '0'))
    const { puts, sums } = markGarbage(id, { kind: 'value', bytes, dueAt: 1 })
    const chunk = { key: chunkKey(id, 0), value: Buffer.of(1) }
    await engine.commit({ puts: [...puts, chunk], sums })
  }
}

describe('a value that was replaced', () => {
  it('is removed by the next sweep if nobody reads it', async () => {
    const { domain, engine, store } = await openStore(new MemoryEngine())
    for (let round = 0; round < 5; round += 1) {
      await store.put(bytesRecord('key', patternBytes(3 * mebibyte, round)))
    }
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(3)
    expect([await entriesOf(engine, 'garbage'), await garbageBytes(engine)]).toEqual([[], 0])
    expect((await check(engine)).problems).toEqual([])
  })

  it('is sent to its end to whoever began before', async () => {
    const { domain, engine, store } = await openStore(new MemoryEngine())
    const bytes = patternBytes(5 * mebibyte + 5)
    await store.put(bytesRecord('key', bytes))
    const parts: Uint8Array[] = []
    {
      const record = await store.get('key')
      using value = record?.value
      for await (const part of value?.chunks() ?? []) {
        parts.push(part)
        await store.put(bytesRecord('key', patternBytes(2 * mebibyte, parts.length)))
        await domain.sweeper.sweep()
      }
    }
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(2)
  })

  it('stays for a reader that has found the record and not yet opened its value', async () => {
    const { domain, engine, store } = await openStore(new HurtEngine(new MemoryEngine()))
    await store.put(bytesRecord('key', patternBytes(5_000, 1)))
    let sweeping: Promise<void> | undefined
    engine.beforeAnswer = async () => {
      await store.put(bytesRecord('key', patternBytes(5_000, 2)))
      sweeping = domain.sweeper.sweep()
      await settle()
    }
    expect(await readBytes(store, 'key')).toEqual(patternBytes(5_000, 1))
    await sweeping
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(1)
  })

  it('stays for a reader of several records until all are read', async () => {
    const { domain, engine, store } = await openStore(new MemoryEngine())
    const keys = ['a', 'b', 'c']
    for (const key of keys) await store.put(bytesRecord(key, patternBytes(5_000)))
    const records = await store.batch.get(keys)
    for (const key of keys) await store.delete(key)
    for (const record of records) {
      await domain.sweeper.sweep()
      expect(await record?.value.read()).toEqual(patternBytes(5_000))
    }
    for (const record of records) record?.value[Symbol.dispose]()
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(0)
  })

  it('stays while it is read, and nothing that was replaced before or after', async () => {
    const { domain, engine, store } = await openStore(new MemoryEngine())
    const overwrite = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        await store.put(bytesRecord('key', patternBytes(3_000, time)))
      }
    }
    await overwrite(1_500)
    const record = await store.get('key')
    await overwrite(1_500)
    for (let sweep = 0; sweep < 4; sweep += 1) await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(2)
    expect(await record?.value.read()).toEqual(patternBytes(3_000, 1_499))
    record?.value[Symbol.dispose]()
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(1)
  })

  it.each([1, 2, 3])('never breaks a read, whatever runs meanwhile: seed %i', async (seed) => {
    const faults = { ...delaysOnly, conflict: 0.1 }
    const memory = new MemoryEngine()
    const engine = new FaultyEngine(memory, { faults, seed, isShared: false })
    const { domain, store } = await openStore(engine)
    const size = mebibyte + 5
    await store.put(bytesRecord('key', Buffer.alloc(size, 1)))
    let isOver = false
    const read = async (): Promise<void> => {
      while (!isOver) {
        const bytes = await readBytes(store, 'key')
        if (bytes) expect(Buffer.compare(bytes, Buffer.alloc(size, bytes[0]))).toBe(0)
      }
    }
    const others = [read(), read(), read()]
    const sweep = async (): Promise<void> => {
      while (!isOver) await domain.sweeper.sweep()
    }
    for (let round = 2; round < 60; round += 1) {
      if (round === 3) others.push(sweep())
      if (round % 20 === 0) await store.clear()
      else await store.put(bytesRecord('key', Buffer.alloc(size, round)))
    }
    isOver = true
    await Promise.all(others)
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(2)
    expect((await check(memory)).problems).toEqual([])
  })
})

describe('the records of a store that was cleared', () => {
  it('are removed by the next sweep, but none whose value is read', async () => {
    const { domain, engine, store } = await openStore(new MemoryEngine())
    for (const key of ['a', 'b', 'c']) await store.put(bytesRecord(key, patternBytes(5_000)))
    await store.put(textRecord('d', 'short'))
    const record = await store.get('b')
    await store.clear()
    await domain.sweeper.sweep()
    expect([await chunkCountOf(engine), (await entriesOf(engine, 'record')).length]).toEqual([1, 1])
    expect((await check(engine)).problems).toEqual([])
    expect(await record?.value.read()).toEqual(patternBytes(5_000))
    record?.value[Symbol.dispose]()
    await domain.sweeper.sweep()
    for (const kind of ['chunk', 'record', 'garbage'] as const) {
      expect(await entriesOf(engine, kind), kind).toEqual([])
    }
  })

  it('stay for a listing that began before', async () => {
    const { domain, engine, store } = await openStore(new HurtEngine(new MemoryEngine()))
    for (const key of ['a', 'b', 'c']) await store.put(textRecord(key, 'value'))
    let sweeping: Promise<void> | undefined
    engine.beforeScan = async () => {
      await store.clear()
      sweeping = domain.sweeper.sweep()
      await settle()
    }
    const page = await store.list({ prefix: '', startAfter: undefined, limit: 10 })
    expect(page.items.map(({ key }) => key)).toEqual(['a', 'b', 'c'])
    await sweeping
    expect(await entriesOf(engine, 'record')).toEqual([])
  })
})

describe('garbage', () => {
  it('stays below its bound without a sweep of the timer, however fast it grows', async () => {
    const { engine, store } = await openStore(new MemoryEngine())
    let most = 0
    for (let round = 0; round < 10_000; round += 1) {
      await store.put(bytesRecord(`key ${round % 7}`, Buffer.alloc(60_000, round)))
      most = Math.max(most, await garbageBytes(engine))
    }
    // A sweep begins at each half of the bound, so much was left in between.
    expect(most).toBeGreaterThan(limits.garbageBytesMax / 3)
    expect(most).toBeLessThanOrEqual(limits.garbageBytesMax)
  })

  it('is removed in bounded commits, between which others write', async () => {
    const { domain, engine, store } = await openStore(new CountingEngine(new MemoryEngine()))
    await leaveMarks(engine, 20_000, 10_000)
    engine.deleted.length = 0
    let isSwept = false
    const sweeping = domain.sweeper.sweep().then(() => {
      isSwept = true
    })
    for (let time = 0; time < 5; time += 1) await store.put(textRecord('key', `${time}`))
    expect(isSwept).toBe(false)
    await sweeping
    expect(Math.max(...engine.deleted)).toBeLessThanOrEqual(limits.sweepBatchKeysMax)
    expect(await garbageBytes(engine)).toBeLessThanOrEqual(limits.garbageBytesMax / 2)
  })

  it('of which there is little takes several sweeps', async () => {
    const { domain, engine } = await openStore(new MemoryEngine())
    await leaveMarks(engine, limits.sweepItemsMax + 5, 3_000)
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(5)
    await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(0)
  })

  it('is found behind any number of values that are read for long', async () => {
    const { domain, engine, store } = await openStore(new MemoryEngine())
    const keys = Array.from({ length: 2 * limits.sweepItemsMax }, (_, index) => `${index}`)
    for (const key of keys) await store.put(bytesRecord(key, Buffer.alloc(3_000)))
    const records = await store.batch.get(keys)
    await store.batch.delete(keys)
    domain.environment.advance(1)
    await store.put(bytesRecord('last', Buffer.alloc(3_000)))
    await store.delete('last')
    for (let sweep = 0; sweep < 3; sweep += 1) await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(keys.length)
    for (const record of records) record?.value[Symbol.dispose]()
    for (let sweep = 0; sweep < 3; sweep += 1) await domain.sweeper.sweep()
    expect(await chunkCountOf(engine)).toBe(0)
  })

  it('of a value with more chunks than a commit removes goes to its end', async () => {
    const { domain, engine } = await openStore(new CountingEngine(new MemoryEngine()))
    const id = Buffer.alloc(innerIdBytes, 7)
    const count = 2 * limits.sweepBatchKeysMax + 1
    for (let index = 0; index < count; index += 1) {
      await engine.commit({ puts: [{ key: chunkKey(id, index), value: Buffer.of(1) }] })
    }
    const bytes = count * limits.chunkBytes
    await engine.commit(markGarbage(id, { kind: 'value', bytes, dueAt: 1 }))
    await domain.sweeper.sweep()
    expect([await chunkCountOf(engine), await entriesOf(engine, 'garbage')]).toEqual([0, []])
    expect(Math.max(...engine.deleted)).toBeLessThanOrEqual(limits.sweepBatchKeysMax)
  })
})
