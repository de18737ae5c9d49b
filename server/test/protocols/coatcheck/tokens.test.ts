import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type Answered, type Asked, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const lookAgainMs = 20
const dayMs = 86_400_000
const storeId = 'AAAAAAAAAAAAAAAAA'

describe.each(engines)('tokens, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')

  const send = (path: string, asked: Asked = {}): Promise<Answered> =>
    people.remote.send(`/coatcheck/v1${path}`, { token: jane.token, ...asked })
  const make = (json?: unknown, asked: Asked = {}): Promise<Answered> =>
    send('/tokens', { method: 'POST', json, ...asked })
  const made = async (json?: unknown, asked?: Asked): Promise<Json> => {
    const reply = await make(json, asked)
    expect(reply.status, reply.text).toBe(201)
    return JSON.parse(reply.text).data
  }
  const answerOf = (reply: Answered): unknown => [reply.status, errorTypeOf(reply)]
  const dataOf = async (path: string, asked?: Asked): Promise<Json> =>
    JSON.parse((await send(path, asked)).text).data

  it('have all rights and never expire by default, and are shown once', async () => {
    const { token, ...rest } = await made()
    expect(token).toMatch(/^coatcheck_[a-zA-Z0-9]{51}$/)
    expect(rest).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      userId: jane.id,
      name: '',
      createdAt: expect.stringMatching(/Z$/),
      expiresAt: null,
      scope: { action: 'manage', storeId: null, keyPrefix: null },
    })
    const known = { ...rest, lastUsedAt: null }
    expect(await dataOf(`/tokens/${rest.id}`)).toEqual(known)
    const { items, count } = await dataOf('/tokens')
    expect(items).toContainEqual(known)
    expect(count).toBe(items.length)
    expect(JSON.stringify(items)).not.toContain(token)
    expect((await send('/me', { token })).status).toBe(200)
  })

  it.each([
    { action: 'read' },
    { action: 'write' },
    { action: 'manage', storeId },
    { action: 'read', storeId, keyPrefix: 'a/ключ' },
    { action: 'write', storeId, keyPrefix: 'x'.repeat(2_400) },
  ])('have the requested scope: %j', async (wish) => {
    const { token, id, scope } = await made({ name: 'tool', ...wish })
    expect(scope).toEqual({ storeId: null, keyPrefix: null, ...wish })
    expect((await dataOf('/me', { token })).token).toEqual({ id, scope })
    expect((await dataOf(`/tokens/${id}`)).scope).toEqual(scope)
  })

  it('accept null for fields that are not set', async () => {
    const nothing = { name: null, action: null, storeId: null, keyPrefix: null, expiresAt: null }
    const { name, scope, expiresAt } = await made({ ...nothing, expiresInDays: null, user: null })
    expect([name, expiresAt]).toEqual(['', null])
    expect(scope).toEqual({ action: 'manage', storeId: null, keyPrefix: null })
  })

  it('expire at their time, and are still listed', async () => {
    const soon = await made({ expiresInDays: 0.3 / 86_400 })
    expect((await send('/me', { token: soon.token })).status).toBe(200)
    while ((await send('/me', { token: soon.token })).status === 200) await sleep(lookAgainMs)
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon.expiresAt))
    expect(answerOf(await send('/me', { token: soon.token }))).toEqual([
      401,
      'user-or-token-not-found',
    ])
    expect(await dataOf(`/tokens/${soon.id}`)).toMatchObject({ expiresAt: soon.expiresAt })
    const days = await made({ expiresInDays: 30 })
    const lived = Date.parse(days.expiresAt) - Date.parse(days.createdAt)
    expect(Math.abs(lived - 30 * dayMs)).toBeLessThan(1_000)
    const expiresAt = '2099-01-31T00:00:00.000Z'
    expect((await made({ expiresAt })).expiresAt).toBe(expiresAt)
  })

  it('show the time of their last use', async () => {
    const { id, token } = await made()
    const before = Date.now()
    await send('/me', { token })
    const lastUse = async (): Promise<string | null> => (await dataOf(`/tokens/${id}`)).lastUsedAt
    while ((await lastUse()) === null) await sleep(lookAgainMs)
    expect(Date.parse((await lastUse()) ?? '')).toBeGreaterThanOrEqual(before)
  })

  it('are invalid at once when they are revoked, also by themselves', async () => {
    const tool = await made()
    expect((await send('/me', { token: tool.token })).status).toBe(200)
    const revoked = await send(`/tokens/${tool.id}`, { method: 'DELETE' })
    expect([revoked.status, revoked.text]).toEqual([204, ''])
    const wrong = [401, 'user-or-token-not-found']
    expect(answerOf(await send('/me', { token: tool.token }))).toEqual(wrong)
    const none = [404, 'record-not-found']
    expect(answerOf(await send(`/tokens/${tool.id}`))).toEqual(none)
    expect(answerOf(await send(`/tokens/${tool.id}`, { method: 'DELETE' }))).toEqual(none)
    const { id, token } = await made()
    expect((await send(`/tokens/${id}`, { method: 'DELETE', token })).status).toBe(204)
    expect(answerOf(await send('/me', { token }))).toEqual(wrong)
  })

  it('of others are visible to admins only, who may also make and revoke them', async () => {
    const joes = await made({ name: 'of joe' }, { token: joe.token })
    const [first] = (await dataOf('/tokens', { token: joe.token })).items
    for (const id of [joes.id, first.id]) {
      for (const method of ['GET', 'DELETE']) {
        expect(answerOf(await send(`/tokens/${id}`, { method }))).toEqual([404, 'record-not-found'])
      }
    }
    const asAdmin = { token: server.token() }
    const listed = (await dataOf('/tokens?user=joe', asAdmin)).items
    expect(listed.map(({ id }: Json) => id)).toEqual([first.id, joes.id])
    expect(await dataOf(`/tokens?user=${joe.id}`, asAdmin)).toMatchObject({ count: 2 })
    const given = await made({ user: 'joe', action: 'read' }, asAdmin)
    expect(given.userId).toBe(joe.id)
    expect((await dataOf('/me', { token: given.token })).username).toBe('joe')
    expect((await send(`/tokens/${given.id}`, { method: 'DELETE', ...asAdmin })).status).toBe(204)
    const none = await send('/tokens?user=none', asAdmin)
    expect(answerOf(none)).toEqual([404, 'record-not-found'])
    expect(answerOf(await make({ user: 'none' }, asAdmin))).toEqual([404, 'record-not-found'])
  })

  it('can be listed by the own name', async () => {
    expect(await dataOf('/tokens?user=jane')).toEqual(await dataOf('/tokens'))
    expect((await made({ user: 'jane' })).userId).toBe(jane.id)
  })

  it.each([
    ['a name that is a number', { name: 1 }],
    ['a long name', { name: 'x'.repeat(101) }],
    ['half a character for a name', { name: '\ud800' }],
    ['an unknown action', { action: 'own' }],
    ['an action that is a list', { action: ['read'] }],
    ['the name of a store', { storeId: 'jane~store' }],
    ['an empty store', { storeId: '' }],
    ['a store that is a number', { storeId: 1 }],
    ['a prefix without a store', { action: 'read', keyPrefix: 'a' }],
    ['an empty prefix', { action: 'read', storeId, keyPrefix: '' }],
    [
      'a prefix that is too long for a key',
      { action: 'read', storeId, keyPrefix: 'x'.repeat(2_401) },
    ],
    ['half a character for a prefix', { action: 'read', storeId, keyPrefix: '\ud800' }],
    ['a prefix to manage', { action: 'manage', storeId, keyPrefix: 'a' }],
    ['a prefix to manage, by default', { storeId, keyPrefix: 'a' }],
    ['a prefix that is a list', { action: 'read', storeId, keyPrefix: ['a'] }],
    ['zero days', { expiresInDays: 0 }],
    ['days in the past', { expiresInDays: -1 }],
    ['days that are a text', { expiresInDays: '30' }],
    ['days without end', { expiresInDays: 1e300 }],
    ['an invalid time', { expiresAt: 'tomorrow' }],
    ['a time in the past', { expiresAt: '2001-01-01T00:00:00Z' }],
    ['a time that is far away', { expiresAt: '9999-01-01T00:00:00Z' }],
    ['a time that is a number', { expiresAt: 4_000_000_000_000 }],
    ['two times of expiry', { expiresInDays: 1, expiresAt: '2099-01-01T00:00:00Z' }],
    ['a user that is a number', { user: 1 }],
    ['an unknown field', { scope: { action: 'read' } }],
  ])('are not made with %s', async (_, json) => {
    const before = await dataOf('/tokens')
    expect(answerOf(await make(json))).toEqual([400, 'invalid-value'])
    expect(await dataOf('/tokens')).toEqual(before)
  })

  it.each([
    'none',
    '0123456789abcdef',
    '0123456789ABCDEF',
    '%ff',
    '%00',
    '0123456789abcde',
    'x'.repeat(5_000),
  ])('are not found by %s', async (id) => {
    for (const method of ['GET', 'DELETE']) {
      for (const token of [jane.token, server.token()]) {
        const reply = await send(`/tokens/${id}`, { method, token })
        expect(answerOf(reply), method).toEqual([404, 'record-not-found'])
      }
    }
  })
})
