import { beforeAll, describe, expect, it } from 'vitest'
import { errorTypeOf, type Json } from './support/network/remote.ts'
import { engines } from './support/network/test-server.ts'
import type { OwnToken, Person } from './support/people/people.ts'
import { useTestPeople } from './support/people/test-people.ts'

const stores = '/v2/key-value-stores'
const tokens = '/coatcheck/v1/tokens'
const users = '/coatcheck/v1/users'
const soonMs = 3_600_000

describe.each(engines)('a token that expires, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  let admin: Person
  let expiresAt = ''
  let count = 0
  const refused = [403, 'insufficient-permissions']

  beforeAll(async () => {
    admin = { id: '', username: 'owner', token: server.token() }
    expiresAt = new Date(Date.now() + soonMs).toISOString()
  })

  function fresh(): string {
    count += 1
    return `fresh-${count}`
  }

  async function makeToken(person: Person): Promise<OwnToken> {
    const asked = { method: 'POST', token: person.token, json: { expiresAt } }
    const { data } = await people.remote.do(tokens, asked)
    return { id: data.id, token: data.token }
  }

  async function answerTo(path: string, asked: Json): Promise<unknown> {
    const reply = await people.remote.send(path, asked)
    return reply.status < 300 ? reply.status : [reply.status, errorTypeOf(reply)]
  }

  it('makes a user whose first token ends with it, but no admin', async () => {
    const { token } = await makeToken(admin)
    const username = fresh()
    const post = { method: 'POST', token }
    const asked = { ...post, json: { username, isAdmin: true } }
    expect(await answerTo(users, asked)).toEqual(refused)
    const { data } = await people.remote.do(users, { ...post, json: { username } })
    expect(data).toMatchObject({ isAdmin: false, token: { expiresAt } })
    const again = { method: 'POST', token: data.token.token, json: {} }
    const made = await people.remote.do(tokens, again)
    expect(made.data.expiresAt).toBe(expiresAt)
    const longer = { ...again, json: { expiresInDays: 2 } }
    expect(await answerTo(tokens, longer)).toEqual(refused)
  })

  it('makes tokens of other users that end with it', async () => {
    const { token } = await makeToken(admin)
    const asked = { method: 'POST', token, json: { user: 'jane' } }
    expect((await people.remote.do(tokens, asked)).data).toMatchObject({ expiresAt })
    const longer = { ...asked, json: { user: 'jane', expiresInDays: 2 } }
    expect(await answerTo(tokens, longer)).toEqual(refused)
  })

  it('can give no user a right that stays, but can take rights', async () => {
    const { token } = await makeToken(admin)
    const joe = await people.create(fresh())
    const patch = (json: object): Promise<unknown> =>
      answerTo(`${users}/${joe.username}`, { method: 'PATCH', token, json })
    expect(await patch({ isAdmin: true })).toEqual(refused)
    expect(await patch({ isDisabled: false })).toEqual(refused)
    expect(await patch({ isDisabled: true })).toBe(200)
    expect(await patch({ isAdmin: false })).toBe(200)
    const { data } = await people.remote.do(`${users}/${joe.username}`, { token: admin.token })
    expect(data).toMatchObject({ isAdmin: false, isDisabled: true })
  })

  it('can share no store and open none, but can take shares and close stores', async () => {
    const { token } = await makeToken(jane)
    const joe = await people.create(fresh())
    const { id } = await server.client(jane).keyValueStores().getOrCreate(fresh())
    const patch = (rest: string, json: object, by = token): Promise<unknown> =>
      answerTo(`${stores}/${id}${rest}`, { method: 'PATCH', token: by, json })
    const share = (action: string | null): object => ({ shares: { [joe.username]: action } })
    const isOpen = { generalAccess: 'ANYONE_WITH_ID_CAN_READ' }
    expect(await patch('/access', share('read'))).toEqual(refused)
    for (const rest of ['/access', '']) expect(await patch(rest, isOpen)).toEqual(refused)
    const put = { method: 'PUT', token, json: isOpen }
    expect(await answerTo(`${stores}/${id}`, put)).toEqual(refused)
    const me = { method: 'PATCH', token, json: isOpen }
    expect(await answerTo('/coatcheck/v1/me', me)).toEqual(refused)
    expect(await patch('/access', { ...share('write'), ...isOpen }, jane.token)).toBe(200)
    expect(await patch('/access', share('manage'))).toEqual(refused)
    expect(await patch('/access', share('read'))).toBe(200)
    expect(await patch('/access', share(null))).toBe(200)
    expect(await patch('', { generalAccess: 'RESTRICTED', title: 'closed' })).toBe(200)
  })

  it('opens no store to pages, but may close one to them, and make a project of its own', async () => {
    const { token } = await makeToken(jane)
    const { id } = await server.client(jane).keyValueStores().getOrCreate(fresh())
    const patch = (path: string, json: object, by = token): Promise<unknown> =>
      answerTo(path, { method: 'PATCH', token: by, json })
    const store = `${stores}/${id}`
    expect(await patch(store, { project: true })).toEqual(refused)
    expect(await patch(store, { project: true }, jane.token)).toBe(200)
    const { data } = await people.remote.do(store, { token: jane.token })
    const project = `/coatcheck/v1/projects/${data.channelId}`
    const shut = {
      isOpen: false,
      mayDelete: false,
      listPrefixes: ['scores/'],
      rules: [{ prefix: '', preset: 'write-once' }],
    }
    const wide = [
      { isOpen: true },
      { mayDelete: true },
      { listPrefixes: ['scores/', 'names/'] },
      { listPrefixes: [''] },
      { rules: [] },
      { rules: [{ prefix: '', preset: 'anything' }] },
      { rules: [...shut.rules, { key: 'a', preset: 'append-only' }] },
    ]
    expect(await patch(project, shut, jane.token)).toBe(200)
    for (const json of wide)
      expect(await patch(project, json), JSON.stringify(json)).toEqual(refused)
    const strict = [
      { listPrefixes: ['scores/jane/'] },
      { listPrefixes: [] },
      { rules: [...shut.rules, { key: 'a', preset: 'read-only' }] },
      { ruleChanges: [{ prefix: '', preset: 'read-only' }] },
      { isOpen: false },
    ]
    for (const json of strict) expect(await patch(project, json), JSON.stringify(json)).toBe(200)
    expect(await patch(store, { project: false })).toBe(200)
    const own = { method: 'POST', token, json: { name: fresh() } }
    expect(await answerTo('/coatcheck/v1/projects', own)).toBe(201)
  })

  it('ends, when it is revoked, all tokens that it made, also those that these made', async () => {
    const expiring = await makeToken(admin)
    const post = async (path: string, token: string, json: object): Promise<Json> =>
      (await people.remote.do(path, { method: 'POST', token, json })).data
    const child = await post(tokens, expiring.token, {})
    const user = await post(users, child.token, { username: fresh() })
    const grandchild = await post(tokens, user.token.token, { action: 'read' })
    const kept = await makeToken(admin)
    const statuses = async (): Promise<number[]> => {
      const all = [expiring.token, child.token, user.token.token, grandchild.token, kept.token]
      const replies = all.map((token) => people.remote.send('/coatcheck/v1/me', { token }))
      return (await Promise.all(replies)).map(({ status }) => status)
    }
    expect(await statuses()).toEqual([200, 200, 200, 200, 200])
    await people.revoke(admin, expiring)
    expect(await statuses()).toEqual([401, 401, 401, 401, 200])
    const { items } = (await people.remote.do(tokens, { token: admin.token })).data
    const ids = items.map(({ id }: Json) => id)
    expect(ids).not.toContain(expiring.id)
    expect(ids).not.toContain(child.id)
  })

  it('differs in that from one that does not expire, which is replaced by a token that it makes', async () => {
    const old = await people.createToken(jane, {})
    const next = await people.createToken({ ...jane, token: old.token }, {})
    await people.revoke({ ...jane, token: next.token }, old)
    const reply = await people.remote.send('/coatcheck/v1/me', { token: next.token })
    expect(reply.status).toBe(200)
  })
})
