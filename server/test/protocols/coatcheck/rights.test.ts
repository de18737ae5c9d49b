import { beforeAll, describe, expect, it } from 'vitest'
import { signRecord } from '../../../src/protocols/apify/call/signatures.ts'
import { openSocket } from '../../support/network/nemesis-session.ts'
import { errorTypeOf } from '../../support/network/remote.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const dayMs = 86_400_000

describe.each(engines)('the limits of rights, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')
  let storeId = ''

  beforeAll(async () => {
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

  // `createStorageContentSignature` of @apify/utilities signs `0.EXPIRY.STORE_ID`, and
  // `createHmacSignature` signs the key of a record as it is. The expiry may have a fraction.
  it.each(['0.0', '0.1767225600000', '0.99999999999999.5', '0.00', '0.00.25'])(
    'no record can have a key whose link would open the whole store: %s.STORE',
    async (begin) => {
      const { id, urlSigningSecretKey: secret } = await server
        .client(jane)
        .keyValueStores()
        .getOrCreate('uploads')
      const key = `${begin}.${id}`
      const refusal = server.client(jane).keyValueStore(id).setRecord({ key, value: 1 })
      await expect(refusal).rejects.toMatchObject({ type: 'invalid-record-key', statusCode: 400 })
      const path = `/v2/key-value-stores/${id}/record?key=${key}`
      const put = { method: 'PUT', token: jane.token, body: 'x' }
      expect((await people.remote.send(path, put)).status).toBe(400)
      // The signature of such a key is the signature of a link to the store.
      const hmac = signRecord(secret ?? '', key)
      const respelled = Buffer.from(`${begin}.${hmac}`).toString('base64url')
      const zip = await people.remote.send(
        `/v2/key-value-stores/${id}/records?signature=${respelled}`,
      )
      expect(zip.status).toBe(begin === '0.1767225600000' || begin === '0.00.25' ? 403 : 200)
    },
  )

  it.each(['5.0', '0.1.2.3', '00.1', '0.1x', '0.123456789012345678'])(
    'a record may have a key that only looks like such a link: %s.STORE',
    async (begin) => {
      const { id } = await server.client(jane).keyValueStores().getOrCreate('uploads')
      const store = server.client(jane).keyValueStore(id)
      const key = `${begin}.${id}`
      await store.setRecord({ key, value: 1 })
      const { pathname, search } = new URL(await store.getRecordPublicUrl(key))
      expect((await people.remote.send(pathname + search)).status).toBe(200)
      const respelled = Buffer.from(`${begin}.${search.split('=')[1]}`).toString('base64url')
      const zip = await people.remote.send(
        `/v2/key-value-stores/${id}/records?signature=${respelled}`,
      )
      expect(zip.status).toBe(403)
    },
  )

  it('no door stores a record with such a key, and a key of another store is a key like any', async () => {
    const { id } = await server.client(jane).keyValueStores().getOrCreate('uploads')
    const key = `0.99999999999999.5.${id}`
    const patch = { method: 'PATCH', token: jane.token, json: { project: true, session: true } }
    const { channelId, sessionToken } = (
      await people.remote.do(`/v2/key-value-stores/${id}`, patch)
    ).data
    const page = `/datablock_storage/${channelId}`
    const set = { key, value: '1' }
    const pairs = { key_values_json: JSON.stringify({ [key]: 1 }) }
    const asked = { method: 'POST', token: jane.token }
    const project = `/coatcheck/v1/projects/${channelId}`
    const replies = [
      await people.remote.send(`${page}/set_key_value`, { ...asked, json: set }),
      await people.remote.send(`${page}/populate_key_values`, {
        ...asked,
        method: 'PUT',
        json: pairs,
      }),
      await people.remote.send(`${project}/import`, { ...asked, json: { [key]: 1 } }),
      await people.remote.send(`${project}/seed`, { ...asked, method: 'PUT', json: { [key]: 1 } }),
    ]
    expect(replies.map(({ status }) => status)).toEqual([400, 400, 400, 400])
    const socket = await openSocket(
      `${server.url().replace('http', 'ws')}/nemesis?token=${jane.token}`,
    )
    for (const command of ['KV_SET', 'KV_ADD', 'KV_CLEAR_SET']) {
      const wanted = `{"tkn":${sessionToken},"keys":{"${key}":1}}`
      expect(await socket.ask(`{"${command}":${wanted}}`)).toContain(`{"${command}_RSP":{"st":42,`)
    }
    const store = server.client(jane).keyValueStore(id)
    expect((await store.listKeys()).items.map((item) => item.key)).not.toContain(key)
    await store.setRecord({ key: `0.0.${storeId}`, value: 1 })
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
