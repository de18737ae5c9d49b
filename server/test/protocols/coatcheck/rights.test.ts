import { beforeAll, describe, expect, it } from 'vitest'
import { People, type Person } from '../../support/data/people.ts'
import { errorTypeOf } from '../../support/network/remote.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'

const dayMs = 86_400_000

describe.each(engines)('the limits of rights, on %s', (engine) => {
  const server = useTestServer({ engine })
  let people: People
  let jane: Person
  let joe: Person
  let storeId = ''

  beforeAll(async () => {
    people = new People({ url: server.url(), token: server.token() })
    jane = await people.create('jane')
    joe = await people.create('joe')
    storeId = (await server.client(jane).keyValueStores().getOrCreate('coats')).id
    await server.client(jane).keyValueStore(storeId).setRecord({ key: 'a', value: 1 })
  })

  const storePath = (rest = ''): string => `/v2/key-value-stores/${storeId}${rest}`

  it('a token cannot make a token that expires later', async () => {
    const path = '/coatcheck/v1/tokens'
    const { data: short } = await people.remote.do(path, {
      method: 'POST',
      token: jane.token,
      json: { expiresInDays: 1 },
    })
    const asked = { method: 'POST', token: short.token }
    const longer = await people.remote.send(path, { ...asked, json: { expiresInDays: 2 } })
    expect([longer.status, errorTypeOf(longer)]).toEqual([403, 'insufficient-permissions'])
    const { data: same } = await people.remote.do(path, { ...asked, json: {} })
    expect(same.expiresAt).toBe(short.expiresAt)
    const { data: shorter } = await people.remote.do(path, {
      ...asked,
      json: { expiresInDays: 0.5 },
    })
    expect(Date.parse(shorter.expiresAt)).toBeLessThan(Date.now() + dayMs)
  })

  it('losing the right to write ends signed links, losing the right to read does not', async () => {
    await people.share(jane, storeId, { joe: 'write' })
    const { data } = await people.remote.do(storePath(), { token: joe.token })
    const link = new URL(data.keysPublicUrl)
    const follow = (): Promise<number> =>
      people.remote.send(link.pathname + link.search).then(({ status }) => status)
    expect(await follow()).toBe(200)
    await people.share(jane, storeId, { joe: 'read' })
    expect(await follow()).toBe(403)
    const own = (await people.remote.do(storePath(), { token: jane.token })).data
    await people.share(jane, storeId, { joe: null })
    const after = (await people.remote.do(storePath(), { token: jane.token })).data
    expect(after.urlSigningSecretKey).toBe(own.urlSigningSecretKey)
  })

  it('users may remove only their own share of a store', async () => {
    await people.share(jane, storeId, { joe: 'read', owner: 'read' })
    const patch = (json: unknown): Promise<{ status: number; text: string }> =>
      people.remote.send(storePath('/access'), { method: 'PATCH', token: joe.token, json })
    expect((await patch({ shares: { owner: null } })).status).toBe(403)
    expect((await patch({ shares: { joe: null, owner: null } })).status).toBe(403)
    expect((await patch({ shares: { joe: 'write' } })).status).toBe(403)
    const left = await patch({ shares: { Joe: null } })
    expect(left.status, left.text).toBe(200)
    expect(JSON.parse(left.text).data.shares).toMatchObject([{ username: 'owner' }])
    expect((await people.remote.send(storePath(), { token: joe.token })).status).toBe(403)
  })

  it('users may remove their own right to manage, and get the new access in the reply', async () => {
    await people.share(jane, storeId, { joe: 'manage' })
    const json = { generalAccess: 'RESTRICTED', shares: { joe: null } }
    const asked = { method: 'PATCH', token: joe.token, json }
    const { data } = await people.remote.do(storePath('/access'), asked)
    expect(data.shares).not.toContainEqual(expect.objectContaining({ username: 'joe' }))
  })

  it('no record can have a key whose link would open the whole store', async () => {
    const { id } = await server.client(jane).keyValueStores().getOrCreate('uploads')
    for (const key of [`0.0.${id}`, `0.1767225600000.${id}`]) {
      const store = server.client(jane).keyValueStore(id)
      const refusal = store.setRecord({ key, value: 1 })
      await expect(refusal).rejects.toMatchObject({ type: 'invalid-record-key', statusCode: 400 })
    }
    await server
      .client(jane)
      .keyValueStore(id)
      .setRecord({ key: `0.0.${storeId}`, value: 1 })
  })

  it('a token for one store shows nothing about another store by its name', async () => {
    const other = await server.client(jane).keyValueStores().getOrCreate('hidden')
    const open = { generalAccess: 'ANYONE_WITH_ID_CAN_READ' }
    const path = `/v2/key-value-stores/${other.id}`
    await people.remote.do(path, { method: 'PATCH', token: jane.token, json: open })
    const { token } = await people.createToken(jane, { action: 'write', storeId })
    const asked = { method: 'POST', token }
    for (const name of ['hidden', 'none']) {
      const reply = await people.remote.send(`/v2/key-value-stores?name=${name}`, asked)
      expect([reply.status, errorTypeOf(reply)]).toEqual([403, 'insufficient-permissions'])
      expect(reply.text).not.toContain(other.id)
    }
  })
})
