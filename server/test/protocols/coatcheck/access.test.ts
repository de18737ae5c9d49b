import { beforeEach, describe, expect, it } from 'vitest'
import { type Answered, type Asked, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import type { Person } from '../../support/people/people.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

describe.each(engines)('the access to a store, on %s', (engine) => {
  const { server, people, jane, joe, jill } = useTestPeople({ engine }, 'jane', 'joe', 'jill')
  let path = ''
  let storeId = ''
  let count = 0
  beforeEach(async () => {
    count += 1
    storeId = (await server.client(jane).keyValueStores().getOrCreate(`store-${count}`)).id
    path = `/v2/key-value-stores/${storeId}`
  })

  const access = async (): Promise<Json> =>
    (await people.remote.do(`${path}/access`, { token: jane.token })).data
  const patch = (json: unknown): Promise<Answered> =>
    people.remote.send(`${path}/access`, { method: 'PATCH', token: jane.token, json })
  const ask = (part: string, asked: Asked = {}): Promise<Answered> =>
    people.remote.send(path + part, { token: jane.token, ...asked })

  it('is shown in full to those who manage the store, by id and by name', async () => {
    expect(await access()).toEqual({
      storeId,
      owner: { userId: jane.id, username: 'jane' },
      generalAccess: 'FOLLOW_USER_SETTING',
      effectiveAccess: 'RESTRICTED',
      shares: [],
    })
    const byName = `/v2/key-value-stores/~store-${count}/access`
    const { data } = await people.remote.do(byName, { token: jane.token })
    expect(data).toEqual(await access())
  })

  it('is given by username or id, changed, and taken back, for each user separately', async () => {
    const first = await patch({ shares: { joe: 'read', [jill.id]: 'write' } })
    const both = [
      { userId: joe.id, username: 'joe', action: 'read' },
      { userId: jill.id, username: 'jill', action: 'write' },
    ]
    expect(first.status).toBe(200)
    expect(JSON.parse(first.text).data.shares).toEqual(expect.arrayContaining(both))
    await patch({ shares: { [joe.id]: 'manage' } })
    const shares = (await access()).shares.map(({ username, action }: Json) => [username, action])
    expect(Object.fromEntries(shares)).toEqual({ joe: 'manage', jill: 'write' })
    await patch({ shares: { joe: null, jill: null } })
    expect((await access()).shares).toEqual([])
    expect((await patch({ shares: { joe: null } })).status).toBe(200)
  })

  it('is given to many at once, and to each of them', async () => {
    const guests = await Promise.all(
      Array.from({ length: 20 }, (_, n) => people.create(`many-${engine}-${n}`)),
    )
    const replies = await Promise.all(
      guests.map(({ username }) => patch({ shares: { [username]: 'write' } })),
    )
    expect(replies.map(({ status }) => status)).toEqual(guests.map(() => 200))
    const shared = (await access()).shares.map(({ username }: Json) => username)
    expect(shared.sort()).toEqual(guests.map(({ username }) => username).sort())
  })

  it("follows the general access, or the owner's setting", async () => {
    const changed = await patch({ generalAccess: 'ANYONE_WITH_NAME_CAN_READ' })
    expect(JSON.parse(changed.text).data).toMatchObject({
      generalAccess: 'ANYONE_WITH_NAME_CAN_READ',
      effectiveAccess: 'ANYONE_WITH_NAME_CAN_READ',
    })
    await patch({ generalAccess: 'FOLLOW_USER_SETTING' })
    await setAccess('ANYONE_WITH_ID_CAN_READ')
    expect(await access()).toMatchObject({
      generalAccess: 'FOLLOW_USER_SETTING',
      effectiveAccess: 'ANYONE_WITH_ID_CAN_READ',
    })
    await setAccess('RESTRICTED')
    expect((await access()).effectiveAccess).toBe('RESTRICTED')
  })

  async function setAccess(generalAccess: string): Promise<void> {
    const asked = { method: 'PATCH', token: jane.token, json: { generalAccess } }
    await people.remote.do('/coatcheck/v1/me', asked)
  }

  it('is not changed by an empty request', async () => {
    await patch({ shares: { joe: 'read' } })
    const before = await access()
    for (const nothing of [{}, { shares: {} }]) {
      const reply = await patch(nothing)
      expect([reply.status, JSON.parse(reply.text).data]).toEqual([200, before])
    }
  })

  const crowd = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`user-${n}`, 'read']))
  it.each([
    [400, 'invalid-value', 'an unknown right', { shares: { joe: 'own' } }],
    [400, 'invalid-value', 'a right in upper case', { shares: { joe: 'READ' } }],
    [400, 'invalid-value', 'a right that is a list', { shares: { joe: ['read'] } }],
    [400, 'invalid-value', 'a right that is a flag', { shares: { joe: true } }],
    [400, 'invalid-value', 'the owner', { shares: { jane: 'read' } }],
    [400, 'invalid-value', 'the owner, taken back', { shares: { jane: null } }],
    [400, 'invalid-value', 'a list of users', { shares: ['joe'] }],
    [400, 'invalid-value', 'shares that are a text', { shares: 'joe' }],
    [400, 'invalid-value', 'no shares', { shares: null }],
    [400, 'invalid-value', 'an unknown level', { generalAccess: 'OPEN' }],
    [400, 'invalid-value', 'a level that is a number', { generalAccess: 1 }],
    [400, 'invalid-value', 'an unknown field', { share: { joe: 'read' } }],
    [400, 'invalid-value', 'more users than fit', { shares: crowd }],
    [404, 'record-not-found', 'an unknown user', { shares: { nobody: 'read' } }],
    [404, 'record-not-found', 'a user without a name', { shares: { '': 'read' } }],
    [404, 'record-not-found', 'a prototype', JSON.parse('{"shares":{"__proto__":"read"}}')],
    [404, 'record-not-found', 'an endless name', { shares: { ['x'.repeat(100_000)]: 'read' } }],
    [404, 'record-not-found', 'half a character', { shares: { '\ud800': 'read' } }],
  ])('refuses with %i %s for %s, and changes nothing', async (status, type, _, wanted) => {
    await patch({ shares: { jill: 'read' } })
    const before = await access()
    const good = { shares: { joe: 'read' }, generalAccess: 'RESTRICTED' }
    const mixed =
      'shares' in wanted && typeof wanted.shares === 'object' && !Array.isArray(wanted.shares)
        ? {
            ...good,
            ...wanted,
            ...(wanted.shares && { shares: { joe: 'read', ...wanted.shares } }),
          }
        : { ...good, ...wanted }
    for (const json of [wanted, mixed]) {
      const reply = await patch(json)
      expect([reply.status, errorTypeOf(reply)], JSON.stringify(json).slice(0, 80)).toEqual([
        status,
        type,
      ])
      expect(await access()).toEqual(before)
    }
  })

  it('can be given to a limited number of users', async () => {
    const guests = await Promise.all(
      Array.from({ length: 101 }, (_, n) => people.create(`guest-${engine}-${n}`)),
    )
    const shares = (some: readonly Person[]): object =>
      Object.fromEntries(some.map(({ username }) => [username, 'read']))
    expect((await patch({ shares: shares(guests.slice(0, 100)) })).status).toBe(200)
    const more = await patch({ shares: shares(guests.slice(100)) })
    expect([more.status, errorTypeOf(more)]).toEqual([400, 'invalid-value'])
    expect((await access()).shares).toHaveLength(100)
    const [first, last] = [guests[0]?.username ?? '', guests[100]?.username ?? '']
    expect((await patch({ shares: { [first]: null, [last]: 'read' } })).status).toBe(200)
  })

  it('has links that become invalid when the secret that signs them is replaced', async () => {
    const store = server.client(jane).keyValueStore(storeId)
    await store.setRecord({ key: 'K', value: 'text' })
    const before = await store.get()
    const links = async (): Promise<string[]> => [
      await store.getRecordPublicUrl('K'),
      await store.createKeysPublicUrl(),
      (await store.get())?.keysPublicUrl ?? '',
      (await store.listKeys()).items[0]?.recordPublicUrl ?? '',
    ]
    const statuses = (urls: readonly string[]): Promise<number[]> =>
      Promise.all(urls.map(async (url) => (await fetch(url)).status))
    const old = await links()
    expect(await statuses(old)).toEqual([200, 200, 200, 200])
    const reply = await ask('/signing-secret', { method: 'POST' })
    const { data } = JSON.parse(reply.text)
    expect(reply.status).toBe(200)
    expect(data).toMatchObject({ id: storeId, name: `store-${count}` })
    expect(data.urlSigningSecretKey).toMatch(/^[a-zA-Z0-9]{32}$/)
    expect(data.urlSigningSecretKey).not.toBe(Object(before).urlSigningSecretKey)
    expect(await statuses(old)).toEqual([403, 403, 403, 403])
    expect(await statuses(await links())).toEqual([200, 200, 200, 200])
    expect((await store.getRecord('K'))?.value).toBe('text')
  })

  it('gets a new secret for each request, whatever its body is', async () => {
    const secrets = new Set<string>()
    for (const body of ['', '{}', 'nonsense']) {
      const { status, text } = await ask('/signing-secret', { method: 'POST', body })
      expect(status).toBe(200)
      secrets.add(JSON.parse(text).data.urlSigningSecretKey)
    }
    expect(secrets.size).toBe(3)
  })
})
