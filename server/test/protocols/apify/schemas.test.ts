import { once } from 'node:events'
import { createServer } from 'node:http'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { KeyValueStoreClient } from 'apify-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { brotliBomb } from '../../support/network/bomb.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

const productSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  required: ['price'],
  properties: { price: { type: 'number', minimum: 0 }, name: { type: 'string' } },
  additionalProperties: false,
}

const schema = {
  actorKeyValueStoreSchemaVersion: 1,
  actorSpecification: 1,
  title: 'Shop',
  collections: {
    products: {
      title: 'Products',
      keyPrefix: 'product-',
      contentTypes: ['application/json'],
      jsonSchema: productSchema,
    },
    images: { keyPrefix: 'image-', contentTypes: ['image/png', 'image/jpeg'] },
    report: { key: 'REPORT', description: 'For people' },
  },
}

const json = 'application/json'

describe.each(wireEngines)('schemas of stores, on %s', (engine) => {
  const server = useTestServer({ engine })
  let store: KeyValueStoreClient
  let storeId = ''

  beforeAll(async () => {
    const made = await server.client().keyValueStores().getOrCreate('shop', { schema })
    storeId = made.id
    store = server.client().keyValueStore(storeId)
  })

  it('keeps a schema as it was sent, and shows it with the store', async () => {
    expect(await store.get()).toMatchObject({ schema })
    const { items } = await server.client().keyValueStores().list()
    expect(items.find(({ id }) => id === storeId)).toMatchObject({ schema })
  })

  it('leaves schemas out of a list that would be too large with them', async () => {
    const stores = server.client().keyValueStores()
    const large = { ...schema, description: 'x'.repeat(1_000_000) }
    for (let index = 0; index < 6; index += 1)
      await stores.getOrCreate(`l-${index}`, { schema: large })
    const listed = (await stores.list()).items.filter(({ name }) => name?.startsWith('l-'))
    const shown = listed.filter((item) => 'schema' in item)
    expect(shown).toMatchObject(Array(4).fill({ schema: large }))
    expect(listed).toHaveLength(6)
    expect(await server.client().keyValueStore('~l-5').get()).toMatchObject({ schema: large })
    for (const { id } of listed) await server.client().keyValueStore(id).delete()
  })

  it('does not change the schema of an existing store', async () => {
    const stores = server.client().keyValueStores()
    const other = { ...schema, title: 'Other', collections: {} }
    expect(await stores.getOrCreate('shop', { schema: other })).toMatchObject({ schema })
    const { id } = await stores.getOrCreate('without')
    expect(await stores.getOrCreate('without', { schema })).toMatchObject({ id, schema: null })
  })

  it('keeps the schema through a rename, and not for the next store with that name', async () => {
    const stores = server.client().keyValueStores()
    const { id } = await stores.getOrCreate('renamed', { schema })
    const renamed = await server.client().keyValueStore(id).update({ name: 'renamed-2' })
    expect(renamed).toMatchObject({ schema })
    await server.client().keyValueStore(id).delete()
    expect(await stores.getOrCreate('renamed-2')).toMatchObject({ schema: null })
  })

  it('accepts records that match their collection, and all records in no collection', async () => {
    await store.setRecord({ key: 'product-1', value: { price: 1.5, name: 'Coat' } })
    await store.setRecord({ key: 'product-2', value: { price: 1, name: 'x'.repeat(5_000) } })
    await store.setRecord({ key: 'image-1', value: 'png', contentType: 'image/png' })
    await store.setRecord({ key: 'REPORT', value: 'anything' })
    await store.setRecord({ key: 'REPORT-2', value: [1, 2] })
    expect((await store.getRecord('product-1'))?.value).toEqual({ price: 1.5, name: 'Coat' })
    expect((await store.getRecord('product-2'))?.value).toMatchObject({ price: 1 })
  })

  it.each([
    ['a missing member', 'product-a', { name: 'x' }, "must have required property 'price'"],
    ['a wrong type', 'product-b', { price: '1' }, 'value/price must be number'],
    ['a member too many', 'product-c', { price: 1, size: 2 }, '(size)'],
    ['a name of the prototype', 'product-d', { toString: 1 }, 'price'],
    ['another content type', 'product-e', 'text', 'content type is text/plain'],
    ['JSON in a collection of images', 'image-a', { a: 1 }, 'image/png, image/jpeg'],
  ])('refuses a record with %s, names the collection and stores nothing', async (...row) => {
    const [, key, value, reason] = row
    const collection = key.startsWith('image') ? 'images' : 'products'
    const put = store.setRecord({ key, value })
    await expect(put).rejects.toMatchObject({
      statusCode: 400,
      type: 'schema-validation-error',
      message: expect.stringContaining(`"${collection}"`),
    })
    await expect(put).rejects.toThrow(reason)
    expect(await store.recordExists(key)).toBe(false)
  })

  it('keeps the old record when the new value is refused', async () => {
    await store.setRecord({ key: 'product-kept', value: { price: 1 } })
    const put = store.setRecord({ key: 'product-kept', value: { price: -1 } })
    await expect(put).rejects.toMatchObject({ type: 'schema-validation-error' })
    expect((await store.getRecord('product-kept'))?.value).toEqual({ price: 1 })
  })

  it.each([
    ['identity', (bytes: Buffer) => bytes],
    ['br', brotliCompressSync],
    ['gzip', gzipSync],
  ])('checks a value with the encoding %s', async (name, encode) => {
    const put = (key: string, text: string): Promise<Answer> => {
      const body = new Uint8Array(encode(Buffer.from(text)))
      return send('PUT', key, { body, headers: { 'Content-Encoding': name } })
    }
    expect((await put(`product-${name}`, '{"price":1}')).status).toBe(201)
    expect(await put(`product-${name}-bad`, '{"price":-1}')).toMatchObject(
      violation('must be >= 0'),
    )
    expect(await put(`product-${name}-bad`, '{"price":')).toMatchObject(violation('not JSON'))
    expect(await store.recordExists(`product-${name}-bad`)).toBe(false)
  })

  it('refuses values that cannot be decoded or are too large when decoded', async () => {
    const bomb = brotliBomb(17_000_000)
    const headers = { 'Content-Encoding': 'br' }
    const bombed = await send('PUT', 'product-bomb', { body: bomb, headers })
    expect(bombed).toMatchObject(violation('too large'))
    const lied = await send('PUT', 'product-lie', { body: 'no brotli', headers })
    expect(lied).toMatchObject(violation('not br'))
    expect(
      await send('PUT', 'product-latin', {
        body: Buffer.from('{"price":1,"name":"\xe9"}', 'latin1'),
      }),
    ).toMatchObject(violation('not JSON'))
  })

  it('checks a stream of megabytes with a JSON Schema, and refuses more than 16 MiB', async () => {
    const streamed = (bytes: number): ReadableStream =>
      ReadableStream.from(
        [`{"price":1,"name":"`, ...Array(bytes / 1_000_000).fill('x'.repeat(1_000_000)), '"}'].map(
          (part) => Buffer.from(part),
        ),
      )
    expect((await send('PUT', 'product-stream', { body: streamed(5_000_000) })).status).toBe(201)
    expect(await send('PUT', 'product-large', { body: streamed(17_000_000) })).toMatchObject(
      violation('too large'),
    )
    expect((await store.listKeys({ prefix: 'product-stream' })).items[0]?.size).toBe(5_000_021)
  })

  it('checks every collection that contains a key', async () => {
    const both = {
      ...schema,
      collections: {
        all: { keyPrefix: '', contentTypes: [json, 'text/plain'] },
        one: { key: 'ONE', contentTypes: [json], jsonSchema: { type: 'number' } },
      },
    }
    const { id } = await server.client().keyValueStores().getOrCreate('both', { schema: both })
    const client = server.client().keyValueStore(id)
    await client.setRecord({ key: 'ONE', value: 1 })
    await client.setRecord({ key: 'TWO', value: 'text' })
    await expect(client.setRecord({ key: 'ONE', value: 'text' })).rejects.toThrow('"one"')
    const html = client.setRecord({ key: 'TWO', value: '<p>', contentType: 'text/html' })
    await expect(html).rejects.toThrow('"all"')
  })

  it('stops an endless check, and serves others meanwhile', async () => {
    const slow = (pattern: string): Record<string, unknown> => ({
      ...schema,
      collections: {
        slow: { keyPrefix: '', contentTypes: [json], jsonSchema: { type: 'string', pattern } },
      },
    })
    const stores = server.client().keyValueStores()
    const { id } = await stores.getOrCreate('slow', { schema: slow('^(a+)+$') })
    const hangs = send('PUT', 'HANG', { body: `"${'a'.repeat(40)}!"` }, id)
    const began = performance.now()
    await store.setRecord({ key: 'REPORT', value: 'served meanwhile' })
    expect(performance.now() - began).toBeLessThan(3_000)
    expect(await hangs).toMatchObject(violation('takes too long', 'slow'))
    await server
      .client()
      .keyValueStore(id)
      .setRecord({ key: 'OK', value: '"aaa"', contentType: json })
  })

  it('never fetches a schema from elsewhere', async () => {
    let asked = 0
    const elsewhere = createServer((_, response) => {
      asked += 1
      response.end('{}')
    }).listen(0, '127.0.0.1')
    await once(elsewhere, 'listening')
    const address = elsewhere.address()
    const port = typeof address === 'object' ? address?.port : 0
    const remote = {
      ...schema,
      collections: {
        c: { key: 'K', contentTypes: [json], jsonSchema: { $ref: `http://127.0.0.1:${port}/s` } },
      },
    }
    const made = server.client().keyValueStores().getOrCreate('remote', { schema: remote })
    await expect(made).rejects.toMatchObject({ statusCode: 400, type: 'store-schema-invalid' })
    await expect(made).rejects.toThrow("can't resolve reference")
    expect(asked).toBe(0)
    elsewhere.close()
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })

  interface Answer {
    readonly status: number
    readonly body: unknown
  }

  async function send(
    method: string,
    key: string,
    init: RequestInit,
    id = storeId,
  ): Promise<Answer> {
    const headers = {
      Authorization: `Bearer ${server.token()}`,
      'Content-Type': json,
      ...init.headers,
    }
    const url = `${server.url()}/v2/key-value-stores/${id}/records/${key}`
    const response = await fetch(url, { method, ...init, headers, duplex: 'half' })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }

  function violation(reason: string, collection = 'products'): Answer {
    const message = expect.stringMatching(`"${collection}".*${reason}`)
    return { status: 400, body: { error: { type: 'schema-validation-error', message } } }
  }
})
