import { describe, expect, it } from 'vitest'
import { CoatcheckClient } from '../src/index.ts'
import { useCoatcheck } from './http-support.ts'

describe('the stores of CoatcheckClient', () => {
  const { client, server } = useCoatcheck()

  it('are made, found by every address, and deleted', async () => {
    const { stores, store } = client()
    const made = await stores.create({ name: 'made' })
    const { id, username, name } = await made.info()
    expect(name).toBe('made')
    await made.put('k', 1)
    for (const address of [id, 'made', '~made', `${username}~made`]) {
      expect(await client().store(address).getJson('k'), address).toBe(1)
      expect(await stores.get(address), address).toMatchObject({ id, name: 'made' })
    }
    expect(store).toBeTypeOf('function')
    await stores.delete('made')
    expect(await stores.get('made')).toBeUndefined()
    await expect(stores.delete('made')).rejects.toMatchObject({ type: 'store-not-found' })
  })

  it('are made once for a name', async () => {
    const { stores } = client()
    const first = await stores.getOrCreate('once')
    const second = await stores.getOrCreate('once')
    expect((await second.info()).id).toBe((await first.info()).id)
    await expect(stores.create({ name: 'once' })).rejects.toMatchObject({ type: 'name-not-unique' })
    await expect(stores.create({ name: 'a b' })).rejects.toMatchObject({ type: 'invalid-value' })
  })

  it('may have a schema', async () => {
    const collections = {
      c: { key: 'K', contentTypes: ['application/json'], jsonSchema: { type: 'number' } },
    }
    const schema = { actorKeyValueStoreSchemaVersion: 1, title: 'T', collections }
    const store = await client().stores.create({ schema })
    await store.put('K', 1)
    const wrong = store.put('K', { a: 1 })
    await expect(wrong).rejects.toMatchObject({ type: 'schema-validation-error', status: 400 })
  })

  it('are listed page by page', async () => {
    const { stores } = client()
    for (const name of ['list-a', 'list-b', 'list-c']) await stores.create({ name })
    const unnamed = (await (await stores.create()).info()).id
    const named = await Array.fromAsync(stores.list({ pageSize: 2 }))
    expect(named.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['list-a', 'list-b', 'list-c']),
    )
    expect(named.map(({ id }) => id)).not.toContain(unnamed)
    const all = await Array.fromAsync(
      stores.list({ unnamed: true, newestFirst: true, pageSize: 1 }),
    )
    expect(all[0]?.id).toBe(unnamed)
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    expect(await Array.fromAsync(stores.list({ ownership: 'sharedWithMe' }))).toEqual([])
  })

  it('are refused to a wrong token, which no error shows', async () => {
    const { stores } = client({ token: 'coatcheck_secret', retries: 0 })
    const refused = stores.create()
    await expect(refused).rejects.toMatchObject({
      name: 'CoatcheckError',
      status: 401,
      type: 'user-or-token-not-found',
      isRetryable: false,
      outcome: 'not-done',
    })
    await expect(refused).rejects.not.toThrow('secret')
  })

  it('are beside the rest of the API', async () => {
    expect(await client().api('GET', '/coatcheck/v1/me')).toHaveProperty('username')
    const token = await client().api('POST', '/coatcheck/v1/tokens', {
      body: { name: 'n', action: 'read' },
    })
    expect(token).toMatchObject({ name: 'n', token: expect.stringMatching(/^coatcheck_/) })
    const wrong = client().api('GET', '/coatcheck/v1/nothing')
    await expect(wrong).rejects.toMatchObject({ status: 404, type: 'page-not-found' })
  })

  it('need an address of a server', () => {
    for (const url of ['no address', 'ftp://a', 'http://a/?token=5', 'http://user:password@a']) {
      expect(() => new CoatcheckClient({ url }), url).toThrow(TypeError)
    }
    expect(() => client().store('')).toThrow(TypeError)
    expect(() => new CoatcheckClient({ url: new URL(`${server().url}/`) })).not.toThrow()
  })
})
