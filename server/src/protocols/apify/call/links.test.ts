import { beforeEach, describe, expect, it } from 'vitest'
import { recordKey, storeKey } from '../../../core/disk/keyspace.ts'
import { encodeIdentity } from '../../../core/identity/identity.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import type { Store } from '../../../core/stores/store.ts'
import { otherOwner } from '../../../core/testing/callers.ts'
import { textRecord } from '../../../core/testing/records.ts'
import { openTestDomain, type TestDomain } from '../../../core/testing/test-domain.ts'
import { day, hour } from '../../../core/testing/times.ts'
import { MemoryEngine } from '../../../engines/memory.ts'
import type { HttpHandler } from '../../../transport/exchange.ts'
import { JsonSchemas } from '../../json/json-schema.ts'
import { createApifyDoor } from '../apify.ts'
import { signContent, signRecord } from './signatures.ts'

const token = 'a-token-of-the-owner-for-tests-only'
/** Keys that other doors accept, and that this door has to percent-encode. */
const foreignKeys = [
  '',
  '.',
  '..',
  'a b',
  'a/b',
  '100%',
  'a%20b',
  'a?b#c',
  'a+b&c=d',
  'ключ',
  '😀',
  '%2E',
]

describe('public links at the Apify door, without a socket', () => {
  let domain: TestDomain
  let door: HttpHandler
  let store: Store

  beforeEach(async () => {
    domain = await openTestDomain(new MemoryEngine())
    await domain.users.createFirst(token)
    const owner = (await domain.tokens.findByText(token))?.user
    store = await domain.stores.create({ ownerId: owner?.id ?? '', name: 'mine' })
    door = createApifyDoor(domain, domain.environment, new JsonSchemas())
  })

  /** Follows a link as a browser does: the URL standard normalizes it first. */
  async function follow(
    link: string,
    { method = 'GET', bearer = '' } = {},
  ): Promise<[number, string]> {
    const { pathname, search } = new URL(link)
    const { status, body } = await door({
      method,
      path: pathname,
      query: search.slice(1),
      header: (name) =>
        name === 'authorization' && bearer !== '' ? `Bearer ${bearer}` : undefined,
      baseUrl: 'http://test',
      peer: '127.0.0.1',
      isForwarded: false,
      body: new WholeSource(Buffer.alloc(0)),
    })
    return [status, String(body)]
  }

  async function dataAt(link: string): Promise<Record<string, string>> {
    const [, body] = await follow(link, { bearer: token })
    return JSON.parse(body).data
  }

  const storeUrl = (): string => `http://test/v2/key-value-stores/${store.id}`

  async function listedUrls(): Promise<string[]> {
    const { items } = JSON.parse((await follow(`${storeUrl()}/keys`, { bearer: token }))[1]).data
    return items.map(({ recordPublicUrl }: { recordPublicUrl: string }) => recordPublicUrl)
  }

  it.each(foreignKeys)('lead from a listing to the record %j and to no other', async (key) => {
    for (const one of foreignKeys) await store.put(textRecord(one, `of ${one}`))
    const urls = await listedUrls()
    const found = await Promise.all(urls.map((url) => follow(url)))
    expect(found.filter(([status, text]) => status === 200 && text === `of ${key}`)).toHaveLength(1)
    const link = urls[found.findIndex(([, text]) => text === `of ${key}`)] ?? ''
    expect((await follow(resigned(link, '')))[0]).toBe(403)
    const signature = new URL(link).searchParams.get('signature') ?? ''
    for (const url of urls.filter((url) => url !== link)) {
      expect((await follow(resigned(url, signature)))[0], url).toBe(403)
    }
  })

  it('in a store object are valid for 14 days, and at most an hour longer', async () => {
    const { keysPublicUrl = '' } = await dataAt(storeUrl())
    domain.environment.advance(14 * day - 1)
    expect((await follow(keysPublicUrl))[0]).toBe(200)
    domain.environment.advance(hour + 1)
    expect((await follow(keysPublicUrl))[0]).toBe(403)
  })

  it('stay the same for an hour, so that the object of an unchanged store does too', async () => {
    domain.environment.advance(1)
    const before = await dataAt(storeUrl())
    domain.environment.advance(hour - 1)
    expect(await dataAt(storeUrl())).toEqual(before)
    domain.environment.advance(1)
    expect((await dataAt(storeUrl())).keysPublicUrl).not.toBe(before.keysPublicUrl)
  })

  it('all stop working at once when the secret changes', async () => {
    await store.put(textRecord('K', 'text'))
    const links = [...(await listedUrls()), (await dataAt(storeUrl())).keysPublicUrl ?? '']
    for (const link of links) expect((await follow(link))[0], link).toBe(200)
    const identity = { ...(await store.identity()), signingSecret: 'another secret' }
    const entry = { key: storeKey(store.id), value: encodeIdentity(identity) }
    await domain.engine.commit({ puts: [entry] })
    for (const link of links) expect((await follow(link))[0], link).toBe(403)
    for (const link of await listedUrls()) expect((await follow(link))[0], link).toBe(200)
  })

  // Such a record can't be stored any more, but an older version may have stored it.
  it.each(['0.0', '0.99999999999999.5'])(
    'are not signed, and not accepted, if the signature would open the whole store: %s.STORE',
    async (begin) => {
      const { contentId, signingSecret } = await store.identity()
      await store.put(textRecord('K', 'text'))
      const [entry] = await domain.engine.get([recordKey(contentId, 'K')])
      const key = `${begin}.${store.id}`
      const value = entry?.value ?? Buffer.alloc(0)
      await domain.engine.commit({ puts: [{ key: recordKey(contentId, key), value }] })
      const unsigned = `${storeUrl()}/records/${key}`
      expect((await listedUrls())[0]).toBe(unsigned)
      expect(await follow(unsigned, { bearer: token })).toEqual([200, 'text'])
      const signed = `${unsigned}?signature=${signRecord(signingSecret, key)}`
      expect((await follow(signed))[0]).toBe(403)
    },
  )

  describe('to a store of another user', () => {
    let record: string
    let keys: string
    let named: string

    beforeEach(async () => {
      store = await domain.stores.create({ ownerId: otherOwner, name: 'theirs' })
      await store.put(textRecord('K', 'theirs'))
      const { signingSecret } = await store.identity()
      const ofRecord = `?signature=${signRecord(signingSecret, 'K')}`
      record = `${storeUrl()}/records/K${ofRecord}`
      named = `http://test/v2/key-value-stores/${otherOwner}~theirs/records/K${ofRecord}`
      const ofContent = signContent(signingSecret, { storeId: store.id, expiresAt: 0 })
      keys = `${storeUrl()}/keys?signature=${ofContent}`
    })

    it('let a user without other access read, and show no more than to anyone', async () => {
      for (const link of [record, named]) {
        expect(await follow(link, { bearer: token })).toEqual([200, 'theirs'])
        const [path = ''] = link.split('?')
        expect((await follow(path, { bearer: token }))[0]).toBe(link === named ? 404 : 403)
      }
      const [status, body] = await follow(keys, { bearer: token })
      expect(status).toBe(200)
      expect(JSON.parse(body).data.items).toEqual([
        { key: 'K', size: 6, recordPublicUrl: `${storeUrl()}/records/K` },
      ])
    })

    it('allow nobody to write or to read anything else', async () => {
      const signature = record.split('?')[1]
      for (const method of ['PUT', 'POST', 'DELETE']) {
        expect((await follow(record, { method, bearer: token }))[0], method).toBe(403)
        expect((await follow(named, { method, bearer: token }))[0], method).toBe(404)
      }
      expect((await follow(`${storeUrl()}?${signature}`, { bearer: token }))[0]).toBe(403)
    })

    it('are not needed if the store is open; writing is still forbidden, by name too', async () => {
      await domain.stores.update(store.id, { generalAccess: 'ANYONE_WITH_NAME_CAN_READ' })
      for (const link of [record, named]) {
        const [path = ''] = link.split('?')
        expect(await follow(path, { bearer: token })).toEqual([200, 'theirs'])
        expect((await follow(path, { method: 'DELETE', bearer: token }))[0]).toBe(403)
      }
      const { items } = JSON.parse((await follow(`${storeUrl()}/keys`, { bearer: token }))[1]).data
      expect(items[0].recordPublicUrl).toBe(`${storeUrl()}/records/K`)
      expect(await dataAt(storeUrl())).not.toHaveProperty('urlSigningSecretKey')
    })
  })
})

function resigned(url: string, signature: string): string {
  const other = new URL(url)
  other.searchParams.set('signature', signature)
  return other.href
}
