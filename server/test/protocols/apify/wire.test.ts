import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { useTestServer } from '../../support/network/test-server.ts'

const insufficientPermissions =
  "Insufficient permissions for the key-value store. Make sure you're passing a correct API token " +
  'and that it has the required permissions.'

/** The `data` of a reply, whatever it holds. */
async function dataOf(response: Response): Promise<{ id: string; desc: boolean }> {
  const { data } = JSON.parse(await response.text())
  return data
}

describe('the wire of the Apify door', () => {
  const server = useTestServer()
  let storeId = ''

  /** Sends a request with the owner's token; `init` may override it. */
  const send = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { Authorization: `Bearer ${server.token()}`, ...init.headers }
    return fetch(`${server.url()}${path}`, { ...init, headers })
  }
  const records = (key: string): string => `/v2/key-value-stores/${storeId}/records/${key}`
  const answer = async (response: Promise<Response>): Promise<[number, unknown]> => {
    const { status, text } = await response.then(async (one) => ({
      status: one.status,
      text: await one.text(),
    }))
    return [status, text === '' ? '' : JSON.parse(text)]
  }
  const error = (type: string, message: string): unknown => ({ error: { type, message } })

  beforeAll(async () => {
    const response = await send('/v2/key-value-stores?name=wire', { method: 'POST' })
    storeId = (await dataOf(response)).id
  })

  it('creates a store with 201 and a Location, and finds it with 200', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '0' }
    const init = { method: 'POST', headers }
    const made = await send('/v2/key-value-stores?name=created', init)
    const { id } = await dataOf(made)
    expect(made.status).toBe(201)
    expect(made.headers.get('location')).toBe(`${server.url()}/v2/key-value-stores/${id}`)
    expect(made.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect((await send('/v2/key-value-stores?name=created', init)).status).toBe(200)
  })

  it('returns every field of the store object', async () => {
    const [, body] = await answer(send(`/v2/key-value-stores/${storeId}`))
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const url = `${server.url()}/v2/key-value-stores/${storeId}`
    expect(body).toEqual({
      data: {
        id: storeId,
        name: 'wire',
        title: null,
        userId: expect.stringMatching(/^[a-zA-Z0-9]{17}$/),
        username: 'owner',
        createdAt: time,
        modifiedAt: time,
        accessedAt: time,
        actId: null,
        actRunId: null,
        schema: null,
        generalAccess: 'FOLLOW_USER_SETTING',
        recordCount: 0,
        kind: 'store',
        access: 'manage',
        retention: 'default',
        expiresAt: null,
        urlSigningSecretKey: expect.stringMatching(/^[a-zA-Z0-9]{32}$/),
        consoleUrl: expect.stringContaining(server.url()),
        keysPublicUrl: expect.stringContaining(`${url}/keys?signature=`),
        recordsPublicUrl: expect.stringContaining(`${url}/records?signature=`),
        stats: expect.any(Object),
      },
    })
  })

  it('stores with 201, {} and a Location; deletes with 204, also a missing record', async () => {
    for (const method of ['PUT', 'POST']) {
      const put = await send(records('A'), { method, body: 'x' })
      expect([put.status, await put.text()]).toEqual([201, '{}'])
      expect(put.headers.get('location')).toBe(`${server.url()}${records('A')}`)
    }
    expect(await answer(send(records('A'), { method: 'DELETE' }))).toEqual([204, ''])
    expect(await answer(send(records('A'), { method: 'DELETE' }))).toEqual([204, ''])
  })

  it('returns a content type also for a record that was sent without one', async () => {
    const body = new Blob([new Uint8Array([1, 2, 3])])
    await send(records('UNTYPED'), { method: 'PUT', body })
    const got = await send(records('UNTYPED'))
    expect(got.headers.get('content-type')).toBe('application/octet-stream')
  })

  it('answers HEAD with the headers of GET and no body', async () => {
    await send(records('HEAD'), { method: 'PUT', body: 'four' })
    const head = await send(records('HEAD'), { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(head.headers.get('content-length')).toBe('4')
    expect(head.headers.get('content-type')).toBe('text/plain;charset=UTF-8')
    expect((await send(records('NONE'), { method: 'HEAD' })).status).toBe(404)
  })

  it('sends a record as an attachment on request, with unchanged bytes', async () => {
    const html = '<script>alert(1)</script>'
    await send(records('PAGE'), {
      method: 'PUT',
      body: html,
      headers: { 'Content-Type': 'text/html' },
    })
    const plain = await send(records('PAGE'))
    expect(plain.headers.get('content-disposition')).toBeNull()
    expect(plain.headers.get('content-security-policy')).toBe('sandbox')
    expect(plain.headers.get('x-content-type-options')).toBe('nosniff')
    for (const flag of ['1', 'true']) {
      const attached = await send(`${records('PAGE')}?attachment=${flag}&disableRedirect=1`)
      expect(attached.headers.get('content-disposition')).toBe('attachment; filename="PAGE"')
      expect(await attached.text()).toBe(html)
    }
    const notAttached = await send(`${records('PAGE')}?attachment=0`)
    expect(notAttached.headers.get('content-disposition')).toBeNull()
  })

  it.each([
    ['br', brotliCompressSync],
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])(
    'keeps %s as it was sent, and decodes it only for clients that do not accept it',
    async (name, encode) => {
      const text = 'hello '.repeat(50_000)
      const body = new Uint8Array(encode(text))
      const headers = { 'Content-Encoding': name, 'Content-Type': 'text/plain' }
      await send(records('ENCODED'), { method: 'PUT', body, headers })
      const kept = await rawGet(records('ENCODED'), `gzip;q=0.5, ${name}`)
      expect(kept.headers.get('content-encoding')).toBe(name)
      expect(kept.headers.get('vary')).toBe('Accept-Encoding')
      expect(Number(kept.headers.get('content-length'))).toBe(body.length)
      for (const accepted of ['identity', `${name};q=0`, '']) {
        const decoded = await rawGet(records('ENCODED'), accepted)
        expect(decoded.headers.get('content-encoding'), accepted).toBeNull()
        expect(await decoded.text(), accepted).toBe(text)
      }
      const [, keys] = await answer(send(`/v2/key-value-stores/${storeId}/keys?prefix=ENCODED`))
      expect(keys).toMatchObject({ data: { items: [{ key: 'ENCODED', size: body.length }] } })
    },
  )

  it('refuses unknown encodings', async () => {
    for (const name of ['bla', 'zstd', 'gzip, br']) {
      const headers = { 'Content-Encoding': name }
      const put = send(records('BLA'), { method: 'PUT', body: 'x', headers })
      const message = `Content-Encoding "${name}" is not supported.`
      expect(await answer(put)).toEqual([415, error('unsupported-content-encoding', message)])
    }
    expect((await send(records('BLA'))).status).toBe(404)
  })

  it('answers 422, never 500, for a body with a wrong Content-Encoding', async () => {
    const headers = { 'Content-Encoding': 'br', 'Content-Type': 'text/plain' }
    await send(records('LIE'), { method: 'PUT', body: 'this is no brotli', headers })
    const [status, body] = await answer(rawGet(records('LIE'), 'identity'))
    expect([status, body]).toMatchObject([422, { error: { type: 'invalid-content-encoding' } }])
    const asStored = await rawGet(records('LIE'), 'br')
    expect(asStored.status).toBe(200)
    await asStored.body?.cancel().catch(() => undefined)
  })

  it("reports missing stores and records in the API's words", async () => {
    const noStore = error('record-not-found', 'Key-value Store was not found')
    const noRecord = error('record-not-found', 'Record was not found')
    for (const id of ['AAAAAAAAAAAAAAAAA', 'plain-name', '~none', 'owner~none', 'x~wire', '.x']) {
      expect(await answer(send(`/v2/key-value-stores/${id}`)), id).toEqual([404, noStore])
      const get = send(`/v2/key-value-stores/${id}/records/A`)
      expect(await answer(get), id).toEqual([404, noStore])
    }
    expect(await answer(send(records('NONE')))).toEqual([404, noRecord])
    const gone = send('/v2/key-value-stores/AAAAAAAAAAAAAAAAA', { method: 'DELETE' })
    expect(await answer(gone)).toEqual([404, noStore])
  })

  it("asks for a valid token in the API's words", async () => {
    const none = { headers: { Authorization: '' } }
    const wrong = { headers: { Authorization: 'Bearer wrong' } }
    const provide = error('token-not-provided', 'Authentication token was not provided')
    const invalid = error(
      'user-or-token-not-found',
      'User was not found or authentication token is not valid',
    )
    expect(await answer(fetch(`${server.url()}/v2/key-value-stores`))).toEqual([401, provide])
    expect(await answer(send('/v2/key-value-stores', none))).toEqual([401, provide])
    // Basic authentication is for a proxy, and is not a token of Coatcheck.
    const basic = { headers: { Authorization: 'Basic eDp5' } }
    expect(await answer(send('/v2/key-value-stores', basic))).toEqual([401, provide])
    for (const header of ['Bearer wrong', 'wrong', 'Bearer ä', 'Bearer a b']) {
      const init = { headers: { Authorization: encodeURIComponent(header).replaceAll('%20', ' ') } }
      expect(await answer(send('/v2/key-value-stores', init)), header).toEqual([401, invalid])
    }
    expect(await answer(send(records('A'), { ...wrong, method: 'PUT', body: 'x' }))).toEqual([
      401,
      invalid,
    ])
    const put = fetch(`${server.url()}${records('A')}`, { method: 'PUT', body: 'x' })
    expect(await answer(put)).toEqual([401, provide])
  })

  it('accepts the token in the query; the header has priority', async () => {
    const path = `/v2/key-value-stores/${storeId}?token=${server.token()}`
    expect((await fetch(server.url() + path)).status).toBe(200)
    expect((await send(`/v2/key-value-stores/${storeId}?token=wrong`)).status).toBe(200)
    expect((await fetch(`${server.url()}/v2/key-value-stores?token=wrong`)).status).toBe(401)
  })

  it('refuses a store to callers without a token until it is opened by id', async () => {
    await send(records('OPEN'), { method: 'PUT', body: 'read me' })
    const anyone = (): Promise<Response> => fetch(`${server.url()}${records('OPEN')}`)
    const denied = error('insufficient-permissions', insufficientPermissions)
    expect(await answer(anyone())).toEqual([403, denied])
    const update = (generalAccess: string): Promise<Response> =>
      send(`/v2/key-value-stores/${storeId}`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ generalAccess }),
      })
    await update('ANYONE_WITH_ID_CAN_READ')
    expect(await (await anyone()).text()).toBe('read me')
    const [, info] = await answer(fetch(`${server.url()}/v2/key-value-stores/${storeId}`))
    expect(info).not.toHaveProperty('data.urlSigningSecretKey')
    await update('RESTRICTED')
    expect(await answer(anyone())).toEqual([403, denied])
  })

  it('lets ?method= stand for another method on a GET', async () => {
    await send(records('OVERRIDE'), { method: 'PUT', body: 'x' })
    expect((await send(`${records('OVERRIDE')}?method=DELETE`)).status).toBe(204)
    expect((await send(records('OVERRIDE'))).status).toBe(404)
    expect((await send(`${records('OVERRIDE')}?method=PATCH`)).status).toBe(415)
    expect((await send(`${records('OVERRIDE')}?method=TRACE`)).status).toBe(405)
  })

  it('lists the methods of an endpoint', async () => {
    const put = await send('/v2/key-value-stores', { method: 'PUT', body: 'x' })
    expect(put.headers.get('allow')).toBe('OPTIONS,GET,POST')
    const message =
      'This API end-point can only be accessed using the following HTTP methods: OPTIONS,GET'
    const keys = send(`/v2/key-value-stores/${storeId}/keys`, { method: 'DELETE' })
    expect(await answer(keys)).toEqual([405, error('method-not-allowed', message)])
  })

  it('answers page-not-found for unknown paths, with any slashes', async () => {
    const paths = ['/v2', '/v2/', '/v3/key-value-stores', '/v2/key-value-stores/', '/nothing']
    const deeper = [`${records('A')}/b`, `/v2//key-value-stores`, `/v2/key-value-stores//records/A`]
    for (const path of [...paths, ...deeper]) {
      const [status, body] = await answer(send(path))
      expect([status, body], path).toMatchObject([404, { error: { type: 'page-not-found' } }])
    }
  })

  it('states a rate limit, and allows pages of every origin', async () => {
    const got = await send(records('NONE'))
    expect(got.headers.get('x-ratelimit-limit')).toBe('200')
    expect(got.headers.get('access-control-allow-origin')).toBe('*')
    const preflight = await fetch(`${server.url()}${records('A')}`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-methods')).toBe(
      'OPTIONS,GET,HEAD,PUT,POST,PATCH,DELETE',
    )
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization')
  })

  it('accepts the four spellings of a boolean', async () => {
    const desc = async (text: string): Promise<unknown> =>
      (await dataOf(await send(`/v2/key-value-stores?desc=${text}`))).desc
    expect(await Promise.all(['1', 'true', '0', 'false'].map(desc))).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  it('shows the console in a browser', async () => {
    const page = await fetch(server.url())
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await page.text()).toContain('<title>Coatcheck</title>')
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })

  /** `fetch` decodes replies itself, so this sets the Accept-Encoding that it sends. */
  function rawGet(path: string, acceptEncoding: string): Promise<Response> {
    return send(path, { headers: { 'Accept-Encoding': acceptEncoding } })
  }
})
