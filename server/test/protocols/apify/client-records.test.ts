import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { KeyValueStoreClient } from 'apify-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

/** The client accepts bytes and streams, but its types name JSON only. */
function setBytes(
  store: KeyValueStoreClient,
  record: { key: string; value: Uint8Array | Readable; contentType?: string },
): Promise<void> {
  return store.setRecord(record as never)
}

describe.each(wireEngines)('records through apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })
  let store: KeyValueStoreClient

  beforeAll(async () => {
    const client = server.client()
    store = client.keyValueStore((await client.keyValueStores().getOrCreate('records')).id)
  })

  it.each([
    ['an object', { foo: 'bar', n: 1 }, 'application/json; charset=utf-8'],
    ['an array', [1, 'two', null], 'application/json; charset=utf-8'],
    ['a number', 42, 'application/json; charset=utf-8'],
    ['false', false, 'application/json; charset=utf-8'],
    ['null', null, 'application/json; charset=utf-8'],
    ['text', 'Žluťoučký kůň 🐎', 'text/plain; charset=utf-8'],
    ['text of 1,023 bytes, just not compressed', 'x'.repeat(1_023), 'text/plain; charset=utf-8'],
    ['text of 1,024 bytes, compressed', 'x'.repeat(1_024), 'text/plain; charset=utf-8'],
    [
      'JSON of 60 KB, compressed',
      { list: 'abc '.repeat(15_000) },
      'application/json; charset=utf-8',
    ],
  ])('keeps %s', async (_, value, contentType) => {
    await store.setRecord({ key: 'VALUE', value })
    expect(await store.getRecord('VALUE')).toEqual({ key: 'VALUE', value, contentType })
  })

  it.each([
    ['one byte', Buffer.from([0])],
    ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['3 MB that do not compress', randomBytes(3_000_000)],
    ['just a chunk', randomBytes(1_048_576)],
  ])('keeps binaries to the byte: %s', async (_, value) => {
    await setBytes(store, { key: 'BINARY', value })
    const record = await store.getRecord('BINARY', { buffer: true })
    expect(record?.contentType).toBe('application/octet-stream')
    expect(Buffer.compare(Buffer.from(record?.value ?? []), value)).toBe(0)
  })

  it.each(['image/png', 'application/xml', 'text/html', 'application/ld+json; profile="x y"'])(
    'returns the content type %s as it was sent',
    async (contentType) => {
      await setBytes(store, { key: 'TYPED', value: Buffer.from('<x/>'), contentType })
      const record = await store.getRecord('TYPED', { buffer: true })
      expect(record?.contentType).toBe(contentType)
      expect(record?.value.toString()).toBe('<x/>')
    },
  )

  it('keeps a string of JSON as it is spelled', async () => {
    const value = '{ "big": 9007199254740993 }'
    await store.setRecord({ key: 'SPELLED', value, contentType: 'application/json' })
    const record = await store.getRecord('SPELLED', { buffer: true })
    expect(record?.value.toString()).toBe(value)
  })

  it('keeps an empty text, which the client reads as undefined unless bytes are requested', async () => {
    await store.setRecord({ key: 'EMPTY', value: '' })
    const record = await store.getRecord('EMPTY', { buffer: true })
    expect(record).toMatchObject({ contentType: 'text/plain; charset=utf-8' })
    expect(record?.value.length).toBe(0)
  })

  it('accepts and returns streams', async () => {
    const value = randomBytes(2_500_000)
    const parts = [value.subarray(0, 1_000_000), value.subarray(1_000_000)]
    await setBytes(store, {
      key: 'STREAM',
      value: Readable.from(parts),
      contentType: 'application/octet-stream',
    })
    const record = await store.getRecord('STREAM', { stream: true })
    const received: Buffer[] = []
    for await (const part of record?.value ?? []) received.push(Buffer.from(part))
    expect(Buffer.compare(Buffer.concat(received), value)).toBe(0)
  })

  it('overwrites, deletes, and checks whether a record exists', async () => {
    await store.setRecord({ key: 'OVER', value: 'long '.repeat(1_000) })
    await store.setRecord({ key: 'OVER', value: 'short' })
    expect((await store.getRecord('OVER'))?.value).toBe('short')
    expect(await store.recordExists('OVER')).toBe(true)
    await store.deleteRecord('OVER')
    expect(await store.recordExists('OVER')).toBe(false)
    expect(await store.getRecord('OVER')).toBeUndefined()
  })

  it('deletes a missing record without an error', async () => {
    await expect(store.deleteRecord('NEVER')).resolves.toBeUndefined()
  })

  it("keeps every key of Apify's alphabet", async () => {
    const keys = ['a', "!-_.'()", '...', '.a', 'a..b', '__proto__', 'constructor', 'k'.repeat(256)]
    for (const key of keys) {
      await store.setRecord({ key, value: { key } })
      expect((await store.getRecord(key))?.value, key).toEqual({ key })
    }
    const { items } = await store.listKeys()
    expect(items.map(({ key }) => key)).toEqual(expect.arrayContaining(keys))
    for (const key of keys) await store.deleteRecord(key)
  })

  it("refuses other keys in the API's words, and stores nothing", async () => {
    const before = (await store.listKeys()).items
    for (const key of ['a b', 'é', 'a%2Fb', 'a%20b', 'a+b', 'a~b', 'k'.repeat(257), '😀', 'a%00']) {
      await expect(store.setRecord({ key, value: 1 }), key).rejects.toMatchObject({
        statusCode: 400,
        type: 'invalid-record-key',
        message: expect.stringMatching(/^Record key contains invalid character\. ./),
      })
    }
    expect((await store.listKeys()).items).toEqual(before)
  })

  it('never confuses the keys . and .. with the store', async () => {
    const isRefused = { statusCode: 400, type: 'invalid-record-key' }
    for (const key of ['.', '..']) {
      await expect(store.deleteRecord(key)).rejects.toMatchObject(isRefused)
      const put = store.setRecord({ key, value: { name: 'renamed-by-accident' } })
      await expect(put).rejects.toMatchObject(isRefused)
    }
    expect(await store.get()).toMatchObject({ name: 'records' })
  })

  it('counts operations (an existence check is not a read) and stored bytes', async () => {
    const client = server.client()
    const { id } = await client.keyValueStores().getOrCreate()
    const counted = client.keyValueStore(id)
    await setBytes(counted, { key: 'A', value: Buffer.alloc(100) })
    await setBytes(counted, { key: 'B', value: Buffer.alloc(50) })
    await setBytes(counted, { key: 'A', value: Buffer.alloc(10) })
    await counted.getRecord('A')
    await counted.recordExists('A')
    await counted.listKeys()
    await counted.deleteRecord('B')
    expect((await counted.get())?.stats).toEqual({
      readCount: 1,
      writeCount: 3,
      deleteCount: 1,
      listCount: 1,
      s3StorageBytes: 10,
      storageBytes: 10,
    })
  })
})

