import { Readable } from 'node:stream'
import type { ApifyClient, KeyValueStoreClient } from 'apify-client'
import { beforeEach, describe, expect, it } from 'vitest'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

// The tests of apify-storage-local's key-value stores, with their original names, against a server.
// That package has the same interface over local files: a store's name is its id there, and its
// records are files. So here setRecord seeds the data, and getRecord replaces reading files. Left
// out: 'stores directory exists' (there is no directory), and 'parses JSON5' (the emulator parsed;
// the API returns values unchanged, and the client accepts strict JSON only).

interface SeedRecord {
  readonly key: string
  readonly value: string | Buffer
  readonly contentType: string
}

const recordCounts = { first: 5, second: 35 } as const
type SeedStore = keyof typeof recordCounts

/** Every third record is HTML, every seventh of the rest bytes, all others JSON. */
function seedRecord(number: number): SeedRecord {
  if (number % 3 === 0) {
    const value = `<html><body>${number}: ✅</body></html>`
    return { key: `markup_${number}`, value, contentType: 'text/html; charset=utf-8' }
  }
  if (number % 7 === 0) {
    const value = Buffer.from(`${number}🚀🎯`.repeat(50))
    return { key: `buffer_${number}`, value, contentType: 'application/octet-stream' }
  }
  const value = JSON.stringify({ number, filename: `object_${number}.json` })
  return { key: `object_${number}`, value, contentType: 'application/json; charset=utf-8' }
}

