import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { errorTypeOf, type Json } from '../../support/network/remote.ts'
import { wireEngines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const atOnce = 50
const lookAgainMs = 50

describe.each(wireEngines)('searching for stores, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')
  const ids: Record<string, string> = {}

  beforeAll(async () => {
    const open = async (name?: string): Promise<string> =>
      (await server.client(jane).keyValueStores().getOrCreate(name)).id
    ids.coats = await open('Winter-coats')
    ids.hats = await open('hats')
    ids.unnamed = await open()
    await server.client(jane).keyValueStore(ids.hats).update({ title: 'For the WINTER, äöü 100%' })
    ids.joes = (await server.client(joe).keyValueStores().getOrCreate('joes-winter')).id
    ids.hidden = (await server.client(joe).keyValueStores().getOrCreate('hidden-winter')).id
    await people.share(joe, ids.joes, { jane: 'read' })
  })

  const find = async (query: string, token = jane.token): Promise<Json> =>
    (await people.remote.do(`/coatcheck/v1/search${query}`, { token })).data
  const namesOf = ({ items }: Json): unknown => {
    const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]))
    return items.map(({ id }: Json) => names.get(id))
  }
  const search = async (text: string, token?: string): Promise<unknown> =>
    namesOf(await find(`?q=${encodeURIComponent(text)}`, token))

  it('finds own and shared stores by a part of the name or title, in upper or lower case', async () => {
    expect(await search('winter')).toEqual(['coats', 'hats', 'joes'])
    expect(await search('WINTER')).toEqual(['coats', 'hats', 'joes'])
    expect(await search('ter-co')).toEqual(['coats'])
    expect(await search('ÄÖÜ 100%')).toEqual(['hats'])
    expect(await search('summer')).toEqual([])
    expect(await search('winter', joe.token)).toEqual(['joes', 'hidden'])
  })

  it('finds by the beginning of an id, in its exact spelling', async () => {
    const id = ids.unnamed ?? ''
    expect(await search(id)).toEqual(['unnamed'])
    expect(await search(id.slice(0, 9))).toEqual(['unnamed'])
    expect(await search(id.slice(1))).toEqual([])
    expect(await search(ids.hidden ?? '')).toEqual([])
  })

  it('finds all stores without a text, own ones first, and knows no patterns', async () => {
    const all = ['coats', 'hats', 'unnamed', 'joes']
    expect(namesOf(await find(''))).toEqual(all)
    expect(await search('')).toEqual(all)
    for (const text of ['.*', '*', '%', '_', '[', '\\', '\0', 'x'.repeat(5_000)]) {
      const found = text === '%' ? ['hats'] : []
      expect(await search(text), text).toEqual(found)
    }
  })

  it('shows the settings and the size of each store', async () => {
    const store = server.client(jane).keyValueStore(ids.coats ?? '')
    await store.setRecord({ key: 'A', value: 'four' })
    await store.setRecord({ key: 'B', value: 'seven!!' })
    const { items, count, isTruncated } = await find('?q=winter')
    expect([count, isTruncated]).toEqual([3, false])
    expect(items[0]).toEqual({
      id: ids.coats,
      name: 'Winter-coats',
      title: null,
      userId: jane.id,
      username: 'jane',
      createdAt: expect.stringMatching(/Z$/),
      modifiedAt: expect.stringMatching(/Z$/),
      expiresAt: null,
      recordCount: 2,
      storageBytes: 11,
    })
    expect(items[2]).toMatchObject({ username: 'joe', recordCount: 0, storageBytes: 0 })
    const [unnamed] = (await find(`?q=${ids.unnamed}`)).items
    expect(Date.parse(unnamed.expiresAt)).toBeGreaterThan(Date.now())
    expect(JSON.stringify(items)).not.toContain('secret')
  })

  it('finds only one store for a token of one store', async () => {
    const storeId = ids.joes ?? ''
    const one = await people.createToken(jane, { action: 'read', storeId })
    expect(await search('', one.token)).toEqual(['joes'])
    const part = await people.createToken(jane, { action: 'read', storeId, keyPrefix: 'a' })
    expect(await search('winter', part.token)).toEqual(['joes'])
    const hidden = await people.createToken(jane, { storeId: ids.hidden ?? '' })
    expect(await search('', hidden.token)).toEqual([])
  })

  it("does not list other users' stores over the network, not even for admins", async () => {
    for (const token of [jane.token, server.token()]) {
      for (const user of ['*', 'joe', 'owner', joe.id, 'none']) {
        const path = `/coatcheck/v1/search?user=${user}`
        const reply = await people.remote.send(path, { token })
        expect([reply.status, errorTypeOf(reply)]).toEqual([403, 'insufficient-permissions'])
      }
    }
    expect(await search('winter', server.token())).toEqual([])
  })

  it('no longer finds a store that is renamed, deleted, or not shared any more', async () => {
    await people.share(joe, ids.joes ?? '', { jane: null })
    expect(await search('winter')).toEqual(['coats', 'hats'])
    await server
      .client(jane)
      .keyValueStore(ids.coats ?? '')
      .update({ name: 'summer-coats' })
    expect(await search('winter')).toEqual(['hats'])
    expect(await search('summer')).toEqual(['coats'])
    await server
      .client(jane)
      .keyValueStore(ids.hats ?? '')
      .delete()
    expect(await search('winter')).toEqual([])
  })

  it('no longer finds an expired store', async () => {
    const { id } = await server.client(jane).keyValueStores().getOrCreate()
    const json = { retention: { days: 1 / 86_400 } }
    const asked = { method: 'PATCH', token: jane.token, json }
    await people.remote.do(`/v2/key-value-stores/${id}`, asked)
    expect((await find(`?q=${id}`)).count).toBe(1)
    while ((await find(`?q=${id}`)).count > 0) await sleep(lookAgainMs)
    expect((await find('')).items.map((item: Json) => item.id)).not.toContain(id)
  })

  it.each(['limit=x', 'limit=-1', 'limit=1.5'])('refuses %s', async (query) => {
    const reply = await people.remote.send(`/coatcheck/v1/search?${query}`, { token: jane.token })
    expect([reply.status, errorTypeOf(reply)]).toEqual([400, 'invalid-value'])
  })
})

