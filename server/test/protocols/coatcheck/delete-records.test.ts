import { beforeEach, describe, expect, it } from 'vitest'
import { type Answered, errorTypeOf } from '../../support/network/remote.ts'
import { wireEngines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const atOnce = 50

describe.each(wireEngines)('deleting many records, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  let path = ''
  let storeId = ''
  beforeEach(async () => {
    storeId = (await server.client(jane).keyValueStores().getOrCreate()).id
    path = `/v2/key-value-stores/${storeId}`
  })

  const put = async (key: string): Promise<void> => {
    const url = `${path}/record?key=${encodeURIComponent(key)}`
    await people.remote.do(url, { method: 'PUT', token: jane.token, body: key })
  }
  const remove = (json: unknown, token = jane.token): Promise<Answered> =>
    people.remote.send(`${path}/delete-records`, { method: 'POST', token, json })
  const removed = async (json: unknown, token = jane.token): Promise<unknown> => {
    const { status, text } = await remove(json, token)
    expect([status, text]).toEqual([200, expect.stringContaining('deletedCount')])
    return JSON.parse(text).data.deletedCount
  }
  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    const store = server.client(jane).keyValueStore(storeId)
    for await (const { key } of store.listKeys()) found.push(key)
    return found
  }

  it('deletes the records of the given keys only, and returns their number', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await put(key)
    expect(await removed({ keys: ['a', 'c', 'none', 'a'] })).toBe(2)
    expect(await keys()).toEqual(['b', 'd'])
    expect(await removed({ keys: ['a', 'c'] })).toBe(0)
    expect(await removed({ keys: [] })).toBe(0)
    expect(await keys()).toEqual(['b', 'd'])
  })

  it('deletes the records with a key prefix only', async () => {
    for (const key of ['a', 'in', 'in-', 'in-1', 'in-2', 'in.', 'z']) await put(key)
    expect(await removed({ prefix: 'in-' })).toBe(3)
    expect(await keys()).toEqual(['a', 'in', 'in.', 'z'])
    expect(await removed({ prefix: 'none' })).toBe(0)
    expect(await removed({ prefix: '' })).toBe(4)
    expect(await keys()).toEqual([])
  })

  it('deletes in steps with a limit, and says whether there may be more', async () => {
    for (const key of ['in-1', 'in-2', 'in-3', 'in-4', 'out']) await put(key)
    const step = async (limit: number): Promise<unknown> =>
      JSON.parse((await remove({ prefix: 'in-', limit })).text).data
    expect(await step(2)).toEqual({ deletedCount: 2, isTruncated: true })
    expect(await keys()).toEqual(['in-3', 'in-4', 'out'])
    expect(await step(2)).toEqual({ deletedCount: 2, isTruncated: false })
    expect(await step(1_000)).toEqual({ deletedCount: 0, isTruncated: false })
    expect(await keys()).toEqual(['out'])
    const scope = { action: 'write', storeId, keyPrefix: 'in-' } as const
    const { token } = await people.createToken(jane, scope)
    const all = await remove({ prefix: '', limit: 10 }, token)
    expect(JSON.parse(all.text).data).toEqual({ deletedCount: 0, isTruncated: false })
    expect(await keys()).toEqual(['out'])
  })

  it('answers as before without a limit', async () => {
    await put('a')
    expect((await remove({ prefix: 'a' })).text).toBe('{"data":{"deletedCount":1}}')
  })

  it('deletes 3,000 records by their keys, and as many by their prefix', async () => {
    const names = Array.from({ length: 3_000 }, (_, n) => `key-${n}`)
    for (const prefix of ['a', 'b']) await fill(names.map((name) => `${prefix}/${name}`))
    await put('c')
    expect(await removed({ keys: names.map((name) => `a%2F${name}`) })).toBe(3_000)
    expect(await removed({ prefix: 'b%2F' })).toBe(3_000)
    expect(await keys()).toEqual(['c'])
    expect((await server.client(jane).keyValueStore(storeId).get())?.stats?.storageBytes).toBe(1)
  })

  async function fill(names: readonly string[]): Promise<void> {
    for (let start = 0; start < names.length; start += atOnce) {
      await Promise.all(names.slice(start, start + atOnce).map(put))
    }
  }

  it('accepts keys as listings spell them', async () => {
    const foreign = ['', '.', '..', 'a/b', 'a b', '100%', 'a%20b', 'ключ', '😀']
    for (const key of foreign) await put(key)
    const spelled = await keys()
    expect(spelled).toContain('a%2Fb')
    expect(await removed({ keys: spelled.slice(0, 4) })).toBe(4)
    expect(await keys()).toEqual(spelled.slice(4))
    expect(await removed({ prefix: '%D0%BA' })).toBe(1)
    expect(await removed({ keys: spelled })).toBe(foreign.length - 5)
    expect(await keys()).toEqual([])
  })

  it('deletes with a token for a prefix only records inside of it', async () => {
    for (const key of ['a', 'in-1', 'in-2', 'in-3', 'z']) await put(key)
    const scope = { action: 'write', storeId, keyPrefix: 'in-' } as const
    const { token } = await people.createToken(jane, scope)
    const refused = await remove({ keys: ['in-1', 'z'] }, token)
    expect([refused.status, errorTypeOf(refused)]).toEqual([403, 'insufficient-permissions'])
    expect(await keys()).toHaveLength(5)
    expect(await removed({ keys: ['in-1'] }, token)).toBe(1)
    expect(await removed({ prefix: 'a' }, token)).toBe(0)
    expect(await removed({ prefix: 'in-2' }, token)).toBe(1)
    expect(await removed({ prefix: '' }, token)).toBe(1)
    expect(await keys()).toEqual(['a', 'z'])
  })

  it('accepts impossible keys, and deletes nothing', async () => {
    await put('a')
    const impossible = ['x'.repeat(3_000), '\ud800', '%ff', '%', 'a\0']
    expect(await removed({ keys: impossible })).toBe(0)
    for (const prefix of impossible) expect(await removed({ prefix }), prefix).toBe(0)
    expect(await keys()).toEqual(['a'])
  })

  it.each([
    ['nothing', {}],
    ['both keys and prefix', { keys: ['a'], prefix: 'a' }],
    ['keys that are a text', { keys: 'a' }],
    ['keys that are an object', { keys: { a: 1 } }],
    ['keys that are null', { keys: null }],
    ['a key that is a number', { keys: ['a', 1] }],
    ['a key that is null', { keys: ['a', null] }],
    ['a prefix that is a number', { prefix: 1 }],
    ['a prefix that is null', { prefix: null }],
    ['a prefix that is a list', { prefix: ['a'] }],
    ['an unknown field', { prefix: 'a', most: 1 }],
    ['a limit for keys', { keys: ['a'], limit: 1 }],
    ['a limit of 0', { prefix: 'a', limit: 0 }],
    ['a limit over 1,000', { prefix: 'a', limit: 1_001 }],
    ['a limit that is no whole number', { prefix: 'a', limit: 1.5 }],
    ['a limit that is a text', { prefix: 'a', limit: '1' }],
    ['a limit that is null', { prefix: 'a', limit: null }],
    ['more keys than it takes', { keys: Array.from({ length: 10_001 }, (_, n) => `a${n}`) }],
  ])('refuses %s, and deletes nothing', async (_, json) => {
    await put('a')
    const reply = await remove(json)
    expect([reply.status, errorTypeOf(reply)]).toEqual([400, 'invalid-value'])
    expect(await keys()).toEqual(['a'])
  })

  it('accepts 10,000 keys', async () => {
    await put('a9999')
    const many = Array.from({ length: 10_000 }, (_, n) => `a${n}`)
    expect(await removed({ keys: many })).toBe(1)
  })

  it('is 404 for a missing store', async () => {
    const asked = { method: 'POST', token: jane.token, json: { prefix: '' } }
    const none = '/v2/key-value-stores/AAAAAAAAAAAAAAAAA/delete-records'
    const reply = await people.remote.send(none, asked)
    expect([reply.status, errorTypeOf(reply)]).toEqual([404, 'record-not-found'])
  })
})
