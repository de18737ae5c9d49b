import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import { recordKey } from '../disk/keyspace.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { WholeSource } from '../kernel/byte-source.ts'
import { owner } from '../testing/callers.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { readText, textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { settle } from '../testing/times.ts'
import type { Store } from './store.ts'

const wholeList = { prefix: '', startAfter: undefined, limit: 1_000 }

async function openStore(engine: StorageEngine = new MemoryEngine()): Promise<Store> {
  return (await domainWithStore(engine)).store
}

async function domainWithStore(
  engine: StorageEngine = new MemoryEngine(),
): Promise<{ domain: TestDomain; store: Store }> {
  const domain = await openTestDomain(engine)
  return { domain, store: await domain.stores.create({ ownerId: owner, name: 'coats' }) }
}

async function keysOf(store: Store, query: Partial<typeof wholeList> = {}): Promise<string[]> {
  return (await store.list({ ...wholeList, ...query })).items.map(({ key }) => key)
}

describe('a record', () => {
  it('is read as it was put', async () => {
    const { domain, store } = await domainWithStore()
    const { revision } = await store.put({
      key: 'key',
      contentType: 'Text/Plain ; charset=utf-8',
      contentEncoding: 'gzip',
      source: new WholeSource(Buffer.from('value')),
    })
    const head = {
      key: 'key',
      contentType: 'Text/Plain ; charset=utf-8',
      contentEncoding: 'gzip',
      size: 5,
      modifiedAt: domain.environment.now(),
      revision,
      jsonState: 'unchecked',
    }
    expect(await store.get('key')).toMatchObject(head)
    expect(await store.head('key')).toEqual(head)
    expect((await store.list(wholeList)).items).toEqual([head])
    expect(await readText(store, 'key')).toBe('value')
  })

  it('does not exist before it is put, nor after it is deleted', async () => {
    const store = await openStore()
    expect([await store.get('key'), await store.head('key')]).toEqual([undefined, undefined])
    await store.put(textRecord('key', 'value'))
    expect(await store.delete('key')).toBe(true)
    expect([await store.get('key'), await store.head('key')]).toEqual([undefined, undefined])
    expect(await store.delete('key')).toBe(false)
  })

  it('is replaced as a whole by the next put', async () => {
    const { domain, store } = await domainWithStore()
    const first = await store.put(textRecord('key', 'one'))
    domain.environment.advance(5)
    const second = await store.put({ ...textRecord('key', 'other'), contentType: 'a/b' })
    expect(second.revision).toBeGreaterThan(first.revision)
    expect(await store.head('key')).toMatchObject({
      contentType: 'a/b',
      size: 5,
      modifiedAt: domain.environment.now(),
      revision: second.revision,
    })
  })

  it('may have any key, and each key is another record', async () => {
    const store = await openStore()
    const keys = ['', '.', '..', '/', 'a/../b', '\0', 'é', 'e\u0301', '🧥', '__proto__', 'a', 'A']
    for (const key of keys) await store.put(textRecord(key, `value of ${key}`))
    for (const key of keys) expect(await readText(store, key)).toBe(`value of ${key}`)
    expect((await store.info()).recordCount).toBe(keys.length)
  })

  it('has a key of at most 2,400 bytes', async () => {
    const store = await openStore()
    const longest = '🧥'.repeat(600)
    await store.put(textRecord(longest, 'value'))
    expect(await readText(store, longest)).toBe('value')
    expect(await codeOf(store.put(textRecord(`${longest}a`, 'x')))).toBe('record-key-invalid')
    expect(await codeOf(store.put(textRecord('\ud800', 'x')))).toBe('record-key-invalid')
  })

  it('is reported as missing for a key that no record can have', async () => {
    const store = await openStore()
    await store.put(textRecord('\ufffd', 'value'))
    for (const key of ['\ud800', 'a'.repeat(2_401), '🧥'.repeat(601)]) {
      expect(await store.get(key)).toBeUndefined()
      expect(await store.head(key)).toBeUndefined()
      expect(await store.delete(key)).toBe(false)
    }
  })

  it('is looked up under such a key only if the store exists', async () => {
    const { domain, store } = await domainWithStore()
    await domain.stores.drop(store.id)
    for (const use of [
      promised(() => store.get('\ud800')),
      store.head('\ud800'),
      store.delete('\ud800'),
    ]) {
      expect(await codeOf(use)).toBe('store-not-found')
    }
  })

  it('is refused with an impossible content type', async () => {
    const store = await openStore()
    const record = { ...textRecord('key', 'x'), contentType: 'text/plain\r\nx: y' }
    expect(await codeOf(store.put(record))).toBe('content-type-invalid')
    expect(await store.head('key')).toBeUndefined()
  })

  it('does not exist in another store', async () => {
    const { domain, store } = await domainWithStore()
    const other = await domain.stores.create({ ownerId: owner, name: 'hats' })
    await store.put(textRecord('key', 'mine'))
    await other.put(textRecord('key', 'other'))
    await other.delete('key')
    expect(await readText(store, 'key')).toBe('mine')
  })

  it('that is damaged is reported as such, but is listed, and can be put again or deleted', async () => {
    const engine = new HurtEngine(new MemoryEngine())
    const store = await openStore(engine)
    await store.put(textRecord('key', 'value'))
    engine.damage(recordKey((await store.identity()).contentId, 'key'))
    expect(await codeOf(promised(() => store.get('key')))).toBe('record-damaged')
    expect(await codeOf(store.head('key'))).toBe('record-damaged')
    expect((await store.list(wholeList)).items).toMatchObject([{ key: 'key', size: 0 }])
    expect(await codeOf(store.put(textRecord('key', 'again')))).toBe('none')
    expect(await store.delete('key')).toBe(true)
  })
})