describe.each(wireEngines)('searching among 2,000 stores, on %s', (engine) => {
  const { people, jane } = useTestPeople({ engine }, 'jane')

  beforeAll(async () => {
    const open = (n: number): Promise<Json> =>
      people.remote.do(`/v2/key-value-stores?name=store-${n}`, {
        method: 'POST',
        token: jane.token,
      })
    for (let start = 0; start < 2_000; start += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, n) => open(start + n)))
    }
  })

  const find = async (query: string): Promise<Json> =>
    (await people.remote.do(`/coatcheck/v1/search?${query}`, { token: jane.token })).data

  it('searches all of them', async () => {
    const { items, isTruncated } = await find('q=store-1999')
    expect(items.map(({ name }: Json) => name)).toEqual(['store-1999'])
    expect(isTruncated).toBe(false)
    expect(await find('q=none')).toEqual({ items: [], count: 0, isTruncated: false })
  })

  it('says if there are more results than it returns', async () => {
    const all = await find('q=store')
    expect([all.count, all.items.length, all.isTruncated]).toEqual([1_000, 1_000, true])
    expect(new Set(all.items.map(({ id }: Json) => id)).size).toBe(1_000)
    expect(await find('q=store&limit=5000')).toEqual(all)
    const some = await find('q=store-77&limit=3')
    expect([some.count, some.isTruncated]).toEqual([3, true])
    const exact = await find('q=store-77&limit=11')
    expect([exact.count, exact.isTruncated]).toEqual([11, false])
  })
})
