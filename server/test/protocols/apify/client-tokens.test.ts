import type { ApifyClient, KeyValueStoreClient } from 'apify-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { readTexts } from '../../support/network/read-zip.ts'
import { engines } from '../../support/network/test-server.ts'
import type { Wish } from '../../support/people/people.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const denied = { statusCode: 403, type: 'insufficient-permissions' }

describe.each(engines)('tokens with limited rights, through apify-client, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  let storeId = ''

  beforeAll(async () => {
    storeId = (await server.client(jane).keyValueStores().getOrCreate('scoped')).id
    const keys = ['a', 'in', 'in-0', 'in-1', 'in-2', 'in.', 'out', 'z']
    for (const key of keys) await janes().setRecord({ key, value: key })
  })

  const janes = (): KeyValueStoreClient => server.client(jane).keyValueStore(storeId)
  const clientFor = async (wish: Wish): Promise<ApifyClient> =>
    server.client(await people.createToken(jane, wish))
  const prefixed = async (action: 'read' | 'write'): Promise<KeyValueStoreClient> =>
    (await clientFor({ action, storeId, keyPrefix: 'in-' })).keyValueStore(storeId)
  const keysOf = async (
    store: KeyValueStoreClient,
    options?: Parameters<KeyValueStoreClient['listKeys']>[0],
  ): Promise<string[]> => (await store.listKeys(options)).items.map(({ key }) => key)

  it('list only the keys in their prefix, whatever prefix or start is requested', async () => {
    const store = await prefixed('read')
    const inside = ['in-0', 'in-1', 'in-2']
    expect(await keysOf(store)).toEqual(inside)
    for (const prefix of ['', 'i', 'in', 'in-']) {
      expect(await keysOf(store, { prefix }), prefix).toEqual(inside)
    }
    expect(await keysOf(store, { prefix: 'in-1' })).toEqual(['in-1'])
    for (const prefix of ['a', 'in.', 'out', 'inn']) {
      expect(await keysOf(store, { prefix }), prefix).toEqual([])
    }
    for (const exclusiveStartKey of ['a', 'in', 'i']) {
      expect(await keysOf(store, { exclusiveStartKey }), exclusiveStartKey).toEqual(inside)
    }
    expect(await keysOf(store, { exclusiveStartKey: 'in-0' })).toEqual(['in-1', 'in-2'])
    expect(await keysOf(store, { exclusiveStartKey: 'out' })).toEqual([])
  })

  it('list their prefix in pages to its end', async () => {
    const store = await prefixed('read')
    const first = await store.listKeys({ limit: 2 })
    expect(first).toMatchObject({ isTruncated: true, nextExclusiveStartKey: 'in-1' })
    const exclusiveStartKey = first.nextExclusiveStartKey
    const second = await store.listKeys({ limit: 2, exclusiveStartKey })
    expect(second).toMatchObject({ isTruncated: false, nextExclusiveStartKey: null })
    expect(second.items.map(({ key }) => key)).toEqual(['in-2'])
    const all: string[] = []
    for await (const { key } of store.listKeys({ limit: 10 })) all.push(key)
    expect(all).toEqual(['in-0', 'in-1', 'in-2'])
  })

  it('get an archive of their prefix only, whatever is requested', async () => {
    const { token } = await people.createToken(jane, { action: 'read', storeId, keyPrefix: 'in-' })
    const packed = async (query: string): Promise<string[]> => {
      const url = `${server.url()}/v2/key-value-stores/${storeId}/records${query}`
      const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
      expect(response.status).toBe(200)
      return Object.keys(await readTexts(Buffer.from(await response.arrayBuffer())))
    }
    for (const query of ['', '?prefix=i', '?prefix=in-']) {
      expect(await packed(query), query).toEqual(['in-0', 'in-1', 'in-2'])
    }
    expect(await packed('?prefix=in-2')).toEqual(['in-2'])
    expect(await packed('?prefix=out')).toEqual([])
  })

  it('read and write only the records in their prefix', async () => {
    const store = await prefixed('write')
    expect((await store.getRecord('in-1'))?.value).toBe('in-1')
    await store.setRecord({ key: 'in-new', value: 'new' })
    expect((await janes().getRecord('in-new'))?.value).toBe('new')
    await store.deleteRecord('in-new')
    expect(await janes().getRecord('in-new')).toBeUndefined()
    for (const key of ['in', 'in.', 'a', 'out', 'IN-1', 'none']) {
      await expect(store.getRecord(key), key).rejects.toMatchObject(denied)
      await expect(store.recordExists(key), key).rejects.toMatchObject({ statusCode: 403 })
      await expect(store.setRecord({ key, value: 'x' }), key).rejects.toMatchObject(denied)
      await expect(store.deleteRecord(key), key).rejects.toMatchObject(denied)
    }
    const keys = ['a', 'in', 'in-0', 'in-1', 'in-2', 'in.', 'out', 'z']
    expect(await keysOf(janes())).toEqual(keys)
    expect((await janes().getRecord('out'))?.value).toBe('out')
  })

  it('for reading a prefix cannot write, and none for a prefix can change the store', async () => {
    const store = await prefixed('read')
    await expect(store.setRecord({ key: 'in-1', value: 1 })).rejects.toMatchObject(denied)
    await expect(store.deleteRecord('in-1')).rejects.toMatchObject(denied)
    for (const one of [store, await prefixed('write')]) {
      await expect(one.update({ title: 'changed' })).rejects.toMatchObject(denied)
      await expect(one.delete()).rejects.toMatchObject(denied)
      const described = await one.get()
      expect(described).toMatchObject({ id: storeId, name: 'scoped', title: null })
      expect(described).not.toHaveProperty('urlSigningSecretKey')
      expect(described?.keysPublicUrl).not.toContain('signature')
    }
  })

  it('get unsigned links if they may not sign', async () => {
    for (const action of ['read', 'write'] as const) {
      const { items } = await (await prefixed(action)).listKeys()
      expect(items.map(({ recordPublicUrl }) => new URL(recordPublicUrl).search)).toEqual([
        '',
        '',
        '',
      ])
    }
  })

  it('for reading read all stores and write nothing', async () => {
    const client = await clientFor({ action: 'read' })
    const store = client.keyValueStore(storeId)
    expect((await store.getRecord('out'))?.value).toBe('out')
    expect(await keysOf(store)).toHaveLength(8)
    expect(await store.get()).not.toHaveProperty('urlSigningSecretKey')
    expect((await client.keyValueStores().list()).items.map(({ id }) => id)).toContain(storeId)
    await expect(store.setRecord({ key: 'out', value: 1 })).rejects.toMatchObject(denied)
    await expect(store.deleteRecord('out')).rejects.toMatchObject(denied)
    await expect(store.update({ title: 'changed' })).rejects.toMatchObject(denied)
    await expect(store.delete()).rejects.toMatchObject(denied)
    expect((await janes().getRecord('out'))?.value).toBe('out')
  })

  it('open a store by name in their scope, and make one if they may', async () => {
    const open = async (wish: Wish, name: string): Promise<string | undefined> =>
      (await (await clientFor(wish)).keyValueStores().getOrCreate(name)).id
    const other = (await server.client(jane).keyValueStores().getOrCreate('other')).id
    const scopes: readonly Wish[] = [
      { action: 'read' },
      { action: 'write' },
      { action: 'manage' },
      { action: 'read', storeId },
      { action: 'write', storeId },
      { action: 'manage', storeId },
      { action: 'read', storeId, keyPrefix: 'in-' },
      { action: 'write', storeId, keyPrefix: 'in-' },
    ]
    for (const [index, scope] of scopes.entries()) {
      const told = JSON.stringify(scope)
      expect(await open(scope, 'scoped'), told).toBe(storeId)
      if (scope.storeId === undefined) expect(await open(scope, 'other'), told).toBe(other)
      else await expect(open(scope, 'other'), told).rejects.toMatchObject(denied)
      const mayCreate = scope.storeId === undefined && scope.action !== 'read'
      const name = `made-by-${index}`
      if (mayCreate) expect(await open(scope, name), told).toMatch(/^[a-zA-Z0-9]{17}$/)
      else await expect(open(scope, name), told).rejects.toMatchObject(denied)
      const unnamed = (await clientFor(scope)).keyValueStores().getOrCreate()
      if (mayCreate) await expect(unnamed, told).resolves.toMatchObject({ name: null })
      else await expect(unnamed, told).rejects.toMatchObject(denied)
    }
  })

  it('can read their own user', async () => {
    const client = await clientFor({ action: 'read', storeId, keyPrefix: 'in-' })
    expect(await client.user().get()).toMatchObject({ id: jane.id, username: 'jane' })
  })
})
