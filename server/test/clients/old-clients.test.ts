import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { engines, useTestServer } from '../support/network/test-server.ts'

// The old clients have no types, and are CommonJS.
const load = createRequire(import.meta.url)

interface StoreInfo {
  readonly id: string
  readonly name: string | null
  readonly createdAt: Date
}

interface Page<T> {
  readonly items: readonly T[]
  readonly total: number
  readonly isTruncated: boolean
  readonly nextExclusiveStartKey: string | null
}

interface Store1 {
  get(): Promise<StoreInfo | undefined>
  update(fields: object): Promise<StoreInfo>
  delete(): Promise<void>
  listKeys(options?: object): Promise<Page<{ key: string; size: number }>>
  getRecord(
    key: string,
    options?: object,
  ): Promise<{ key: string; value: unknown; contentType: string } | undefined>
  setRecord(record: { key: string; value: unknown; contentType?: string }): Promise<void>
  deleteRecord(key: string): Promise<void>
}

interface Client1 {
  keyValueStores(): {
    list(options?: object): Promise<Page<StoreInfo>>
    getOrCreate(name?: string): Promise<StoreInfo>
  }
  keyValueStore(id: string): Store1
  user(): { get(): Promise<{ username: string }> }
}

const ApifyClient1: new (options: object) => Client1 = load('apify-client-1')

describe.each(engines)('apify-client 1.4.2 of 2021, on %s', (engine) => {
  const server = useTestServer({ engine })
  let client: Client1
  let store: Store1

  beforeAll(async () => {
    client = new ApifyClient1({ baseUrl: server.url(), token: server.token(), maxRetries: 0 })
    store = client.keyValueStore((await client.keyValueStores().getOrCreate('old')).id)
  })

  it('opens, finds, renames, lists and deletes stores', async () => {
    const stores = client.keyValueStores()
    const made = await stores.getOrCreate('first')
    expect(made.createdAt).toBeInstanceOf(Date)
    expect((await stores.getOrCreate('first')).id).toBe(made.id)
    const one = client.keyValueStore(made.id)
    expect((await one.update({ name: 'renamed' })).name).toBe('renamed')
    expect((await client.keyValueStore('owner/renamed').get())?.id).toBe(made.id)
    const page = await stores.list({ desc: true, unnamed: true, limit: 1 })
    expect([page.total, page.items.map(({ id }) => id)]).toEqual([2, [made.id]])
    await one.delete()
    await one.delete()
    expect(await one.get()).toBeUndefined()
  })

  it.each([
    ['an object', { foo: 'bar' }, 'application/json; charset=utf-8'],
    ['null', null, 'application/json; charset=utf-8'],
    ['a number', 42, 'application/json; charset=utf-8'],
    ['text', 'Žluťoučký kůň', 'text/plain; charset=utf-8'],
    ['5 MB of text, compressed by gzip', 'abcde'.repeat(1_000_000), 'text/plain; charset=utf-8'],
    ['bytes', randomBytes(2_000_000), 'application/octet-stream'],
  ])('keeps %s', async (_, value, contentType) => {
    await store.setRecord({ key: 'VALUE', value })
    const record = await store.getRecord('VALUE')
    expect(record?.contentType).toBe(contentType)
    expect(record?.value).toEqual(value)
  })

  it('reads streams and buffers', async () => {
    const value = randomBytes(2_500_000)
    await store.setRecord({ key: 'STREAM', value })
    const streamed = await store.getRecord('STREAM', { stream: true })
    const stream = streamed?.value
    if (!(stream instanceof Readable)) throw new Error('The value must be a stream.')
    const received: Buffer[] = []
    for await (const part of stream) received.push(part)
    expect(value.equals(Buffer.concat(received))).toBe(true)
    const buffered = await store.getRecord('STREAM', { buffer: true })
    expect(buffered?.value).toEqual(value)
  })

  it('cannot send streams: the client itself fails when it compresses them', async () => {
    const value = Readable.from([Buffer.from('never sent')])
    await expect(store.setRecord({ key: 'UNSENT', value })).rejects.toThrow(TypeError)
    expect(await store.getRecord('UNSENT')).toBeUndefined()
  })

  it('lists keys page by page, deletes records, and finds no missing record', async () => {
    for (const key of ['A', 'B', 'C']) await store.setRecord({ key, value: key })
    const first = await store.listKeys({ limit: 2 })
    expect(first).toMatchObject({ isTruncated: true, nextExclusiveStartKey: 'B' })
    const rest = await store.listKeys({ exclusiveStartKey: 'B' })
    expect(rest).toMatchObject({ isTruncated: false, nextExclusiveStartKey: null })
    expect(rest.items[0]).toMatchObject({ key: 'C', size: 1 })
    await store.deleteRecord('A')
    await store.deleteRecord('A')
    expect(await store.getRecord('A')).toBeUndefined()
  })

  it('can read its user', async () => {
    expect((await client.user().get()).username).toBe('owner')
  })
})

