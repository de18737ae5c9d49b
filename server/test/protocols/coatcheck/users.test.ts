import { describe, expect, it } from 'vitest'
import { type Answered, type Asked, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

describe.each(engines)('users, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')

  const send = (path: string, asked: Asked = {}): Promise<Answered> =>
    people.remote.send(`/coatcheck/v1${path}`, { token: server.token(), ...asked })
  const patch = (user: string, json: unknown, asked: Asked = {}): Promise<Answered> =>
    send(`/users/${user}`, { method: 'PATCH', json, ...asked })
  const answerOf = (reply: Answered): unknown => [reply.status, errorTypeOf(reply)]
  const usernames = async (): Promise<string[]> =>
    JSON.parse((await send('/users')).text).data.items.map(({ username }: Json) => username)

  it('are made with a first token, which is shown once', async () => {
    const reply = await send('/users', { method: 'POST', json: { username: 'Joe.of_the-house' } })
    const { data } = JSON.parse(reply.text)
    expect(reply.status).toBe(201)
    expect(data).toEqual({
      id: expect.stringMatching(/^[a-zA-Z0-9]{17}$/),
      username: 'Joe.of_the-house',
      isAdmin: false,
      isDisabled: false,
      generalAccess: 'RESTRICTED',
      createdAt: expect.stringMatching(/Z$/),
      token: {
        id: expect.stringMatching(/^[0-9a-f]{16}$/),
        userId: data.id,
        name: 'first token',
        createdAt: expect.stringMatching(/Z$/),
        expiresAt: null,
        scope: { action: 'manage', storeId: null, keyPrefix: null },
        token: expect.stringMatching(/^coatcheck_[a-zA-Z0-9]{51}$/),
      },
    })
    const { token, ...user } = data
    for (const address of [data.id, 'Joe.of_the-house']) {
      expect(JSON.parse((await send(`/users/${address}`)).text)).toEqual({ data: user })
    }
    const listed = await send('/users')
    expect(JSON.parse(listed.text).data.items).toContainEqual(user)
    const tokens = await send('/tokens?user=Joe.of_the-house')
    for (const { text } of [listed, tokens]) expect(text).not.toContain(token.token)
    expect((await server.client(token).user().get()).username).toBe('Joe.of_the-house')
  })

  it('are listed the oldest first', async () => {
    await people.create('zoe')
    await people.create('ann')
    const names = await usernames()
    expect(names.slice(0, 2)).toEqual(['owner', 'jane'])
    expect(names.slice(-2)).toEqual(['zoe', 'ann'])
  })

  it.each([
    [400, 'no name', {}],
    [400, 'a name that is null', { username: null }],
    [400, 'a name that is a number', { username: 7 }],
    [400, 'an empty name', { username: '' }],
    [400, 'a long name', { username: 'x'.repeat(64) }],
    [400, 'a name with a space', { username: 'a b' }],
    [400, 'a name with a slash', { username: 'a/b' }],
    [400, 'a name with a tilde', { username: 'a~b' }],
    [400, 'a name that begins with a dot', { username: '.a' }],
    [400, 'a name that ends with a hyphen', { username: 'a-' }],
    [400, 'a name that looks like an id', { username: 'AAAAAAAAAAAAAAAAA' }],
    [400, 'a name in Cyrillic', { username: 'маша' }],
    [400, 'a name with a line break', { username: 'a\nb' }],
    [400, 'isAdmin that is a text', { username: 'good', isAdmin: 'true' }],
    [400, 'isAdmin that is null', { username: 'good', isAdmin: null }],
    [400, 'an unknown field', { username: 'good', password: 'x' }],
    [409, 'a name that is taken', { username: 'jane' }],
    [409, 'the name of the first user', { username: 'owner' }],
  ])('are not made, %i, with %s', async (status, _, json) => {
    const before = await usernames()
    const type = status === 409 ? 'name-not-unique' : 'invalid-value'
    expect(answerOf(await send('/users', { method: 'POST', json }))).toEqual([status, type])
    expect(await usernames()).toEqual(before)
  })

  it('are 404 if they do not exist', async () => {
    for (const user of ['none', 'AAAAAAAAAAAAAAAAA', '%ff', '%00', 'x'.repeat(5_000), '~', '*']) {
      expect(answerOf(await send(`/users/${user}`)), user).toEqual([404, 'record-not-found'])
      const patched = await patch(user, { isDisabled: true })
      expect(answerOf(patched), user).toEqual([404, 'record-not-found'])
    }
  })

  it('can be changed in each field separately', async () => {
    const changed = await patch('jane', { isAdmin: true })
    const { data } = JSON.parse(changed.text)
    expect(data).toMatchObject({ id: jane.id, isAdmin: true, isDisabled: false })
    expect((await send('/users', { token: jane.token })).status).toBe(200)
    expect(JSON.parse((await patch(jane.id, {})).text).data).toEqual(data)
    await patch(jane.id, { isAdmin: false })
    expect(answerOf(await send('/users', { token: jane.token }))).toEqual([
      403,
      'insufficient-permissions',
    ])
  })

  it.each([
    ['isAdmin that is null', { isAdmin: null }],
    ['isAdmin that is a number', { isAdmin: 1 }],
    ['isDisabled that is a text', { isDisabled: 'false' }],
    ['a new name', { username: 'june' }],
    ['general access, which only the user may set', { generalAccess: 'RESTRICTED' }],
    ['an unknown field', { isAdmin: true, isRoot: true }],
  ])('are not changed by %s', async (_, json) => {
    const before = (await send('/users/jane')).text
    expect(answerOf(await patch('jane', json))).toEqual([400, 'invalid-value'])
    expect((await send('/users/jane')).text).toBe(before)
  })

  it('have no valid tokens while they are disabled, and keep their stores', async () => {
    const joe = await people.create('joe')
    const tool = await people.createToken(joe, { action: 'read' })
    const { id } = await server.client(joe).keyValueStores().getOrCreate('kept')
    await server.client(joe).keyValueStore(id).setRecord({ key: 'K', value: 'text' })
    await people.share(joe, id, { jane: 'read' })
    await patch('joe', { isDisabled: true })
    for (const { token } of [joe, tool]) {
      const record = await people.remote.send(`/v2/key-value-stores/${id}/records/K`, { token })
      expect(answerOf(record)).toEqual([401, 'user-or-token-not-found'])
      expect(answerOf(await send('/me', { token }))).toEqual([401, 'user-or-token-not-found'])
    }
    expect((await server.client(jane).keyValueStore(id).getRecord('K'))?.value).toBe('text')
    await patch('joe', { isDisabled: false })
    for (const { token } of [joe, tool]) {
      expect((await server.client({ token }).keyValueStore(id).getRecord('K'))?.value).toBe('text')
    }
  })

  it('always include an admin who is not disabled', async () => {
    const last = { status: 409, type: 'last-admin' }
    for (const json of [{ isAdmin: false }, { isDisabled: true }]) {
      expect(answerOf(await patch('owner', json))).toEqual([last.status, last.type])
    }
    await patch('jane', { isAdmin: true })
    const asJane = { token: jane.token }
    expect((await patch('owner', { isDisabled: true }, asJane)).status).toBe(200)
    expect(answerOf(await patch('jane', { isAdmin: false }, asJane))).toEqual([409, 'last-admin'])
    expect((await patch('owner', { isDisabled: false }, asJane)).status).toBe(200)
    expect((await patch('jane', { isAdmin: false }, asJane)).status).toBe(200)
    expect((await send('/users')).status).toBe(200)
  })

  it('keep one admin if the last two give up the role at once', async () => {
    await patch('jane', { isAdmin: true })
    const both = [
      patch('jane', { isAdmin: false }, { token: jane.token }),
      patch('owner', { isAdmin: false }),
    ]
    const statuses = (await Promise.all(both)).map(({ status }) => status).sort()
    expect(statuses).toEqual([200, 409])
    const isOwner = (await send('/users')).status === 200
    if (!isOwner) await patch('owner', { isAdmin: true }, { token: jane.token })
    if (isOwner) await patch('jane', { isAdmin: false })
  })
})
