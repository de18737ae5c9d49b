import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { chunkKey, garbageTotalKey } from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { limits } from '../kernel/limits.ts'
import type { Store } from '../stores/store.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { bytesRecord, readBytes } from '../testing/records.ts'
import { SharedEngine } from '../testing/shared-engine.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { hour, minute, second } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import type { StoredValue } from './value.ts'

const mebibyte = 2 ** 20
const sizes = [0, 1, 2_048, 2_049, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte + 5]

interface Opened {
  readonly domain: TestDomain
  readonly store: Store
}

async function openStore(engine: StorageEngine = new MemoryEngine()): Promise<Opened> {
  const domain = await openTestDomain(engine)
  return { domain, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

/** Compared as a whole: comparing millions of elements is slow. */
function isSame(one: Bytes | undefined, other: Bytes): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0
}

async function storedValue(store: Store, key: string): Promise<StoredValue> {
  const record = await store.get(key)
  if (!record) throw new Error('The test put this record.')
  return record.value
}

/** A download that pauses after its first part. */
async function beginDownload(store: Store, key: string): Promise<{ rest: () => Promise<Buffer> }> {
  using value = await storedValue(store, key)
  const chunks = value.chunks()
  const parts: Bytes[] = []
  const first = await chunks.next()
  if (!first.done) parts.push(first.value)
  const rest = async (): Promise<Buffer> => {
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      parts.push(next.value)
    }
    return Buffer.concat(parts)
  }
  return { rest }
}

describe('a value', () => {
  it.each(sizes)('of %i bytes is read as it was put', async (size) => {
    const { store } = await openStore()
    const bytes = patternBytes(size)
    await store.put(bytesRecord('key', bytes))
    const value = await storedValue(store, 'key')
    expect(isSame(await value.read(), bytes)).toBe(true)
    expect(isSame(Buffer.concat(await Array.fromAsync(value.chunks())), bytes)).toBe(true)
    expect([value.size, (await store.head('key'))?.size]).toEqual([size, size])
    expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: size })
  })

  it.each(sizes)('of %i bytes is replaced by one of any other size', async (size) => {
    const { domain, store } = await openStore()
    for (const nextSize of sizes) {
      await store.put(bytesRecord('key', patternBytes(size, 1)))
      await store.put(bytesRecord('key', patternBytes(nextSize, 2)))
      expect(isSame(await readBytes(store, 'key'), patternBytes(nextSize, 2))).toBe(true)
      expect(await store.info()).toMatchObject({ recordCount: 1, storedBytes: nextSize })
    }
    await store.delete('key')
    expect(await store.info()).toMatchObject({ recordCount: 0, storedBytes: 0 })
    await sweepFor(domain, 2 * hour)
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
    expect((await check(domain.engine)).problems).toEqual([])
  })

  it('of up to 2,048 bytes is read together with its record', async () => {
    const { store } = await openStore()
    await store.put(bytesRecord('small', patternBytes(2_048)))
    await store.put(bytesRecord('large', patternBytes(2_049)))
    expect((await storedValue(store, 'small')).inline).toBeDefined()
    expect((await storedValue(store, 'large')).inline).toBeUndefined()
  })

  it('is read a MiB at a time', async () => {
    const { store } = await openStore()
    await store.put(bytesRecord('key', patternBytes(2 * mebibyte + 5)))
    const chunks = await Array.fromAsync((await storedValue(store, 'key')).chunks())
    expect(chunks.map(({ length }) => length)).toEqual([mebibyte, mebibyte, 5])
  })

  it('stays readable for a caller that read its record before it was replaced', async () => {
    const { store } = await openStore()
    for (const size of [10, 5_000, mebibyte + 1]) {
      await store.put(bytesRecord('key', patternBytes(size, 1)))
      const value = await storedValue(store, 'key')
      await store.put(bytesRecord('key', patternBytes(size, 2)))
      expect(isSame(await value.read(), patternBytes(size, 1))).toBe(true)
    }
  })

  it('reports damage if a part is damaged, cut off or lost', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const domain = await openTestDomain(engine)
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    await store.put(bytesRecord('key', patternBytes(mebibyte + 1)))
    const [, second] = await entriesOf(engine, 'chunk')
    const key = second?.key ?? chunkKey(Buffer.alloc(12), 0)
    await engine.commit({ puts: [{ key, value: Buffer.alloc(2) }] })
    expect(await codeOf(readBytes(store, 'key'))).toBe('record-damaged')
    await engine.commit({ deletes: [key] })
    expect(await codeOf(readBytes(store, 'key'))).toBe('record-damaged')
    await engine.commit({ puts: [{ key, value: Buffer.alloc(1) }] })
    expect(await codeOf(readBytes(store, 'key'))).toBe('none')
    engine.damage(key)
    expect(await codeOf(readBytes(store, 'key'))).toBe('record-damaged')
  })
})

