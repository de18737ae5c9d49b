import { describe, expect, it } from 'vitest'
import type { Json } from './support/network/remote.ts'
import { engines } from './support/network/test-server.ts'
import { useTestPeople } from './support/people/test-people.ts'

const stores = '/v2/key-value-stores'
const tokens = '/coatcheck/v1/tokens'

/** Links that somebody signed, and that work for everybody who has them. */
interface Links {
  readonly secret: string
  readonly record: string
  readonly keys: string
  readonly archive: string
}

describe.each(engines)('links of a store, on %s', (engine) => {
  const { server, people, jane } = useTestPeople({ engine }, 'jane')
  let count = 0

  function fresh(what: string): string {
    count += 1
    return `${what}-${count}`
  }

  /** A new store of jane's that no token but her first one has seen. */
  async function openStore(): Promise<string> {
    const store = await server.client(jane).keyValueStores().getOrCreate(fresh('store'))
    await server.client(jane).keyValueStore(store.id).setRecord({ key: 'K', value: 'text' })
    return store.id
  }

  const describeStore = async (storeId: string, { token }: { token: string }): Promise<Json> =>
    (await people.remote.do(`${stores}/${storeId}`, { token })).data

  /** What a token learns, and then signs by itself as Apify's clients do. */
  async function sign(storeId: string, holder: { token: string }): Promise<Links> {
    const store = server.client(holder).keyValueStore(storeId)
    const keys = new URL(await store.createKeysPublicUrl())
    const record = new URL(await store.getRecordPublicUrl('K'))
    const { urlSigningSecretKey: secret } = await describeStore(storeId, holder)
    return {
      secret,
      record: record.pathname + record.search,
      keys: keys.pathname + keys.search,
      archive: keys.pathname.replace(/keys$/, 'records') + keys.search,
    }
  }

  async function statusesOf({ record, keys, archive }: Links): Promise<number[]> {
    const replies = await Promise.all([record, keys, archive].map((to) => people.remote.send(to)))
    return replies.map(({ status }) => status)
  }

  const open = [200, 200, 200]
  const ended = [403, 403, 403]

  async function eventsOf(storeId: string): Promise<Json[]> {
    const { data } = await people.remote.do(`${stores}/${storeId}/audit`, { token: jane.token })
    return data.items
  }

  it('end when the token is revoked that was shown the secret, and others stay', async () => {
    const [seen, unseen] = [await openStore(), await openStore()]
    const tool = await people.createToken(jane, { action: 'write' })
    const other = await people.createToken(jane, { action: 'write' })
    const links = await sign(seen, tool)
    const others = await sign(unseen, other)
    expect([await statusesOf(links), await statusesOf(others)]).toEqual([open, open])
    await people.revoke(jane, tool)
    expect([await statusesOf(links), await statusesOf(others)]).toEqual([ended, open])
    const { urlSigningSecretKey: secret } = await describeStore(seen, jane)
    expect(secret).not.toBe(links.secret)
    expect(await statusesOf(await sign(seen, other))).toEqual(open)
    expect(await eventsOf(seen)).toContainEqual(
      expect.objectContaining({
        action: 'store-signing-secret-reset',
        details: { because: 'token-revoked' },
      }),
    )
    expect((await eventsOf(unseen)).map(({ action }) => action)).not.toContain(
      'store-signing-secret-reset',
    )
  })

  it('end when the token is revoked that saw links in a list, of keys or of stores', async () => {
    const seen = await openStore()
    for (const path of [`${stores}/${seen}/keys`, stores]) {
      const tool = await people.createToken(jane, { action: 'write' })
      const { data } = await people.remote.do(path, { token: tool.token })
      const [item] = data.items.filter(({ key, id }: Json) => key === 'K' || id === seen)
      const link = new URL(item.recordPublicUrl ?? item.keysPublicUrl)
      expect(link.search).toContain('signature=')
      const status = async (): Promise<number> =>
        (await people.remote.send(link.pathname + link.search)).status
      expect(await status()).toBe(200)
      await people.revoke(jane, tool)
      expect(await status(), path).toBe(403)
    }
  })

  it('end when the token is revoked that made the store', async () => {
    const tool = await people.createToken(jane, { action: 'write' })
    const made = await server.client(tool).keyValueStores().getOrCreate(fresh('made'))
    await server.client(tool).keyValueStore(made.id).setRecord({ key: 'K', value: 1 })
    const links = await sign(made.id, tool)
    await people.revoke(jane, tool)
    expect(await statusesOf(links)).toEqual(ended)
  })

  it('stay when a token is revoked that may not sign', async () => {
    const storeId = await openStore()
    const links = await sign(storeId, jane)
    const wishes = [
      { action: 'read' },
      { action: 'write', storeId, keyPrefix: 'K' },
      { action: 'read', storeId },
    ] as const
    for (const wish of wishes) {
      const tool = await people.createToken(jane, wish)
      const described = await describeStore(storeId, tool)
      expect(described).not.toHaveProperty('urlSigningSecretKey')
      expect(described.keysPublicUrl).not.toContain('signature')
      await people.revoke(jane, tool)
    }
    expect(await statusesOf(links)).toEqual(open)
  })

  it('end when the token of one store is revoked', async () => {
    const [storeId, other] = [await openStore(), await openStore()]
    const tool = await people.createToken(jane, { action: 'manage', storeId })
    const links = await sign(storeId, tool)
    const others = await sign(other, jane)
    await people.revoke(jane, tool)
    expect([await statusesOf(links), await statusesOf(others)]).toEqual([ended, open])
  })

  it.each(['write', 'manage'])('end when a user is disabled whose share was %s', async (action) => {
    const [seen, unseen, read] = [await openStore(), await openStore(), await openStore()]
    const joe = await people.create(fresh('joe'))
    for (const storeId of [seen, unseen])
      await people.share(jane, storeId, { [joe.username]: action })
    await people.share(jane, read, { [joe.username]: 'read' })
    const second = await people.createToken(joe, { action: 'write' })
    const links = await sign(seen, second)
    await describeStore(read, joe)
    const others = [await sign(unseen, jane), await sign(read, jane)]
    const own = (await server.client(joe).keyValueStores().getOrCreate('own')).id
    await server.client(joe).keyValueStore(own).setRecord({ key: 'K', value: 1 })
    const ownLinks = await sign(own, joe)
    await people.disable(joe)
    expect(await statusesOf(links)).toEqual(ended)
    expect(await statusesOf(ownLinks)).toEqual(ended)
    for (const one of others) expect(await statusesOf(one)).toEqual(open)
    expect(await eventsOf(seen)).toContainEqual(
      expect.objectContaining({ details: { because: 'user-disabled' } }),
    )
  })

  it.each([null, 'read'])(
    'end when the share becomes %s, and the audit trail says so',
    async (to) => {
      const storeId = await openStore()
      const joe = await people.create(fresh('joe'))
      await people.share(jane, storeId, { [joe.username]: 'write' })
      const links = await sign(storeId, joe)
      await people.share(jane, storeId, { [joe.username]: to })
      expect(await statusesOf(links)).toEqual(ended)
      expect(await eventsOf(storeId)).toContainEqual(
        expect.objectContaining({
          action: 'store-access-changed',
          details: expect.objectContaining({ endsLinks: true }),
        }),
      )
    },
  )

  it('are never shown to a token that expires, nor is the secret, whoever may write', async () => {
    const storeId = await openStore()
    const joe = await people.create(fresh('joe'))
    await people.share(jane, storeId, { [joe.username]: 'manage' })
    for (const person of [jane, joe]) {
      for (const action of ['write', 'manage']) {
        const { data } = await people.remote.do(tokens, {
          method: 'POST',
          token: person.token,
          json: { action, expiresInDays: 1 },
        })
        const { token } = data
        const made = await people.remote.do(`${stores}?name=${fresh('temporary')}`, {
          method: 'POST',
          token,
        })
        const patch = { method: 'PATCH', token, json: { title: 'changed' } }
        const shown = [
          await describeStore(storeId, { token }),
          made.data,
          ...(await people.remote.do(stores, { token })).data.items,
          ...(action === 'manage'
            ? [(await people.remote.do(`${stores}/${storeId}`, patch)).data]
            : []),
          (await people.remote.do(`${stores}/${storeId}/keys`, { token })).data,
        ]
        expect(JSON.stringify(shown)).not.toMatch(/urlSigningSecretKey|signature/)
        const unsigned = await server
          .client({ token })
          .keyValueStore(storeId)
          .getRecordPublicUrl('K')
        expect(unsigned).not.toContain('signature')
      }
    }
    expect(await describeStore(storeId, jane)).toHaveProperty('urlSigningSecretKey')
  })
})
