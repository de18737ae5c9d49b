import { beforeEach, describe, expect, it } from 'vitest'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import type { Store } from '../../core/stores/store.ts'
import { openTestDomain } from '../../core/testing/test-domain.ts'
import { TestEnvironment } from '../../core/testing/test-environment.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { HttpHandler, HttpReply } from '../../transport/exchange.ts'
import { JsonSchemas } from '../json/json-schema.ts'
import { createApifyDoor } from './apify.ts'
import { spellKey } from './call/key-spelling.ts'

const token = 'a-token-of-the-owner-for-tests-only'
/** Keys that other doors accept, and that this door has to percent-encode. */
const foreignKeys = ['a b', 'a/b', '100%', 'a%20b', 'ключ', '😀', '.', '..', '__proto__ ']

describe('the Apify door without a socket', () => {
  let door: HttpHandler
  let store: Store

  beforeEach(async () => {
    const environment = new TestEnvironment()
    const domain = await openTestDomain(new MemoryEngine(), { environment })
    await domain.users.createFirst(token)
    const owner = (await domain.tokens.findByText(token))?.user
    store = await domain.stores.create({ ownerId: owner?.id ?? '', name: 'shared' })
    door = createApifyDoor(domain, environment, new JsonSchemas())
    for (const key of foreignKeys) await putAtAnotherDoor(key, key)
  })

  async function putAtAnotherDoor(key: string, text: string): Promise<void> {
    const source = new WholeSource(Buffer.from(text))
    await store.put({ key, contentType: 'text/plain', contentEncoding: '', source })
  }

  function ask(method: string, path: string, { query = '', body = '' } = {}): Promise<HttpReply> {
    return door({
      method,
      path: `/v2/key-value-stores/${store.id}/${path}`,
      query,
      header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
      baseUrl: 'http://test',
      peer: '127.0.0.1',
      isForwarded: false,
      body: new WholeSource(Buffer.from(body)),
    })
  }

  async function listed(query = ''): Promise<string[]> {
    const { data } = JSON.parse(String((await ask('GET', 'keys', { query })).body))
    return data.items.map(({ key }: { key: string }) => key)
  }

  it('lists keys outside its alphabet percent-encoded, in the order of the real keys', async () => {
    const inOrder = [...foreignKeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(await listed()).toEqual(inOrder.map(spellKey))
  })

  it('accepts a start key and a prefix in the spelling of its listings', async () => {
    const all = await listed()
    const [first = ''] = all
    const behind = `exclusiveStartKey=${encodeURIComponent(first)}`
    expect(await listed(behind)).toEqual(all.slice(1))
    expect(await listed(`prefix=${encodeURIComponent('a%20')}`)).toEqual(['a%20b'])
    expect(await listed('prefix=%25D0%25BA')).toEqual([spellKey('ключ')])
  })

  /** URL libraries make other paths of these keys, so no path stands for them. */
  it.each(['.', '..'])('refuses the key %j in a path, even if its record exists', async (key) => {
    for (const spelling of [key, key.replaceAll('.', '%2E'), key.replaceAll('.', '%2e')]) {
      for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']) {
        expect((await ask(method, `records/${spelling}`, { body: 'x' })).status).toBe(400)
      }
    }
    expect(String((await ask('GET', 'record', { query: `key=${key}` })).body)).toBe(key)
    expect((await ask('DELETE', 'record', { query: `key=${key}` })).status).toBe(204)
    expect(await store.head(key)).toBeUndefined()
  })

  const pathKeys = foreignKeys.filter((key) => !/^\.+$/.test(key))

  it.each(pathKeys)('reads, replaces and deletes a record that exists: %j', async (key) => {
    const path = `records/${spellKey(key)}`
    expect(String((await ask('GET', path)).body)).toBe(key)
    expect((await ask('HEAD', path)).status).toBe(200)
    expect((await ask('PUT', path, { body: 'replaced' })).status).toBe(201)
    expect(String((await ask('GET', path)).body)).toBe('replaced')
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await ask('GET', path)).status).toBe(404)
  })

  it.each(foreignKeys)('creates no new record with the key %j', async (key) => {
    await store.delete(key)
    const reply = await ask('PUT', `records/${spellKey(key)}`, { body: 'new' })
    expect(reply.status).toBe(400)
    expect(await store.head(key)).toBeUndefined()
  })

  it('decodes a path exactly once', async () => {
    await putAtAnotherDoor('a%2Fb', 'encoded twice')
    expect(String((await ask('GET', 'records/a%252Fb')).body)).toBe('encoded twice')
    expect(String((await ask('GET', 'records/a%2Fb')).body)).toBe('a/b')
  })
})