describe('a list of records', () => {
  it('is sorted by the bytes of their keys', async () => {
    const store = await openStore()
    const ordered = ['', '\0', '!', 'A', 'a', 'a\0', 'a/', 'aa', 'é', '\ufffd', '\uffff', '🧥']
    for (const key of ordered.toReversed()) await store.put(textRecord(key, 'x'))
    expect(await keysOf(store)).toEqual(ordered)
  })

  it('has those with the prefix after the key to start after', async () => {
    const store = await openStore()
    for (const key of ['a', 'b', 'b/1', 'b/2', 'b/3', 'c']) await store.put(textRecord(key, 'x'))
    expect(await keysOf(store, { prefix: 'b/' })).toEqual(['b/1', 'b/2', 'b/3'])
    expect(await keysOf(store, { prefix: 'b' })).toEqual(['b', 'b/1', 'b/2', 'b/3'])
    expect(await keysOf(store, { prefix: 'none' })).toEqual([])
    const startAfter = (key: string): Promise<string[]> =>
      store
        .list({ prefix: 'b/', startAfter: key, limit: 1_000 })
        .then(({ items }) => items.map((item) => item.key))
    expect(await startAfter('a')).toEqual(['b/1', 'b/2', 'b/3'])
    expect(await startAfter('b/1')).toEqual(['b/2', 'b/3'])
    expect(await startAfter('b/15')).toEqual(['b/2', 'b/3'])
    expect(await startAfter('b/3')).toEqual([])
    expect(await startAfter('c')).toEqual([])
  })

  it('accepts prefixes and start keys that no record can have', async () => {
    const store = await openStore(new HurtEngine(new MemoryEngine()))
    const longest = 'b'.repeat(2_400)
    for (const key of ['a', 'b', longest, 'c', '\ufffd']) await store.put(textRecord(key, 'x'))
    const tooLong = 'b'.repeat(10_000)
    expect(await keysOf(store, { prefix: tooLong })).toEqual([])
    expect(await keysOf(store, { prefix: '\ud800' })).toEqual([])
    const behind = async (startAfter: string): Promise<string[]> =>
      (await store.list({ prefix: '', startAfter, limit: 9 })).items.map(({ key }) => key)
    expect(await behind(tooLong)).toEqual(['c', '\ufffd'])
    expect(await behind('a'.repeat(10_000))).toEqual(['b', longest, 'c', '\ufffd'])
    expect(await behind(`${'b'.repeat(2_399)}c${tooLong}`)).toEqual(['c', '\ufffd'])
    expect(await behind(`${'b'.repeat(2_399)}a${tooLong}`)).toEqual([longest, 'c', '\ufffd'])
  })

  it('can be read page by page, each record once', async () => {
    const store = await openStore()
    const keys = Array.from({ length: 25 }, (_, index) => `key ${String(index).padStart(2, '0')}`)
    for (const key of keys) await store.put(textRecord(key, 'x'))
    const seen: string[] = []
    let isTruncated = true
    while (isTruncated) {
      const page = await store.list({ prefix: '', startAfter: seen.at(-1), limit: 10 })
      seen.push(...page.items.map(({ key }) => key))
      isTruncated = page.isTruncated
    }
    expect(seen).toEqual(keys)
  })

  it('says whether there are more after its last record', async () => {
    const store = await openStore()
    for (const key of ['a', 'b', 'c']) await store.put(textRecord(key, 'x'))
    const isTruncated = async (limit: number): Promise<boolean> =>
      (await store.list({ ...wholeList, limit })).isTruncated
    expect([await isTruncated(2), await isTruncated(3), await isTruncated(4)]).toEqual([
      true,
      false,
      false,
    ])
  })

  it('has at most a thousand records', async () => {
    const store = await openStore()
    const keys = Array.from({ length: 1_001 }, (_, index) => `${index}`)
    await Promise.all(keys.map((key) => store.put(textRecord(key, 'x'))))
    const page = await store.list({ ...wholeList, limit: 5_000 })
    expect([page.items.length, page.isTruncated]).toEqual([1_000, true])
  })
})