interface Client0 {
  keyValueStores: {
    getOrCreateStore(options: { storeName: string }): Promise<StoreInfo>
    listStores(options: object): Promise<Page<StoreInfo>>
    getStore(options: { storeId: string }): Promise<StoreInfo | null>
    updateStore(options: { storeId: string; store: object }): Promise<StoreInfo>
    deleteStore(options: { storeId: string }): Promise<unknown>
    getRecord(options: {
      storeId: string
      key: string
      disableRedirect?: boolean
      disableBodyParser?: boolean
    }): Promise<{ contentType: string; body: unknown } | null>
    putRecord(options: {
      storeId: string
      key: string
      body: string | Buffer
      contentType?: string
    }): Promise<unknown>
    deleteRecord(options: { storeId: string; key: string }): Promise<unknown>
    listKeys(options: object): Promise<Page<{ key: string }>>
  }
}

const ApifyClient0: new (options: object) => Client0 = load('apify-client-0')

/** From this size on, this client asks for a URL at Amazon to upload the record to. */
const directUploadBytesMin = 262_144

describe.each(engines)('apify-client 0.6.0 of 2020, on %s', (engine) => {
  const server = useTestServer({ engine })
  let stores: Client0['keyValueStores']
  let storeId = ''

  beforeAll(async () => {
    const options = { baseUrl: server.url(), token: server.token(), expBackOffMaxRepeats: 1 }
    stores = new ApifyClient0(options).keyValueStores
    storeId = (await stores.getOrCreateStore({ storeName: 'older' })).id
  })

  it('opens, finds, renames, lists and deletes stores', async () => {
    const { id } = await stores.getOrCreateStore({ storeName: 'first' })
    expect((await stores.getOrCreateStore({ storeName: 'first' })).id).toBe(id)
    const renamed = await stores.updateStore({ storeId: id, store: { name: 'renamed' } })
    expect(renamed.name).toBe('renamed')
    expect((await stores.getStore({ storeId: 'owner~renamed' }))?.id).toBe(id)
    const page = await stores.listStores({ desc: true, unnamed: true, limit: 1 })
    expect([page.total, page.items.map((one) => one.id)]).toEqual([2, [id]])
    await stores.deleteStore({ storeId: id })
    expect(await stores.getStore({ storeId: id })).toBeNull()
  })

  it.each([
    ['JSON', '{"foo":"bar"}', 'application/json; charset=utf-8', { foo: 'bar' }],
    ['text', 'Žluťoučký kůň', 'text/plain; charset=utf-8', 'Žluťoučký kůň'],
    ['bytes', Buffer.from([0, 255]), 'image/png', Buffer.from([0, 255])],
  ])('keeps %s, which it always compresses', async (_, body, contentType, value) => {
    await stores.putRecord({ storeId, key: 'VALUE', body, contentType })
    for (const disableRedirect of [false, true]) {
      const record = await stores.getRecord({ storeId, key: 'VALUE', disableRedirect })
      expect(record).toEqual({ contentType, body: value })
    }
    const raw = await stores.getRecord({ storeId, key: 'VALUE', disableBodyParser: true })
    expect(raw?.body).toEqual(Buffer.from(body))
  })

  it('lists keys page by page, deletes records, and finds no missing record', async () => {
    for (const key of ['A', 'B', 'C']) await stores.putRecord({ storeId, key, body: key })
    const first = await stores.listKeys({ storeId, limit: 2 })
    expect(first).toMatchObject({ isTruncated: true, nextExclusiveStartKey: 'B' })
    expect(first.items.map(({ key }) => key)).toEqual(['A', 'B'])
    await stores.deleteRecord({ storeId, key: 'A' })
    await stores.deleteRecord({ storeId, key: 'A' })
    expect(await stores.getRecord({ storeId, key: 'A' })).toBeNull()
  })

  it('stores records below its limit; larger ones it would upload to Amazon', async () => {
    const most = 'x'.repeat(directUploadBytesMin - 1)
    await stores.putRecord({ storeId, key: 'LARGE', body: most })
    expect(await stores.getRecord({ storeId, key: 'LARGE' })).toMatchObject({ body: most })
    const put = stores.putRecord({ storeId, key: 'LARGE', body: `${most}x` })
    await expect(put).rejects.toMatchObject({
      type: 'page-not-found',
      details: { statusCode: 404, url: expect.stringContaining('/LARGE/direct-upload-url') },
    })
    expect(await stores.getRecord({ storeId, key: 'LARGE' })).toMatchObject({ body: most })
  })

  it('gets the error of the API when it deletes a store twice', async () => {
    const { id } = await stores.getOrCreateStore({ storeName: 'twice' })
    await stores.deleteStore({ storeId: id })
    const again = stores.deleteStore({ storeId: id })
    await expect(again).rejects.toMatchObject({ type: 'record-not-found' })
  })
})