describe.each(wireEngines)('lists of keys through apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })
  const keys = Array.from({ length: 2_500 }, (_, index) => `key-${String(index).padStart(4, '0')}`)
  let store: KeyValueStoreClient

  beforeAll(async () => {
    const client = server.client()
    store = client.keyValueStore((await client.keyValueStores().getOrCreate()).id)
    for (let start = 0; start < keys.length; start += 100) {
      const some = keys.slice(start, start + 100)
      await Promise.all(some.map((key) => store.setRecord({ key, value: key })))
    }
  }, 60_000)

  it('pages through 2,500 keys in the order of their bytes', async () => {
    const listed: string[] = []
    for await (const { key } of store.listKeys()) listed.push(key)
    expect(listed).toEqual(keys)
  })

  it('says in each page where the next begins, and null on the last', async () => {
    const first = await store.listKeys({ limit: 1_000 })
    expect(first).toMatchObject({
      count: 1_000,
      limit: 1_000,
      exclusiveStartKey: null,
      isTruncated: true,
      nextExclusiveStartKey: 'key-0999',
    })
    const last = await store.listKeys({ exclusiveStartKey: 'key-1499' })
    expect(last).toMatchObject({
      count: 1_000,
      exclusiveStartKey: 'key-1499',
      isTruncated: false,
      nextExclusiveStartKey: null,
    })
    expect(last.items.at(-1)?.key).toBe('key-2499')
  })

  it('lists by prefix, after a key that need not exist, and by both', async () => {
    const of = async (options: object): Promise<string[]> =>
      (await store.listKeys(options)).items.map(({ key }) => key)
    expect(await of({ prefix: 'key-001' })).toEqual(keys.slice(10, 20))
    expect(await of({ exclusiveStartKey: 'key-2497x' })).toEqual(['key-2498', 'key-2499'])
    const both = { prefix: 'key-001', exclusiveStartKey: 'key-0017' }
    expect(await of(both)).toEqual(['key-0018', 'key-0019'])
    expect(await of({ prefix: 'none' })).toEqual([])
    expect(await of({ prefix: 'key-001', exclusiveStartKey: 'zzz' })).toEqual([])
  })

  it('lists each key with its size in stored bytes and a URL', async () => {
    const { items } = await store.listKeys({ limit: 1 })
    const [item] = items
    expect(item).toMatchObject({ key: 'key-0000', size: 8 })
    const response = await fetch(item?.recordPublicUrl ?? '', {
      headers: { Authorization: `Bearer ${server.token()}` },
    })
    expect(await response.text()).toBe('key-0000')
  })
})
