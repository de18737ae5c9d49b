import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { StorageError } from '../kernel/errors.ts'
import type { Store } from '../stores/store.ts'
import { callerWith, owner } from '../testing/callers.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { patternBytes } from '../testing/pattern-bytes.ts'
import { PausingSource } from '../testing/pausing-source.ts'
import { bytesRecord, readBytes, readText, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { hour } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import type { WholeRecord } from './record.ts'
import { batchesOf } from './record-batch.ts'

function record(key: string, bytes: Uint8Array | string): WholeRecord {
  return {
    key,
    contentType: 'application/json',
    bytes: Buffer.from(bytes),
    jsonState: 'sound',
  }
}

async function emptyStore(): Promise<{ domain: TestDomain; store: Store; engine: MemoryEngine }> {
  const engine = new MemoryEngine()
  const domain = await openTestDomain(engine)
  const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
  return { domain, store, engine }
}

async function problemsOf(engine: MemoryEngine): Promise<readonly string[]> {
  return (await check(engine)).problems
}

describe('several records at once', () => {
  it('are put, and the result says which existed before', async () => {
    const { store, engine } = await emptyStore()
    expect(await store.batch.put([record('a', '1'), record('b', '2')])).toEqual([false, false])
    expect(await store.batch.put([record('c', '3'), record('b', '22')])).toEqual([false, true])
    expect(await store.batch.put([])).toEqual([])
    const found = await store.batch.get(['b', 'nope', 'a'])
    expect(found.map((one) => one?.key)).toEqual(['b', undefined, 'a'])
    expect(found[0]).toMatchObject({
      contentType: 'application/json',
      contentEncoding: '',
      size: 2,
      jsonState: 'sound',
    })
    expect(await readText(store, 'b')).toBe('22')
    expect(await store.batch.has(['a', 'nope'])).toEqual([true, false])
    expect(await store.batch.count()).toBe(3)
    expect(await problemsOf(engine)).toEqual([])
  })

  it('are added only if they do not exist', async () => {
    const { store } = await emptyStore()
    await store.batch.put([record('a', '1')])
    expect(await store.batch.add([record('a', '2'), record('b', '2')])).toEqual([true, false])
    expect(await store.batch.add([record('a', '3')])).toEqual([true])
    expect([await readText(store, 'a'), await readText(store, 'b')]).toEqual(['1', '2'])
  })

  it('are deleted', async () => {
    const { store, engine } = await emptyStore()
    await store.batch.put([record('a', '1'), record('b', patternBytes(5_000)), record('c', '3')])
    expect(await store.batch.delete(['b', 'nope', 'a'])).toEqual([true, false, true])
    expect(await store.batch.delete(['b'])).toEqual([false])
    expect(await store.batch.count()).toBe(1)
    expect(await problemsOf(engine)).toEqual([])
  })

  it('may be large, and the sweeper removes the replaced values', async () => {
    const { domain, store, engine } = await emptyStore()
    const values = [1, 2, 3].map((seed) => patternBytes(seed * 700_000, seed))
    for (let time = 0; time < 2; time += 1) {
      await store.batch.put(values.map((bytes, index) => record(`k${index}`, bytes)))
    }
    for (const [index, bytes] of values.entries()) {
      expect(Buffer.compare((await readBytes(store, `k${index}`)) ?? Buffer.alloc(0), bytes)).toBe(
        0,
      )
    }
    expect(await problemsOf(engine)).toEqual([])
    await sweepFor(domain, 2 * hour)
    expect(await problemsOf(engine)).toEqual([])
    expect(await store.info()).toMatchObject({ recordCount: 3, storedBytes: 4_200_000 })
  })

  it('are one commit: all their changes in the log have one revision', async () => {
    const { store } = await emptyStore()
    await store.batch.put([record('a', '1'), record('b', '22')])
    await store.batch.delete(['a', 'b'])
    const { changes } = await store.changes({ after: 0, prefix: '' })
    expect(changes.map(({ kind, key, size }) => [kind, key, size])).toEqual([
      ['put', 'a', 1],
      ['put', 'b', 2],
      ['delete', 'a', 0],
      ['delete', 'b', 0],
    ])
    const [one, two, three, four] = changes.map(({ revision }) => revision)
    expect([one, three]).toEqual([two, four])
    expect(three).toBeGreaterThan(one ?? 0)
  })

  it('are written in order, for each key', async () => {
    const { store, engine } = await emptyStore()
    const writes: Promise<unknown>[] = []
    for (let value = 0; value < 100; value += 1) {
      const keys = value % 2 ? ['a', 'b', 'c'] : ['c', 'a']
      writes.push(store.batch.put(keys.map((key) => record(key, `${value}`))))
      if (value % 7 === 0) writes.push(store.batch.delete(['b']))
    }
    await Promise.all(writes)
    const texts = await Promise.all(['a', 'b', 'c'].map((key) => readText(store, key)))
    expect(texts).toEqual(['99', '99', '99'])
    expect(await problemsOf(engine)).toEqual([])
  })

  it('are refused if they are too many, or their keys are too long', async () => {
    const { store } = await emptyStore()
    const many = Array.from({ length: 10_001 }, (_, index) => `k${index}`)
    const long = Array.from({ length: 437 }, (_, index) => `${index}`.padEnd(2_400, 'k'))
    for (const keys of [many, long]) {
      expect(await codeOf(store.batch.put(keys.map((key) => record(key, '1'))))).toBe('too-many')
      expect(await codeOf(promised(() => store.batch.get(keys)))).toBe('too-many')
      expect(await codeOf(store.batch.delete(keys))).toBe('too-many')
    }
    for (const key of ['k'.repeat(2_401), '\ud800']) {
      expect(await codeOf(store.batch.add([record(key, '1')]))).toBe('record-key-invalid')
      expect(await codeOf(store.batch.has([key]))).toBe('record-key-invalid')
    }
    expect(await store.batch.count()).toBe(0)
  })

  it('are refused if the caller refuses, and if the store is gone', async () => {
    const { domain, store } = await emptyStore()
    const refusing = callerWith(() => {
      throw new StorageError('access-denied', 'No.')
    })
    await store.batch.put([record('a', '1')])
    const found = domain.stores.findKnown(
      store.id,
      callerWith(() => undefined),
    )
    expect(found).toBeDefined()
    expect(await codeOf(domain.stores.find(store.id, refusing))).toBe('access-denied')
    await domain.stores.drop(store.id)
    const uses = [
      store.batch.put([record('a', '1')]),
      store.batch.add([record('a', '1')]),
      store.batch.delete(['a']),
      promised(() => store.batch.get(['a'])),
      store.batch.has(['a']),
      store.batch.count(),
      store.replaceAll([]),
    ]
    expect(await Promise.all(uses.map(codeOf))).toEqual(uses.map(() => 'store-not-found'))
  })
})

describe('replacing all records', () => {
  it('leaves only the given records, in one commit', async () => {
    const { domain, store, engine } = await emptyStore()
    await store.put(bytesRecord('large', patternBytes(2_000_000)))
    await store.put(textRecord('a', 'old'))
    expect(await store.replaceAll([record('a', '1'), record('b', patternBytes(5_000))])).toBe(2)
    expect(await store.info()).toMatchObject({ recordCount: 2, storedBytes: 5_001 })
    expect(await readText(store, 'a')).toBe('1')
    expect(await readText(store, 'large')).toBeUndefined()
    expect(await problemsOf(engine)).toEqual([])
    const { changes } = await store.changes({ after: 0, prefix: '' })
    expect(changes.slice(-3).map(({ kind, key }) => [kind, key])).toEqual([
      ['clear', ''],
      ['put', 'a'],
      ['put', 'b'],
    ])
    await sweepFor(domain, 2 * hour)
    expect(await problemsOf(engine)).toEqual([])
    expect(await store.replaceAll([])).toBe(2)
    expect(await store.replaceAll([])).toBe(0)
    expect(await store.info()).toMatchObject({ recordCount: 0, storedBytes: 0 })
    expect(await problemsOf(engine)).toEqual([])
  })

  it('keeps the counters correct during other writes', async () => {
    const { store, engine } = await emptyStore()
    const work: Promise<unknown>[] = []
    for (let round = 0; round < 10; round += 1) {
      work.push(store.batch.put([record(`k${round}`, 'x'), record('same', `${round}`)]))
      work.push(store.replaceAll([record('same', `all ${round}`)]))
      work.push(store.delete(`k${round}`))
    }
    await Promise.allSettled(work)
    expect(await problemsOf(engine)).toEqual([])
    expect(await readText(store, 'same')).toBeDefined()
  })

  it('refuses an upload that began before', async () => {
    const { store, engine } = await emptyStore()
    const source = new PausingSource(patternBytes(2_500_000), async () => {
      await store.replaceAll([record('a', '1')])
    })
    expect(await codeOf(store.put(bytesRecord('up', source)))).toBe('store-cleared')
    expect(await store.batch.has(['a', 'up'])).toEqual([true, false])
    expect(await problemsOf(engine)).toEqual([])
  })
})

describe('batches', () => {
  const sizesOf = (records: readonly WholeRecord[]): number[] =>
    [...batchesOf(records)].map((batch) => batch.length)

  it('hold all records in order, and fit into one commit each', () => {
    const small = Array.from({ length: 2_500 }, (_, index) => record(`${index}`, '1'))
    expect(sizesOf(small)).toEqual([1_000, 1_000, 500])
    expect([...batchesOf(small)].flat()).toEqual(small)
    const large = Array.from({ length: 5 }, (_, index) => record(`${index}`, patternBytes(3 << 20)))
    expect(sizesOf(large)).toEqual([2, 2, 1])
    expect(sizesOf([record('huge', Buffer.alloc(20 << 20)), record('a', '1')])).toEqual([1, 1])
    expect(sizesOf([])).toEqual([])
  })

  it('hold no more bytes of keys than a commit accepts', async () => {
    const { store } = await emptyStore()
    const records = Array.from({ length: 1_000 }, (_, index) =>
      record(`${index}`.padEnd(2_400, 'k'), '1'),
    )
    for (const batch of batchesOf(records)) await store.batch.put(batch)
    expect(await store.batch.count()).toBe(1_000)
  })
})
