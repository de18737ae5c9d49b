import { beforeAll, describe, expect, it } from 'vitest'
import { plainRequest } from '../../support/network/plain-request.ts'
import { useTestServer } from '../../support/network/test-server.ts'

// RFC 9111, 5.2.2.5: `no-store` keeps a response out of all caches. A cache keeps a response under
// its URL, so with `?token=` it would keep the token too.
describe('what caches may keep', () => {
  const server = useTestServer({ nemesisPort: 0 })
  let store = ''

  beforeAll(async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('coats')
    await server.client().keyValueStore(id).setRecord({ key: 'K', value: 'text' })
    store = `/v2/key-value-stores/${id}`
  })

  async function cacheControl(
    path: string,
    { method = 'GET', isInQuery = false, headers = {} } = {},
  ): Promise<unknown> {
    const mark = path.includes('?') ? '&' : '?'
    const url = server.url() + path + (isInQuery ? `${mark}token=${server.token()}` : '')
    const authorization = isInQuery ? {} : { Authorization: `Bearer ${server.token()}` }
    const reply = await plainRequest(url, { method, headers: { ...authorization, ...headers } })
    return reply.headers['cache-control']
  }

  it.each(['', '/keys', '/access', '/audit', '/records'])(
    'is no answer about a store, which may hold its signing secret or signed links: %s',
    async (rest) => {
      expect(await cacheControl(store + rest)).toBe('no-store')
      expect(await cacheControl(store + rest, { method: 'HEAD' })).toBe('no-store')
    },
  )

  it('is no list of stores, no new store and no new secret', async () => {
    expect(await cacheControl('/v2/key-value-stores')).toBe('no-store')
    expect(await cacheControl('/v2/key-value-stores?name=new', { method: 'POST' })).toBe('no-store')
    expect(await cacheControl(`${store}/signing-secret`, { method: 'POST' })).toBe('no-store')
    expect(await cacheControl('/v2/users/me')).toBe('no-store')
  })

  it.each(['/records/K', '/record?key=K', '/records/none', '/keys', '/records', '', '/nothing'])(
    'is no answer to a URL with a token: %s',
    async (rest) => {
      expect(await cacheControl(store + rest, { isInQuery: true })).toBe('no-store')
    },
  )

  it('is no answer to a URL with a wrong, an empty or a percent-encoded token', async () => {
    for (const query of ['token=wrong', 'token=', '%74oken=wrong', 'a=b&token=wrong']) {
      const reply = await plainRequest(`${server.url()}${store}/records/K?${query}`)
      expect(reply.headers['cache-control'], query).toBe('no-store')
    }
  })

  it('is not even the answer that a record has not changed, to a URL with a token', async () => {
    const headers = { 'If-None-Match': '*' }
    const path = `${store}/records/K`
    expect(await cacheControl(path, { isInQuery: true, headers })).toBe('no-store')
  })

  it('is no value of a project, to a URL with a token', async () => {
    const { data } = JSON.parse(
      String(
        (
          await plainRequest(`${server.url()}/coatcheck/v1/projects`, {
            method: 'POST',
            headers: {
              Authorization: `Bearer ${server.token()}`,
              'Content-Type': 'application/json',
            },
            body: '{"name":"cached"}',
          })
        ).body,
      ),
    )
    const path = `/datablock_storage/${data.channelId}/get_key_value?key=a`
    expect(await cacheControl(path, { isInQuery: true })).toBe('no-store')
  })

  it('is a record, if they ask each time whether it has changed', async () => {
    expect(await cacheControl(`${store}/records/K`)).toBe('no-cache')
  })
})