function seedItems(store: SeedStore): { key: string; size: number }[] {
  return Array.from({ length: recordCounts[store] }, (_, number) => seedRecord(number))
    .map(({ key, value }) => ({ key, size: Buffer.byteLength(value) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

describe.each(wireEngines)('the cases of apify-storage-local, on %s', (engine) => {
  const server = useTestServer({ engine })
  let client: ApifyClient
  let ids: Record<SeedStore, string>

  beforeEach(async () => {
    client = server.client()
    ids = { first: await seed('first'), second: await seed('second') }
  })

  async function seed(name: SeedStore): Promise<string> {
    await client.keyValueStore(`owner/${name}`).delete()
    const { id } = await client.keyValueStores().getOrCreate(name)
    const numbers = Array.from({ length: recordCounts[name] }, (_, number) => number)
    await Promise.all(numbers.map((number) => put(client.keyValueStore(id), seedRecord(number))))
    return id
  }

  /** The client accepts bytes and streams, but its types name JSON only. */
  function put(
    store: KeyValueStoreClient,
    record: { key: string; value: unknown; contentType?: string },
  ): Promise<void> {
    return store.setRecord(record as never)
  }

  const first = (): KeyValueStoreClient => client.keyValueStore(ids.first)
  const second = (): KeyValueStoreClient => client.keyValueStore(ids.second)
  const missing = (): KeyValueStoreClient => client.keyValueStore('non-existent')
  const countStores = async (): Promise<number> => (await client.keyValueStores().list()).total
  const countRecords = async (store: KeyValueStoreClient): Promise<number> =>
    (await store.listKeys()).count
  const noStore = { statusCode: 404, message: 'Key-value Store was not found' }

  describe('get store', () => {
    it('returns correct store', async () => {
      for (const name of ['first', 'second'] as const) {
        expect(await client.keyValueStore(ids[name]).get()).toMatchObject({ id: ids[name], name })
        expect(await client.keyValueStore(`owner/${name}`).get()).toMatchObject({ id: ids[name] })
      }
    })

    it('returns undefined for non-existent stores', async () => {
      expect(await client.keyValueStore('3').get()).toBeUndefined()
    })
  })

  describe('getOrCreate', () => {
    it('returns existing store by name', async () => {
      expect((await client.keyValueStores().getOrCreate('first')).id).toBe(ids.first)
      expect(await countStores()).toBe(2)
    })

    it('creates a new store with name', async () => {
      const { id, name } = await client.keyValueStores().getOrCreate('third')
      expect([name, await countStores()]).toEqual(['third', 3])
      await client.keyValueStore(id).delete()
    })
  })

  describe('delete store', () => {
    it('deletes correct store', async () => {
      await first().delete()
      expect([await first().get(), await countStores()]).toEqual([undefined, 1])
    })

    it('returns undefined for non-existent store', async () => {
      expect(await missing().delete()).toBeUndefined()
    })
  })

  describe('setRecord', () => {
    it('adds a value', async () => {
      const record = seedRecord(recordCounts.first + 1)
      await put(first(), record)
      expect(await countRecords(first())).toBe(recordCounts.first + 1)
      const saved = await first().getRecord(record.key, { buffer: true })
      expect(saved?.value).toEqual(Buffer.from(record.value))
    })

    it('updates when key is already present', async () => {
      const { key, contentType } = seedRecord(1)
      await put(first(), { key, value: Buffer.from('abc'), contentType })
      expect(await countRecords(first())).toBe(recordCounts.first)
      const saved = await first().getRecord(key, { buffer: true })
      expect(saved?.value.toString()).toBe('abc')
    })

    it.each([
      ['text', 'someValue', 'text/plain; charset=utf-8', 'someValue'],
      ['object', { foo: 'bar', one: 1 }, 'application/json; charset=utf-8', undefined],
      [
        'buffer',
        Buffer.from('special chars 🤖✅'),
        'application/octet-stream',
        'special chars 🤖✅',
      ],
    ])('works with %s', async (_, value, contentType, text) => {
      expect(await put(first(), { key: 'some-key', value })).toBeUndefined()
      const saved = await first().getRecord('some-key', { buffer: true })
      expect(saved?.contentType).toBe(contentType)
      if (text === undefined) expect(JSON.parse(String(saved?.value))).toEqual(value)
      else expect(String(saved?.value)).toBe(text)
    })

    it('works with pre-stringified JSON', async () => {
      const contentType = 'application/json; charset=utf-8'
      const value = JSON.stringify({ foo: 'bar', one: 1 })
      await put(first(), { key: 'some-key', value, contentType })
      const saved = await first().getRecord('some-key', { buffer: true })
      expect(String(saved?.value)).toBe(value)
    })

    it('works with Readable streams', async () => {
      const text = '👋'.repeat(5_000)
      const value = Readable.from(Buffer.from(text))
      await put(first(), { key: 'stream-test', value, contentType: 'application/octet-stream' })
      const saved = await first().getRecord('stream-test', { buffer: true })
      expect(String(saved?.value)).toBe(text)
    })

    it('throws when store does not exist', async () => {
      const set = missing().setRecord({ key: 'some-key', value: 'some-value' })
      await expect(set).rejects.toMatchObject(noStore)
    })
  })

  describe('recordExists', () => {
    it('returns true for existing records', async () => {
      expect(await first().recordExists(seedRecord(3).key)).toBe(true)
      expect(await second().recordExists(seedRecord(30).key)).toBe(true)
    })

    it('returns false for non-existent records', async () => {
      expect(await first().recordExists(seedRecord(recordCounts.first + 1).key)).toBe(false)
    })
  })

  describe('getRecord', () => {
    it('gets values', async () => {
      expect(await first().getRecord(seedRecord(3).key)).toEqual(seedRecord(3))
      expect(await second().getRecord(seedRecord(30).key)).toEqual(seedRecord(30))
    })

    it('returns undefined for non-existent records', async () => {
      expect(await first().getRecord(seedRecord(recordCounts.first + 1).key)).toBeUndefined()
    })

    it('parses JSON', async () => {
      for (const [store, number] of [
        [first(), 1],
        [second(), 10],
      ] as const) {
        const { key, value } = seedRecord(number)
        expect((await store.getRecord(key))?.value).toEqual(JSON.parse(String(value)))
      }
    })

    it('returns buffer when selected', async () => {
      const record = seedRecord(1)
      const got = await first().getRecord(record.key, { buffer: true })
      expect(got).toEqual({ ...record, value: Buffer.from(record.value) })
    })

    it('returns buffer for non-text content-types', async () => {
      const record = seedRecord(7)
      const got = await second().getRecord(record.key)
      expect(got).toEqual(record)
      expect(got?.value).toBeInstanceOf(Buffer)
    })

    it('returns stream when selected', async () => {
      const record = seedRecord(1)
      const got = await first().getRecord(record.key, { stream: true })
      expect(got?.value).toBeInstanceOf(Readable)
      const parts: Buffer[] = []
      for await (const part of got?.value ?? []) parts.push(part)
      expect({ ...got, value: Buffer.concat(parts).toString() }).toEqual(record)
    })

    // The emulator throws here: it sees a missing store. The client treats that as no record.
    it('returns undefined when store does not exist', async () => {
      expect(await missing().getRecord('some-key')).toBeUndefined()
    })
  })

  describe('deleteRecord', () => {
    it('deletes record', async () => {
      await first().deleteRecord(seedRecord(3).key)
      expect(await first().getRecord(seedRecord(3).key)).toBeUndefined()
      expect(await countRecords(first())).toBe(recordCounts.first - 1)
    })

    it('returns undefined for non-existent records', async () => {
      const { key } = seedRecord(recordCounts.first + 1)
      expect(await first().deleteRecord(key)).toBeUndefined()
    })

    it('throws when store does not exist', async () => {
      await expect(missing().deleteRecord('some-key')).rejects.toMatchObject(noStore)
    })
  })

  describe('listKeys', () => {
    const listed = async (options = {}): Promise<unknown> =>
      (await second().listKeys(options)).items.map(({ key, size }) => ({ key, size }))

    it('fetches keys in correct order', async () => {
      expect(await listed()).toEqual(seedItems('second'))
    })

    it('limit works', async () => {
      expect(await listed({ limit: 10 })).toEqual(seedItems('second').slice(0, 10))
    })

    it('exclusive start key works', async () => {
      const all = seedItems('second')
      const exclusiveStartKey = all[10]?.key
      expect(await listed({ exclusiveStartKey })).toEqual(all.slice(11))
    })

    it('correctly sets isTruncated', async () => {
      expect((await second().listKeys()).isTruncated).toBe(false)
      const limit = recordCounts.second - 1
      expect((await second().listKeys({ limit })).isTruncated).toBe(true)
    })

    it('throws when store does not exist', async () => {
      await expect(missing().listKeys()).rejects.toMatchObject(noStore)
    })
  })

  // The emulator's tests spy on a private function; here the times themselves must change.
  describe('timestamps:', () => {
    it('createdAt has a valid date', async () => {
      const createdAt = (await first().get())?.createdAt.getTime() ?? 0
      expect(createdAt).toBeGreaterThan(Date.now() - 60_000)
      expect(createdAt).toBeLessThanOrEqual(Date.now())
    })

    it.each([
      ['record update', () => put(first(), seedRecord(1))],
      ['record insert', () => put(first(), seedRecord(100))],
      ['record delete', () => first().deleteRecord(seedRecord(1).key)],
    ])('get updated on %s', async (_, change) => {
      expect(await moved(change)).toEqual({ modifiedAt: true, accessedAt: true })
    })

    it.each([
      ['getRecord', () => first().getRecord(seedRecord(1).key)],
      ['listKeys', () => first().listKeys()],
    ])('%s updates accessedAt', async (_, read) => {
      expect(await moved(read)).toEqual({ modifiedAt: false, accessedAt: true })
    })

    async function moved(act: () => Promise<unknown>): Promise<object> {
      const before = await first().get()
      await passMs(3)
      await act()
      const after = await first().get()
      return {
        modifiedAt: Number(after?.modifiedAt) > Number(before?.modifiedAt),
        accessedAt: Number(after?.accessedAt) > Number(before?.accessedAt),
      }
    }

    async function passMs(ms: number): Promise<void> {
      const until = Date.now() + ms
      while (Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })
})