describe('a running download', () => {
  const endings: readonly [string, (opened: Opened) => Promise<unknown>][] = [
    ['overwritten', ({ store }) => store.put(bytesRecord('key', patternBytes(9)))],
    ['deleted', ({ store }) => store.delete('key')],
    ['cleared', ({ store }) => store.clear()],
    ['dropped', ({ domain, store }) => domain.stores.drop(store.id)],
  ]

  it.each(endings)('stays whole when the record is %s and hours go by', async (_, end) => {
    const opened = await openStore()
    const bytes = patternBytes(2 * mebibyte + 5)
    await opened.store.put(bytesRecord('key', bytes))
    const download = await beginDownload(opened.store, 'key')
    await end(opened)
    await sweepFor(opened.domain, 2 * hour)
    expect(await entriesOf(opened.domain.engine, 'chunk')).toHaveLength(3)
    expect(isSame(await download.rest(), bytes)).toBe(true)
    await opened.domain.sweeper.sweep()
    expect(await entriesOf(opened.domain.engine, 'chunk')).toEqual([])
    expect((await check(opened.domain.engine)).problems).toEqual([])
  })

  it('keeps its value until the last of several downloads has ended', async () => {
    const { domain, store } = await openStore()
    await store.put(bytesRecord('key', patternBytes(mebibyte + 1)))
    const first = await beginDownload(store, 'key')
    const second = await beginDownload(store, 'key')
    await store.delete('key')
    await first.rest()
    await sweepFor(domain, 2 * hour)
    expect(isSame(await second.rest(), patternBytes(mebibyte + 1))).toBe(true)
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })

  it('keeps nothing once its reader goes away', async () => {
    const { domain, store } = await openStore()
    await store.put(bytesRecord('key', patternBytes(mebibyte + 1)))
    const value = await storedValue(store, 'key')
    for await (const chunk of value.chunks()) {
      expect(chunk.length).toBe(mebibyte)
      break
    }
    value[Symbol.dispose]()
    await store.delete('key')
    await sweepFor(domain, 2 * hour)
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })
})

describe('a replaced or deleted value', () => {
  it('stays readable until it is disposed of, for a download that begins late', async () => {
    const { domain, store } = await openStore()
    await store.put(bytesRecord('key', patternBytes(5_000)))
    const value = await storedValue(store, 'key')
    await store.delete('key')
    await sweepFor(domain, 2 * hour)
    const stream = value.hold()
    value[Symbol.dispose]()
    value[Symbol.dispose]() // once is enough: this must not end what others hold
    await domain.sweeper.sweep()
    expect(isSame(await value.read(), patternBytes(5_000))).toBe(true)
    stream[Symbol.dispose]()
    await domain.sweeper.sweep()
    expect(await entriesOf(domain.engine, 'chunk')).toEqual([])
  })

  it('is no longer counted once it is removed', async () => {
    const { domain, store } = await openStore()
    await store.put(bytesRecord('key', patternBytes(5_000)))
    await store.put(bytesRecord('key', patternBytes(3 * mebibyte)))
    await store.clear()
    await sweepFor(domain, 2 * hour)
    const [total] = await domain.engine.get([garbageTotalKey])
    expect(Buffer.from(total?.value ?? []).readBigInt64BE()).toBe(0n)
  })
})

describe('a replaced or deleted value of a storage that several servers use', () => {
  const openShared = (): Promise<Opened> => openStore(new SharedEngine(new MemoryEngine()))

  it('stays readable for an hour, for a download through another server', async () => {
    const { domain, store } = await openShared()
    await store.put(bytesRecord('key', patternBytes(5_000)))
    const value = await storedValue(store, 'key')
    value[Symbol.dispose]()
    await store.delete('key')
    await sweepFor(domain, hour - minute)
    expect(isSame(await value.read(), patternBytes(5_000))).toBe(true)
    await sweepFor(domain, 2 * minute)
    expect(await codeOf(value.read())).toBe('record-damaged')
  })

  it('is removed earlier, the oldest first, if too much is kept', async () => {
    const { domain, store } = await openShared()
    const { engine, environment, sweeper } = domain
    for (const key of ['old', 'new']) {
      await store.put(bytesRecord(key, patternBytes(5_000)))
      await store.delete(key)
      environment.advance(second)
    }
    // Adds to the total, so that the two values are 6,000 bytes over the limit.
    const delta = BigInt(limits.replacedChunksKeptBytesMax - 4_000)
    await engine.commit({ sums: [{ key: garbageTotalKey, delta }] })
    await sweeper.sweep()
    expect(await entriesOf(engine, 'chunk')).toHaveLength(2)
    environment.advance(limits.replacedChunksKeptMsMin)
    await sweeper.sweep()
    expect(await entriesOf(engine, 'chunk')).toEqual([])
  })

  it('is not removed if the limit does not require it', async () => {
    const { domain, store } = await openShared()
    const { engine, environment, sweeper } = domain
    for (const [key, seed] of [
      ['old', 1],
      ['new', 2],
    ] as const) {
      await store.put(bytesRecord(key, patternBytes(5_000, seed)))
      await store.delete(key)
      environment.advance(limits.replacedChunksKeptMsMin)
    }
    const delta = BigInt(limits.replacedChunksKeptBytesMax - 9_000)
    await engine.commit({ sums: [{ key: garbageTotalKey, delta }] })
    await sweeper.sweep()
    const [kept, ...others] = await entriesOf(engine, 'chunk')
    expect(isSame(kept?.value, patternBytes(5_000, 2))).toBe(true)
    expect(others).toEqual([])
  })
})
