import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Ending, sendRaw } from '../../support/network/raw-connection.ts'
import { useTestStore } from '../../support/network/test-store.ts'

describe('bad input at the Apify door', () => {
  const { server, storeId, client, keys, path, putHead } = useTestStore()

  const authorization = (): string => `Authorization: Bearer ${server.token()}`

  const raw = (parts: readonly (string | Buffer)[], ending: Ending): Promise<string> =>
    sendRaw(server.url(), parts, ending)

  it('stores nothing of an upload that ends before its declared length', async () => {
    const received = await raw([putHead('SHORT', ['Content-Length: 100']), 'only this'], 'cut')
    expect(received).toBe('')
    expect(await keys()).not.toContain('SHORT')
  })

  it('stores nothing of a large or a chunked upload that is cut off', async () => {
    const part = Buffer.alloc(1_500_000, 'x')
    await raw([putHead('CUT', ['Content-Length: 5000000']), part], 'cut')
    const chunk = Buffer.concat([Buffer.from('16e360\r\n'), part, Buffer.from('\r\n')])
    await raw([putHead('CUT', ['Transfer-Encoding: chunked']), chunk], 'cut')
    expect(await keys()).not.toContain('CUT')
  })

  it('keeps the old record if the upload of a new value is cut off', async () => {
    const store = client()
    await store.setRecord({ key: 'KEPT', value: 'before' })
    await raw([putHead('KEPT', ['Content-Length: 5000000']), Buffer.alloc(2_000_000)], 'cut')
    expect((await store.getRecord('KEPT'))?.value).toBe('before')
  })

  it('reads only the declared length, and refuses the bytes after it', async () => {
    const headers = ['Content-Type: text/plain', 'Content-Length: 4', 'Connection: keep-alive']
    const received = await raw([`${putHead('LONG', headers)}four and more`], 'end')
    expect(received).toContain('400 Bad Request')
    const record = await client().getRecord('LONG')
    expect(record?.value).toBeOneOf(['four', undefined])
  })

  it.each([
    ['two lengths', 'Content-Length: 4\r\nContent-Length: 5'],
    ['a length and chunks', 'Content-Length: 4\r\nTransfer-Encoding: chunked'],
    ['a length that is not a number', 'Content-Length: four'],
    ['a negative length', 'Content-Length: -1'],
    ['a folded header', 'X-Folded: a\r\n b'],
    ['a header without a name', ': empty'],
  ])('refuses a request with %s and closes the connection', async (_, headers) => {
    const received = await raw([`${putHead('SMUGGLED', [headers])}{"a"}`], 'end')
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request/)
    expect(received).toContain('"type":"invalid-request"')
    expect(await keys()).not.toContain('SMUGGLED')
  })

  it('refuses headers that are too large, and bytes that are not HTTP', async () => {
    const large = await raw([putHead('LARGE', [`X-Large: ${'x'.repeat(20_000)}`])], 'end')
    expect(large).toMatch(/^HTTP\/1\.1 431 /)
    expect(await raw(['\0\0\0garbage\r\n\r\n'], 'end')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('refuses an invalid content type', async () => {
    for (const contentType of ['json', 'text/', '/plain', 'text/plain; charset', 'a/b\u00e9']) {
      const received = await raw(
        [`${putHead('TYPE', [`Content-Type: ${contentType}`, 'Content-Length: 1'])}x`],
        'end',
      )
      expect(received, contentType).toMatch(/^HTTP\/1\.1 400 /)
      expect(received, contentType).toContain('"type":"invalid-content-type-header"')
    }
    expect(await keys()).not.toContain('TYPE')
  })

  it.each(['a%2Fb', 'a%00b', 'a%252eb', '%2e%2e', '%2E', 'a%20b', 'a+b', '%F0%9F%98%80', 'a~b'])(
    'stores no record under the key %s',
    async (key) => {
      const response = await send(path(key), { method: 'PUT', body: 'x' })
      expect([response.status, await typeOf(response)]).toEqual([400, 'invalid-record-key'])
      expect((await send(path(key))).status).toBeOneOf([400, 404])
      expect((await send(path(key), { method: 'DELETE' })).status).toBeOneOf([204, 400])
    },
  )

  it.each(['%', '%zz', '%ff', 'a%C3%28'])('refuses %s, which is not a valid key', async (key) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { body: 'x' } : {}
      const response = await rawRequest(method, path(key), body)
      expect(response, method).toMatch(/^HTTP\/1\.1 400 /)
      expect(response, method).toContain('invalid-record-key')
    }
  })

  it('never treats a path with a slash after the store as the store', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'POST']) {
      const path = `/v2/key-value-stores/${storeId()}/`
      const response = await rawRequest(method, path, { body: '{"name":"renamed"}' })
      expect(response, method).toMatch(/^HTTP\/1\.1 400 /)
    }
    expect((await client().get())?.name).toBe('test-store')
  })

  it.each([
    ['invalid JSON', '{"name":', 400, 'invalid-request'],
    ['an array', '[]', 400, 'invalid-request'],
    ['null', 'null', 400, 'invalid-request'],
    ['nothing', '', 400, 'invalid-request'],
    ['a name that is a number', '{"name":1}', 400, 'invalid-value'],
    ['a title that is an object', '{"title":{}}', 400, 'invalid-value'],
    ['a title that is too long', JSON.stringify({ title: 'x'.repeat(257) }), 400, 'invalid-value'],
    ['an unknown access level', '{"generalAccess":"EVERYONE"}', 400, 'invalid-value'],
    ['deep nesting', '['.repeat(100_000), 400, 'invalid-request'],
    ['too much', `{"title":"${'x'.repeat(9_437_184)}"}`, 413, 'request-too-large'],
  ])('refuses an update of a store with %s', async (_, body, status, type) => {
    const before = await client().get()
    const response = await send(`/v2/key-value-stores/${storeId()}`, {
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'application/json' },
    })
    expect([response.status, await typeOf(response)]).toEqual([status, type])
    expect(await client().get()).toEqual(before)
  })

  it('reports the largest size of a JSON body', async () => {
    const body = `{"title":"${'x'.repeat(9_437_184)}"}`
    const response = await send(`/v2/key-value-stores/${storeId()}`, {
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'application/json' },
    })
    const { error } = JSON.parse(await response.text())
    expect(error.message).toBe(
      `The POST payload is too large (limit: 9437184 bytes, actual length: ${body.length} bytes).`,
    )
  })

  it('refuses a JSON body that explodes when it is decoded', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '))
    const response = await send(`/v2/key-value-stores/${storeId()}`, {
      method: 'PUT',
      body: new Uint8Array(bomb),
      headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
    })
    expect([response.status, await typeOf(response)]).toEqual([413, 'request-too-large'])
  })

  it('refuses a JSON body that does not say that it is one', async () => {
    const response = await send(`/v2/key-value-stores/${storeId()}`, {
      method: 'PUT',
      body: '{"name":"renamed"}',
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(response.status).toBe(415)
    expect((await client().get())?.name).toBe('test-store')
  })

  it('ignores unknown fields and prototypes in an update', async () => {
    const before = await client().get()
    const body = '{"id":"x","userId":"x","createdAt":1,"__proto__":{"name":"x"},"stats":{}}'
    const response = await send(`/v2/key-value-stores/${storeId()}`, {
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'application/json' },
    })
    expect(response.status).toBe(200)
    const after = await client().get()
    expect({ ...after, modifiedAt: 0, accessedAt: 0 }).toEqual({
      ...before,
      modifiedAt: 0,
      accessedAt: 0,
    })
  })

  it.each(['limit=-1', 'limit=x', 'limit=1.5', 'limit=1e3', 'offset=-1', 'offset=x'])(
    'refuses the number %s',
    async (query) => {
      const response = await send(`/v2/key-value-stores?${query}`)
      expect([response.status, await typeOf(response)]).toEqual([400, 'invalid-value'])
    },
  )

  it('still serves after all of this, and logged no error', async () => {
    const store = client()
    await store.setRecord({ key: 'ALIVE', value: { still: 'here' } })
    expect((await store.getRecord('ALIVE'))?.value).toEqual({ still: 'here' })
    expect(server.logged()).toEqual([])
  })

  function send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { Authorization: `Bearer ${server.token()}`, ...init.headers }
    return fetch(`${server.url()}${path}`, { ...init, headers })
  }

  /** Sends the path unchanged: `fetch` would normalize it. */
  function rawRequest(method: string, path: string, { body = '' }): Promise<string> {
    const head = [
      `${method} ${path} HTTP/1.1`,
      'Host: localhost',
      authorization(),
      'Connection: close',
    ]
    const headers = [`Content-Length: ${body.length}`, 'Content-Type: application/json']
    return raw([[...head, ...headers, '', body].join('\r\n')], 'end')
  }
})

async function typeOf(response: Response): Promise<string> {
  return JSON.parse(await response.text()).error.type
}