describe('the counters of a store', () => {
  it('count records and their bytes after each change', async () => {
    const store = await openStore()
    const books = async (): Promise<[number, number]> => {
      const { recordCount, storedBytes } = await store.info()
      return [recordCount, storedBytes]
    }
    await store.put(textRecord('a', '12345'))
    expect(await books()).toEqual([1, 5])
    await store.put(textRecord('b', ''))
    expect(await books()).toEqual([2, 5])
    await store.put(textRecord('a', '12'))
    expect(await books()).toEqual([2, 2])
    await store.delete('b')
    await store.delete('none')
    expect(await books()).toEqual([1, 2])
    await store.clear()
    expect(await books()).toEqual([0, 0])
  })

  it('count each of many changes at once', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 6 })
    const store = await openStore(engine)
    const changes = Array.from({ length: 200 }, (_, index) => {
      const key = `key ${index % 10}`
      return index % 3 === 0 ? store.delete(key) : store.put(textRecord(key, 'x'.repeat(index)))
    })
    await Promise.all(changes)
    const { items } = await store.list(wholeList)
    const { recordCount, storedBytes } = await store.info()
    const bytes = items.reduce((total, { size }) => total + size, 0)
    expect([recordCount, storedBytes]).toEqual([items.length, bytes])
  })
})

describe('one key with many writers', () => {
  it('refuses none of 64 writers that put 200 times each, and the last put stays', async () => {
    const store = await openStore()
    const revisions = new Map<number, string>()
    const write = async (writer: number): Promise<void> => {
      for (let turn = 0; turn < 200; turn += 1) {
        const value = `${writer}/${turn}`
        const { revision } = await store.put(textRecord('hot', value))
        revisions.set(revision, value)
      }
    }
    await Promise.all(Array.from({ length: 64 }, (_, writer) => write(writer)))
    expect(revisions.size).toBe(64 * 200)
    expect(await readText(store, 'hot')).toBe(revisions.get(Math.max(...revisions.keys())))
  })

  it('refuses none on a slow engine, even during deletes and a change of the store', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 2 })
    const { domain, store } = await domainWithStore(engine)
    const write = async (writer: number): Promise<void> => {
      for (let turn = 0; turn < 10; turn += 1) {
        if (writer % 4 === 0) await store.delete('hot')
        else await store.put(textRecord('hot', `${writer}/${turn}`))
      }
    }
    const writers = Array.from({ length: 16 }, (_, writer) => write(writer))
    const codes = await Promise.all([
      ...writers.map(codeOf),
      codeOf(domain.stores.update(store.id, { title: 'Hot' })),
    ])
    expect(new Set(codes)).toEqual(new Set(['none']))
  })
})

describe('the result of checking a value', () => {
  it('is stored without changing the record', async () => {
    const { domain, store } = await domainWithStore()
    const { revision } = await store.put(textRecord('key', '{}'))
    domain.environment.advance(5)
    store.rememberJson('key', revision, 'sound')
    await settle()
    const head = await store.head('key')
    expect(head).toMatchObject({ jsonState: 'sound', revision, size: 2 })
    expect(head?.modifiedAt).toBe(domain.environment.now() - 5)
    expect((await store.list(wholeList)).items).toEqual([head])
    expect(await codeOf(store.put(textRecord('key', '[]'), ofRevision(revision)))).toBe('none')
  })

  it('is removed with the next value', async () => {
    const store = await openStore()
    const { revision } = await store.put(textRecord('key', '{}'))
    store.rememberJson('key', revision, 'sound')
    await settle()
    await store.put(textRecord('key', '}{'))
    expect(await store.head('key')).toMatchObject({ jsonState: 'unchecked' })
  })

  it('is never stored for another value than the checked one', async () => {
    const store = await openStore()
    const { revision } = await store.put(textRecord('key', '{}'))
    await store.put(textRecord('key', '}{'))
    store.rememberJson('key', revision, 'sound')
    store.rememberJson('none', revision, 'sound')
    await settle()
    expect(await store.head('key')).toMatchObject({ jsonState: 'unchecked' })
  })

  it('is ignored if the store is gone, without an error in the log', async () => {
    const { domain, store } = await domainWithStore()
    const { revision } = await store.put(textRecord('key', '{}'))
    await domain.stores.drop(store.id)
    store.rememberJson('key', revision, 'sound')
    await settle()
    expect(domain.environment.errors).toEqual([])
  })
})

function ofRevision(revision: number): { kind: 'revision'; anyOf: number[] } {
  return { kind: 'revision', anyOf: [revision] }
}
