import { ApifyClient, type KeyValueStoreClient } from 'apify-client'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { engines, useTestServer } from '../../support/network/test-server.ts'

const insufficientPermissions = {
  type: 'insufficient-permissions',
  message:
    "Insufficient permissions for the key-value store. Make sure you're passing a correct API " +
    'token and that it has the required permissions.',
}
const storedKeys = ['alpha', "beta!-_.'()"]

describe.each(engines)('public links of apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })
  let storeId = ''
  let store: KeyValueStoreClient
  let other: KeyValueStoreClient

  beforeAll(async () => {
    store = await filledStore('linked')
    other = await filledStore('other')
    storeId = (await store.get())?.id ?? ''
  })
  beforeEach(async () => {
    await store.update({ generalAccess: 'RESTRICTED' })
  })

  async function filledStore(name: string): Promise<KeyValueStoreClient> {
    const client = server.client()
    const { id } = await client.keyValueStores().getOrCreate(name)
    const filled = client.keyValueStore(id)
    for (const key of storedKeys) await filled.setRecord({ key, value: `${name}: ${key}` })
    return filled
  }

  /** The store at `address`, for a client without a token. */
  function asAnyone(address = storeId): KeyValueStoreClient {
    const baseUrl = server.url()
    return new ApifyClient({ baseUrl, publicBaseUrl: baseUrl, maxRetries: 0 }).keyValueStore(
      address,
    )
  }

  async function read(url: string | URL, init?: RequestInit): Promise<[number, string]> {
    const response = await fetch(url, init)
    const text = await response.text()
    return [response.status, response.ok ? text : JSON.parse(text).error.type]
  }

  async function keysAt(url: string | URL): Promise<unknown> {
    const response = await fetch(url)
    const { data, error } = JSON.parse(await response.text())
    return error ? error.type : data.items.map(({ key }: { key: string }) => key)
  }

  const denied = [403, 'insufficient-permissions']
  const addresses = (): string[] => [storeId, 'owner/linked', 'owner~linked']

  it.each(storedKeys)('let anyone read the record %s, by id and by name', async (key) => {
    for (const address of addresses()) {
      const url = await server.client().keyValueStore(address).getRecordPublicUrl(key)
      expect(url).toContain(`${server.url()}/v2/key-value-stores/${address.replace('/', '~')}`)
      expect(await read(url), address).toEqual([200, `linked: ${key}`])
      expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
      const signature = new URL(url).searchParams.get('signature') ?? ''
      const record = await asAnyone(address).getRecord(key, { signature })
      expect(record?.value, address).toBe(`linked: ${key}`)
    }
  })

  it('let anyone list the keys, with and without an end, by id and by name', async () => {
    for (const address of addresses()) {
      const owned = server.client().keyValueStore(address)
      const urls = [
        await owned.createKeysPublicUrl(),
        await owned.createKeysPublicUrl({ expiresInSecs: 3_600 }),
      ]
      for (const url of urls) {
        expect(await keysAt(url), url).toEqual(storedKeys)
        expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
        const signature = new URL(url).searchParams.get('signature') ?? ''
        const { items } = await asAnyone(address).listKeys({ signature })
        expect(items.map(({ key }) => key)).toEqual(storedKeys)
      }
      expect(await keysAt(await owned.createKeysPublicUrl({ limit: 1 }))).toEqual(['alpha'])
      const beta = await owned.createKeysPublicUrl({ prefix: 'b', expiresInSecs: 60 })
      expect(await keysAt(beta)).toEqual(storedKeys.slice(1))
    }
  })

  it('let anyone list all keys page by page', async () => {
    const url = new URL(await store.createKeysPublicUrl({ limit: 1 }))
    const signature = url.searchParams.get('signature') ?? ''
    const keys: string[] = []
    for await (const { key } of asAnyone().listKeys({ limit: 2, signature })) keys.push(key)
    expect(keys).toEqual(storedKeys)
  })

  it('are refused without their signature, in the words of the API', async () => {
    await expect(asAnyone().getRecord('alpha')).rejects.toMatchObject(insufficientPermissions)
    await expect(asAnyone().listKeys()).rejects.toMatchObject(insufficientPermissions)
    await expect(asAnyone().get()).rejects.toMatchObject(insufficientPermissions)
    await expect(asAnyone().recordExists('alpha')).rejects.toMatchObject({ statusCode: 403 })
    const head = await fetch(`${server.url()}/v2/key-value-stores/${storeId}/records/alpha`, {
      method: 'HEAD',
    })
    expect(head.status).toBe(403)
  })

  it('are refused for another record, store or kind of link, and after tampering', async () => {
    const record = new URL(await store.getRecordPublicUrl('alpha'))
    const keys = new URL(await store.createKeysPublicUrl())
    const otherRecord = new URL(await other.getRecordPublicUrl('alpha'))
    const otherKeys = new URL(await other.createKeysPublicUrl())
    const signed = (url: URL, signature: string | null): URL => {
      const changed = new URL(url)
      changed.searchParams.set('signature', signature ?? '')
      return changed
    }
    const signatureOf = (url: URL): string => url.searchParams.get('signature') ?? ''
    const tampered = (url: URL): string => {
      const [first = '', ...rest] = signatureOf(url)
      return [first === 'M' ? 'N' : 'M', ...rest].join('')
    }
    expect(await read(record.href.replace('alpha', storedKeys[1] ?? ''))).toEqual(denied)
    expect(await read(record.href.replace('alpha', 'missing'))).toEqual(denied)
    for (const url of [record, keys]) {
      for (const wrong of ['', 'x', tampered(url), `${signatureOf(url)}0`, 'ä'.repeat(1_000)]) {
        expect(await read(signed(url, wrong)), wrong).toEqual(denied)
      }
      expect((await read(url))[0]).toBe(200)
    }
    expect(await read(signed(record, signatureOf(otherRecord)))).toEqual(denied)
    expect(await read(signed(keys, signatureOf(otherKeys)))).toEqual(denied)
    expect(await read(signed(record, signatureOf(keys)))).toEqual(denied)
    expect(await read(signed(keys, signatureOf(record)))).toEqual(denied)
    const storeUrl = `${server.url()}/v2/key-value-stores/${storeId}`
    expect(await read(`${storeUrl}${keys.search}`)).toEqual(denied)
  })

  it('are invalid after they have expired', async () => {
    expect(await read(await store.createKeysPublicUrl({ expiresInSecs: -1 }))).toEqual(denied)
    const named = server.client().keyValueStore('owner/linked')
    const expired = await named.createKeysPublicUrl({ expiresInSecs: -1 })
    expect(await read(expired)).toEqual([404, 'record-not-found'])
  })

  it('never give the right to write', async () => {
    const url = await store.getRecordPublicUrl('alpha')
    const missing = [401, 'token-not-provided']
    expect(await read(url, { method: 'PUT', body: 'x' })).toEqual(missing)
    expect(await read(url, { method: 'POST', body: 'x' })).toEqual(missing)
    expect(await read(url, { method: 'DELETE' })).toEqual(missing)
    expect(await read(`${url}&method=DELETE`)).toEqual(missing)
    const byName = await server.client().keyValueStore('owner/linked').getRecordPublicUrl('alpha')
    expect(await read(byName, { method: 'DELETE' })).toEqual(missing)
    expect((await store.getRecord('alpha'))?.value).toBe('linked: alpha')
  })

  it('do not change the rights of a token: invalid ones are refused, valid ones need no signature', async () => {
    const url = await store.getRecordPublicUrl('alpha')
    const withToken = (token: string): RequestInit => ({
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(await read(url, withToken('wrong'))).toEqual([401, 'user-or-token-not-found'])
    expect(await read(`${url}&token=wrong`)).toEqual([401, 'user-or-token-not-found'])
    const [path] = url.split('?')
    for (const query of ['', '?signature=', '?signature=wrong']) {
      expect(await read(`${path}${query}`, withToken(server.token()))).toEqual([
        200,
        'linked: alpha',
      ])
    }
  })

  it('stay valid when the store is opened and restricted again; unsigned links do not', async () => {
    const url = await store.getRecordPublicUrl('alpha')
    const [path = ''] = url.split('?')
    const all = async (): Promise<unknown> => [(await read(url))[0], (await read(path))[0]]
    expect(await all()).toEqual([200, 403])
    await store.update({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    expect(await all()).toEqual([200, 200])
    expect((await read(`${path}?signature=wrong`))[0]).toBe(200)
    await store.update({ generalAccess: 'FOLLOW_USER_SETTING' })
    expect(await all()).toEqual([200, 403])
  })

  it('end with the store', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate()
    const ended = server.client().keyValueStore(id)
    await ended.setRecord({ key: 'alpha', value: 'x' })
    const url = await ended.getRecordPublicUrl('alpha')
    expect((await read(url))[0]).toBe(200)
    await ended.delete()
    expect(await read(url)).toEqual([404, 'record-not-found'])
  })

  it('are in listings and store objects of restricted stores, for callers who may sign', async () => {
    const { items } = await store.listKeys()
    for (const { key, recordPublicUrl } of items) {
      expect(recordPublicUrl).toBe(await store.getRecordPublicUrl(key))
      expect(await read(recordPublicUrl)).toEqual([200, `linked: ${key}`])
    }
    expect(items).toHaveLength(storedKeys.length)
    const described = await store.get()
    const listed = (await server.client().keyValueStores().list()).items
    for (const one of [described, ...listed.filter(({ id }) => id === storeId)]) {
      expect(await keysAt(one?.keysPublicUrl ?? '')).toEqual(storedKeys)
      const [, query] = String(one?.keysPublicUrl).split('?')
      expect(one).toHaveProperty(
        'recordsPublicUrl',
        `${server.url()}/v2/key-value-stores/${storeId}/records?${query}`,
      )
    }
    expect(listed.map(({ id }) => id)).toContain(storeId)
  })

  it('that list keys give no right to read records', async () => {
    const url = new URL(await store.createKeysPublicUrl())
    const signature = url.searchParams.get('signature') ?? ''
    const { items } = await asAnyone().listKeys({ signature })
    expect(items.map(({ recordPublicUrl }) => recordPublicUrl)).toEqual(
      storedKeys.map((key) => `${server.url()}/v2/key-value-stores/${storeId}/records/${key}`),
    )
    expect(await read(items[0]?.recordPublicUrl ?? '')).toEqual(denied)
  })

  it('need no signature for an open store, which hides its secret', async () => {
    await store.update({ generalAccess: 'ANYONE_WITH_ID_CAN_READ' })
    const storeUrl = `${server.url()}/v2/key-value-stores/${storeId}`
    for (const reader of [store, asAnyone()]) {
      expect(await reader.get()).toMatchObject({
        keysPublicUrl: `${storeUrl}/keys`,
        recordsPublicUrl: `${storeUrl}/records`,
      })
      const { items } = await reader.listKeys()
      const urls = items.map(({ recordPublicUrl }) => recordPublicUrl)
      expect(urls).toEqual(storedKeys.map((key) => `${storeUrl}/records/${key}`))
      expect(await read(urls[0] ?? '')).toEqual([200, 'linked: alpha'])
    }
    expect(await store.get()).toHaveProperty('urlSigningSecretKey')
    expect(await asAnyone().get()).not.toHaveProperty('urlSigningSecretKey')
    const unsigned = await asAnyone().getRecordPublicUrl('alpha')
    expect(unsigned).not.toContain('signature')
    expect(await read(unsigned)).toEqual([200, 'linked: alpha'])
  })
})

describe.each(engines)('general access through apify-client, on %s', (engine) => {
  const server = useTestServer({ engine })
  let storeId = ''

  beforeAll(async () => {
    const client = server.client()
    storeId = (await client.keyValueStores().getOrCreate('shared')).id
    await client.keyValueStore(storeId).setRecord({ key: 'K', value: 'text' })
  })

  const denied = 'insufficient-permissions'
  it.each([
    ['FOLLOW_USER_SETTING', denied, undefined],
    ['RESTRICTED', denied, undefined],
    ['ANYONE_WITH_ID_CAN_READ', 'text', undefined],
    ['ANYONE_WITH_NAME_CAN_READ', 'text', 'text'],
  ] as const)('%s lets anyone read by id: %s, by name: %s', async (access, byId, byName) => {
    await server.client().keyValueStore(storeId).update({ generalAccess: access })
    const anyone = new ApifyClient({ baseUrl: server.url(), maxRetries: 0 })
    const valueAt = async (address: string): Promise<unknown> => {
      try {
        return (await anyone.keyValueStore(address).getRecord('K'))?.value
      } catch (error) {
        return error instanceof Error && 'type' in error ? error.type : error
      }
    }
    expect(await valueAt(storeId)).toBe(byId)
    expect(await valueAt('owner/shared')).toBe(byName)
    const { userId } = (await server.client().keyValueStore(storeId).get()) ?? {}
    expect(await valueAt(`${userId}/shared`)).toBe(byName)
  })

  it('does not show a writer without a token whether a store with a name exists', async () => {
    for (const name of ['shared', 'none']) {
      const url = `${server.url()}/v2/key-value-stores/owner~${name}`
      expect((await fetch(url, { method: 'DELETE' })).status, name).toBe(401)
      expect((await fetch(`${url}/records/K`, { method: 'PUT', body: 'x' })).status).toBe(401)
    }
  })
})
