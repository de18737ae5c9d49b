import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { errorTypeOf, type Json } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import type { OwnToken, Person } from '../../support/people/people.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

describe.each(engines)('the audit trail of a store, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')
  let joesTool: OwnToken
  let storeId = ''
  let count = 0

  beforeAll(async () => {
    joesTool = await people.createToken(joe, { name: 'tool', action: 'write' })
  })
  beforeEach(async () => {
    count += 1
    storeId = (await server.client(jane).keyValueStores().getOrCreate(`store-${count}`)).id
    await people.share(jane, storeId, { joe: 'write' })
  })

  const page = async (query = ''): Promise<Json> => {
    const path = `/v2/key-value-stores/${storeId}/audit${query}`
    return (await people.remote.do(path, { token: jane.token })).data
  }
  const revisionOf = async (person: { token: string }, key: string): Promise<number> => {
    const path = `/v2/key-value-stores/${storeId}/records/${key}`
    const { headers } = await people.remote.send(path, { method: 'HEAD', token: person.token })
    return Number(/^"(\d+)"$/.exec(headers.get('etag') ?? '')?.[1])
  }

  it('shows who did what to a record, with which token, and the revision before', async () => {
    const stores = { jane: server.client(jane), joe: server.client(joesTool) }
    const begun = Date.now()
    await stores.jane.keyValueStore(storeId).setRecord({ key: 'K', value: 'first' })
    const first = await revisionOf(jane, 'K')
    await stores.joe.keyValueStore(storeId).setRecord({ key: 'K', value: 'second one' })
    const second = await revisionOf(jane, 'K')
    await stores.joe.keyValueStore(storeId).deleteRecord('K')
    const { items, count: length, nextBefore } = await page('?limit=3')
    expect([length, items.length]).toEqual([3, 3])
    const byJoe = { userId: joe.id, username: 'joe', tokenId: joesTool.id, door: 'apify' }
    const { tokenId } = items[2]
    const byJane = { userId: jane.id, username: 'jane', tokenId, door: 'apify' }
    expect(items).toEqual([
      {
        action: 'record-deleted',
        subject: 'K',
        at: expect.any(String),
        revision: expect.any(Number),
        revisionBefore: second,
        ...byJoe,
      },
      {
        action: 'record-put',
        subject: 'K',
        size: 10,
        at: expect.any(String),
        revision: second,
        revisionBefore: first,
        ...byJoe,
      },
      {
        action: 'record-put',
        subject: 'K',
        size: 5,
        at: expect.any(String),
        revision: first,
        revisionBefore: null,
        ...byJane,
      },
    ])
    expect(await ownTokenIds(jane)).toContain(tokenId)
    expect(items[0].revision).toBeGreaterThan(second)
    for (const { at } of items) {
      expect(Date.parse(at)).toBeGreaterThanOrEqual(begun)
      expect(Date.parse(at)).toBeLessThanOrEqual(Date.now())
    }
    expect(nextBefore).toBe(first)
  })

  async function ownTokenIds({ token }: Person): Promise<string[]> {
    const { data } = await people.remote.do('/coatcheck/v1/tokens', { token })
    return data.items.map(({ id }: Json) => id)
  }

  it('contains long values and deletions of many records too', async () => {
    const store = server.client(joesTool).keyValueStore(storeId)
    await store.setRecord({ key: 'LONG', value: 'x'.repeat(3_000_000) })
    await people.remote.do(`/v2/key-value-stores/${storeId}/delete-records`, {
      method: 'POST',
      token: joesTool.token,
      json: { prefix: 'LONG' },
    })
    const told = (await page('?limit=2')).items.map((event: Json) => [
      event.action,
      event.subject,
      event.username,
      event.tokenId,
    ])
    expect(told).toEqual([
      ['record-deleted', 'LONG', 'joe', joesTool.id],
      ['record-put', 'LONG', 'joe', joesTool.id],
    ])
  })

  it('contains settings, sharing, secrets and clearing, once each, the newest first', async () => {
    const remote = people.remote
    const path = `/v2/key-value-stores/${storeId}`
    const asJane = { method: 'PATCH', token: jane.token }
    await remote.do(path, { ...asJane, json: { title: 'A title' } })
    await remote.do(`${path}/access`, { ...asJane, json: { generalAccess: 'RESTRICTED' } })
    await remote.do(`${path}/signing-secret`, { method: 'POST', token: jane.token })
    await remote.do(`${path}/clear`, { method: 'POST', token: joe.token })
    await remote.do(path, { ...asJane, json: { name: `renamed-${count}` } })
    const { items } = await page()
    const name = `store-${count}`
    expect(items.map((event: Json) => [event.action, event.username])).toEqual([
      ['store-changed', 'jane'],
      ['store-cleared', 'joe'],
      ['store-signing-secret-reset', 'jane'],
      ['store-access-changed', 'jane'],
      ['store-changed', 'jane'],
      ['store-access-changed', 'jane'],
      ['store-created', 'jane'],
    ])
    expect(items[0]).toMatchObject({ subject: name, details: { name: `renamed-${count}` } })
    expect(items[3]).toMatchObject({ details: { generalAccess: 'RESTRICTED' } })
    expect(items[5]).toMatchObject({ details: { shares: { [joe.id]: 'write' } } })
    const revisions = items.map(({ revision }: Json) => revision)
    expect(revisions).toEqual([...revisions].sort((a, b) => b - a))
    expect(new Set(revisions).size).toBe(7)
    const secret = Object(await server.client(jane).keyValueStore(storeId).get())
    expect(JSON.stringify(items)).not.toContain(secret.urlSigningSecretKey)
  })

  it('comes page by page, each event once', async () => {
    const store = server.client(jane).keyValueStore(storeId)
    for (let n = 0; n < 5; n += 1) {
      await store.setRecord({ key: `K-${n}`, value: n })
      await store.update({ title: `title ${n}` })
    }
    const all = (await page()).items
    expect(all).toHaveLength(12)
    for (const limit of [1, 5, 11, 12]) {
      const pages: Json[] = []
      let before = ''
      for (;;) {
        const { items, nextBefore } = await page(`?limit=${limit}${before}`)
        pages.push(...items)
        expect(items.length).toBeLessThanOrEqual(limit)
        if (nextBefore === null) break
        before = `&before=${nextBefore}`
      }
      expect(pages, `${limit} at a time`).toEqual(all)
    }
  })

  it('accepts a limit or position out of range', async () => {
    expect((await page('?limit=5000')).items.length).toBe(2)
    expect(await page('?before=0')).toEqual({ items: [], count: 0, nextBefore: null })
    expect((await page(`?before=${Number.MAX_SAFE_INTEGER}`)).items.length).toBe(2)
    expect((await page('?limit=0')).items.length).toBe(2)
  })

  it('returns at most 1,000 events', async () => {
    const store = server.client(jane).keyValueStore(storeId)
    const puts = (n: number): Promise<void> => store.setRecord({ key: `K-${n}`, value: n })
    for (let start = 0; start < 1_100; start += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => puts(start + n)))
    }
    const first = await page('?limit=2000')
    expect(first.items).toHaveLength(1_000)
    const second = await page(`?before=${first.nextBefore}`)
    expect(second.items).toHaveLength(102)
    expect(second.nextBefore).toBeNull()
    const subjects = [...first.items, ...second.items].map(({ subject }: Json) => subject)
    expect(new Set(subjects).size).toBe(1_101)
  })

  it.each(['limit=x', 'limit=-1', 'limit=1.5', 'before=x', 'before=-1', 'before=1e99'])(
    'refuses %s',
    async (query) => {
      for (const path of [`/v2/key-value-stores/${storeId}/audit`, '/coatcheck/v1/audit']) {
        const reply = await people.remote.send(`${path}?${query}`, { token: jane.token })
        expect([reply.status, errorTypeOf(reply)], path).toEqual([400, 'invalid-value'])
      }
    },
  )
})

