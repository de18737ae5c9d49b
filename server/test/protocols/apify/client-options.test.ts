import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { ApifyClient, type KeyValueStoreClient } from 'apify-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { engines, useTestServer } from '../../support/network/test-server.ts'

describe.each(engines)('every option that apify-client documents, on %s', (engine) => {
  const server = useTestServer({ engine })
  const keys = ['A-1', 'A-2', 'A-3', 'B-1', 'B-2']
  let store: KeyValueStoreClient

  beforeAll(async () => {
    const client = server.client()
    store = client.keyValueStore((await client.keyValueStores().getOrCreate('a-1')).id)
    for (const name of ['a-2', 'a-3']) await client.keyValueStores().getOrCreate(name)
    await client.keyValueStores().getOrCreate()
    for (const key of keys) await store.setRecord({ key, value: key })
  })

  it('iterates over stores through their pages', async () => {
    const names = async (options: object): Promise<unknown[]> => {
      const listed: unknown[] = []
      for await (const { name } of server.client().keyValueStores().list(options)) listed.push(name)
      return listed
    }
    expect(await names({})).toEqual(['a-1', 'a-2', 'a-3'])
    expect(await names({ unnamed: true })).toEqual(['a-1', 'a-2', 'a-3', null])
    expect(await names({ unnamed: true, desc: true })).toEqual([null, 'a-3', 'a-2', 'a-1'])
    expect(await names({ limit: 2 })).toEqual(['a-1', 'a-2'])
    expect(await names({ offset: 1 })).toEqual(['a-2', 'a-3'])
    expect(await names({ offset: 5 })).toEqual([])
  })

  it('iterates over keys up to a limit, after a key and by prefix', async () => {
    const listed = async (options: object): Promise<string[]> => {
      const names: string[] = []
      for await (const { key } of store.listKeys(options)) names.push(key)
      return names
    }
    expect(await listed({})).toEqual(keys)
    expect(await listed({ limit: 2 })).toEqual(['A-1', 'A-2'])
    expect(await listed({ limit: 0 })).toEqual(keys)
    expect(await listed({ prefix: 'A-', limit: 5 })).toEqual(['A-1', 'A-2', 'A-3'])
    expect(await listed({ prefix: 'A-', exclusiveStartKey: 'A-2' })).toEqual(['A-3'])
    expect(await listed({ exclusiveStartKey: 'B-1' })).toEqual(['B-2'])
    expect(await listed({ prefix: 'none' })).toEqual([])
  })

  it('iterates over an empty store', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('empty')
    for await (const item of server.client().keyValueStore(id).listKeys()) {
      expect(item).toBeUndefined()
    }
    expect(await server.client().keyValueStore(id).listKeys()).toMatchObject({
      items: [],
      count: 0,
      isTruncated: false,
      nextExclusiveStartKey: null,
    })
    await server.client().keyValueStore(id).delete()
  })

  it('updates each field of a store separately and all together', async () => {
    expect(await store.update({ title: 'A title' })).toMatchObject({
      name: 'a-1',
      title: 'A title',
    })
    expect(await store.update({})).toMatchObject({ name: 'a-1', title: 'A title' })
    expect(await store.update({ generalAccess: 'ANYONE_WITH_NAME_CAN_READ' })).toMatchObject({
      name: 'a-1',
      generalAccess: 'ANYONE_WITH_NAME_CAN_READ',
    })
    expect(await store.update({ name: 'a-1', generalAccess: 'FOLLOW_USER_SETTING' })).toMatchObject(
      {
        title: 'A title',
        generalAccess: 'FOLLOW_USER_SETTING',
      },
    )
  })

  it('stores 5 MB of JSON, which the client compresses with brotli', async () => {
    const value = {
      list: Array.from({ length: 50_000 }, (_, at) => ({ at, text: 'x'.repeat(80) })),
    }
    await store.setRecord({ key: 'LARGE', value }, { timeoutSecs: 20, doNotRetryTimeouts: true })
    expect((await store.getRecord('LARGE'))?.value).toEqual(value)
    const { items } = await store.listKeys({ prefix: 'LARGE' })
    expect(items[0]?.size).toBeLessThan(1_000_000)
    const url = items[0]?.recordPublicUrl ?? ''
    const headers = { Authorization: `Bearer ${server.token()}`, 'Accept-Encoding': 'br' }
    expect((await fetch(url, { headers })).headers.get('content-encoding')).toBe('br')
    await store.deleteRecord('LARGE')
  })

  it('decodes compressed values for buffers and streams too', async () => {
    const text = 'compressed '.repeat(100_000)
    await store.setRecord({ key: 'TEXT', value: text })
    const buffered = await store.getRecord('TEXT', { buffer: true })
    expect(buffered?.value.toString()).toBe(text)
    const streamed = await store.getRecord('TEXT', { stream: true })
    const parts: Buffer[] = []
    for await (const part of streamed?.value ?? []) parts.push(Buffer.from(part))
    expect(Buffer.concat(parts).toString()).toBe(text)
    await store.deleteRecord('TEXT')
  })

  it('accepts a stream of unknown length in many parts', async () => {
    const part = randomBytes(10_000)
    const value = Readable.from(Array.from({ length: 300 }, () => part))
    await store.setRecord({ key: 'PARTS', value, contentType: 'application/x-parts' } as never)
    const record = await store.getRecord('PARTS', { buffer: true })
    expect(record?.contentType).toBe('application/x-parts')
    expect(record?.value.equals(Buffer.concat(Array(300).fill(part)))).toBe(true)
    await store.deleteRecord('PARTS')
  })

  it.each(['', '/'])('accepts a base URL that ends with "%s"', async (end) => {
    const client = new ApifyClient({ baseUrl: `${server.url()}${end}`, token: server.token() })
    expect((await client.keyValueStore('~a-2').get())?.name).toBe('a-2')
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
