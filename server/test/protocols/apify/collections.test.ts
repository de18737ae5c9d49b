import type { KeyValueStoreClient } from 'apify-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { engines, useTestServer } from '../../support/network/test-server.ts'

const schema = {
  actorKeyValueStoreSchemaVersion: 1,
  title: 'Pictures',
  collections: {
    images: { keyPrefix: 'image-' },
    large: { keyPrefix: 'image-large-' },
    report: { key: 'REPORT' },
    absent: { key: 'REPOR' },
    everything: { keyPrefix: '' },
  },
}

const stored = ['A', 'REPORT', 'REPORT-2', 'image-1', 'image-2', 'image-large-1', 'image.', 'z']

describe.each(engines)('collections in listings, on %s', (engine) => {
  const server = useTestServer({ engine })
  let store: KeyValueStoreClient

  beforeAll(async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('pictures', { schema })
    store = server.client().keyValueStore(id)
    for (const key of stored) await store.setRecord({ key, value: key })
  })

  const listed = async (query: Parameters<KeyValueStoreClient['listKeys']>[0]): Promise<string[]> =>
    (await store.listKeys(query)).items.map(({ key }) => key)

  it('lists the keys with the prefix of a collection, or its one key', async () => {
    expect(await listed({ collection: 'images' })).toEqual(['image-1', 'image-2', 'image-large-1'])
    expect(await listed({ collection: 'large' })).toEqual(['image-large-1'])
    expect(await listed({ collection: 'report' })).toEqual(['REPORT'])
    expect(await listed({ collection: 'absent' })).toEqual([])
    expect(await listed({ collection: 'everything' })).toEqual(stored)
  })

  it('lists only keys that match both prefix and collection', async () => {
    const both = (collection: string, prefix: string): Promise<string[]> =>
      listed({ collection, prefix })
    expect(await both('images', 'im')).toEqual(['image-1', 'image-2', 'image-large-1'])
    expect(await both('images', 'image-l')).toEqual(['image-large-1'])
    expect(await both('images', 'z')).toEqual([])
    expect(await both('images', 'image.')).toEqual([])
    expect(await both('report', 'REP')).toEqual(['REPORT'])
    expect(await both('report', 'REPORT-')).toEqual([])
  })

  it('lists a collection in pages, and returns null at its end', async () => {
    const first = await store.listKeys({ collection: 'images', limit: 2 })
    expect(first).toMatchObject({ isTruncated: true, nextExclusiveStartKey: 'image-2', count: 2 })
    const exclusiveStartKey = first.nextExclusiveStartKey
    const second = await store.listKeys({ collection: 'images', limit: 2, exclusiveStartKey })
    expect(second.items.map(({ key }) => key)).toEqual(['image-large-1'])
    // The records after it are not in the collection.
    expect(second).toMatchObject({ isTruncated: false, nextExclusiveStartKey: null })
    const exact = await store.listKeys({ collection: 'images', limit: 3 })
    expect(exact).toMatchObject({ isTruncated: false, nextExclusiveStartKey: null, count: 3 })
  })

  it('lists a collection of one key in pages too', async () => {
    const one = await store.listKeys({ collection: 'report', limit: 1 })
    expect(one).toMatchObject({ isTruncated: false, nextExclusiveStartKey: null, count: 1 })
    expect(await listed({ collection: 'report', exclusiveStartKey: 'R' })).toEqual(['REPORT'])
    expect(await listed({ collection: 'report', exclusiveStartKey: 'REPORT' })).toEqual([])
    expect(await listed({ collection: 'report', exclusiveStartKey: 'z' })).toEqual([])
  })

  it('lists a collection with the iterator of the client', async () => {
    const keys: string[] = []
    for await (const { key } of store.listKeys({ collection: 'images', limit: 100 })) keys.push(key)
    expect(keys).toEqual(['image-1', 'image-2', 'image-large-1'])
  })

  it('refuses a collection of a store without a schema, and an unknown collection', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('plain')
    const plain = server.client().keyValueStore(id).listKeys({ collection: 'images' })
    await expect(plain).rejects.toMatchObject({ statusCode: 400, type: 'invalid-collection' })
    await expect(plain).rejects.toThrow('has no schema')
    const unknown = store.listKeys({ collection: 'Images' })
    await expect(unknown).rejects.toMatchObject({ statusCode: 400, type: 'invalid-collection' })
    await expect(unknown).rejects.toThrow('images, large, report, absent, everything')
  })

  it('treats an empty collection as not given', async () => {
    const keys = fetch(`${server.url()}/v2/key-value-stores/~pictures/keys?collection=`, {
      headers: { Authorization: `Bearer ${server.token()}` },
    })
    expect(JSON.parse(await (await keys).text())).toMatchObject({ data: { count: stored.length } })
  })

  it('does not show collections to callers who may not read the store', async () => {
    const { id } = (await store.get()) ?? { id: '' }
    const keys = await fetch(`${server.url()}/v2/key-value-stores/${id}/keys?collection=none`)
    expect(keys.status).toBe(403)
  })
})