describe.each(engines)('the audit trail of a user, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')

  const trail = async (token: string, query = ''): Promise<Json> =>
    (await people.remote.do(`/coatcheck/v1/audit${query}`, { token })).data
  const told = ({ items }: Json): unknown =>
    items.map(({ action, subject, username, door }: Json) => [action, subject, username, door])

  it("contains the user's stores and tokens, the newest first", async () => {
    const { id } = await server.client(jane).keyValueStores().getOrCreate('kept')
    const tool = await people.createToken(jane, { name: 'tool', action: 'read', storeId: id })
    await people.revoke(jane, tool)
    await server.client(jane).keyValueStore(id).delete()
    const asked = { method: 'PATCH', token: jane.token, json: { generalAccess: 'RESTRICTED' } }
    await people.remote.do('/coatcheck/v1/me', asked)
    const found = await trail(jane.token)
    expect(told(found)).toEqual([
      ['user-changed', 'jane', 'jane', 'coatcheck'],
      ['store-dropped', 'kept', 'jane', 'apify'],
      ['token-revoked', 'tool', 'jane', 'coatcheck'],
      ['token-created', 'tool', 'jane', 'coatcheck'],
      ['store-created', 'kept', 'jane', 'apify'],
      ['token-created', 'first token', 'owner', 'coatcheck'],
      ['user-created', 'jane', 'owner', 'coatcheck'],
    ])
    expect(found.items[1]).toMatchObject({ storeId: id })
    expect(found.items[3].details).toMatchObject({
      tokenId: tool.id,
      scope: { action: 'read', storeId: id },
    })
    for (const secret of [tool.token, jane.token]) {
      expect(JSON.stringify(found)).not.toContain(secret)
    }
  })

  it('shows admins their own actions, and those of another user on request', async () => {
    const joe = await people.create('joe')
    await people.disable(joe)
    const own = told(await trail(server.token()))
    expect(own).toEqual(
      expect.arrayContaining([
        ['user-changed', 'joe', 'owner', 'coatcheck'],
        ['user-created', 'joe', 'owner', 'coatcheck'],
      ]),
    )
    expect(await trail(server.token(), '?user=jane')).toEqual(await trail(jane.token))
    expect(await trail(server.token(), `?user=${jane.id}`)).toEqual(await trail(jane.token))
    const none = await people.remote.send('/coatcheck/v1/audit?user=none', {
      token: server.token(),
    })
    expect([none.status, errorTypeOf(none)]).toEqual([404, 'record-not-found'])
  })

  it('is visible to the user only, also by the own name', async () => {
    expect(await trail(jane.token, '?user=jane')).toEqual(await trail(jane.token))
    expect(await trail(jane.token, `?user=${jane.id}`)).toEqual(await trail(jane.token))
    for (const user of ['owner', 'joe', 'none']) {
      const reply = await people.remote.send(`/coatcheck/v1/audit?user=${user}`, {
        token: jane.token,
      })
      expect([reply.status, errorTypeOf(reply)], user).toEqual([403, 'insufficient-permissions'])
    }
  })

  it('comes page by page, each event once', async () => {
    for (let n = 0; n < 7; n += 1) await people.createToken(jane, { name: `tool ${n}` })
    const all = (await trail(jane.token)).items
    const pages: Json[] = []
    let before = ''
    for (;;) {
      const { items, nextBefore } = await trail(jane.token, `?limit=3${before}`)
      pages.push(...items)
      if (nextBefore === null) break
      before = `&before=${nextBefore}`
    }
    expect(pages).toEqual(all)
  })
})
