import { beforeAll, describe, expect, it } from 'vitest'
import { useTestStore } from '../../support/network/test-store.ts'

describe('the query of a request at the Apify door', () => {
  const { server, storeId, client } = useTestStore()

  beforeAll(async () => {
    await server.client().keyValueStores().getOrCreate()
    for (const key of ['A', 'B', 'C']) await client().setRecord({ key, value: key })
  })

  const send = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { Authorization: `Bearer ${server.token()}`, ...init.headers }
    return fetch(`${server.url()}/v2/key-value-stores${path}`, { ...init, headers })
  }
  const dataOf = async (path: string): Promise<Record<string, unknown>> =>
    JSON.parse(await (await send(path)).text()).data
  const typeOf = async (reply: Promise<Response>): Promise<[number, string]> => {
    const response = await reply
    return [response.status, JSON.parse(await response.text()).error.type]
  }

  it.each([
    ['1', true],
    ['true', true],
    ['True', true],
    ['TRUE', true],
    ['0', false],
    ['false', false],
    ['False', false],
    ['', false],
    ['yes', false],
    ['2', false],
  ])('reads the boolean "%s" as %s in every parameter', async (text, isSet) => {
    expect(await dataOf(`?desc=${text}&unnamed=${text}`)).toMatchObject({
      desc: isSet,
      unnamed: isSet,
      total: isSet ? 2 : 1,
    })
    const record = await send(`/${storeId()}/records/A?attachment=${text}&disableRedirect=${text}`)
    expect([record.status, record.headers.has('content-disposition')]).toEqual([200, isSet])
  })

  it('treats a limit of 0 and an empty limit as no limit', async () => {
    for (const limit of ['0', '', '00']) {
      expect(await dataOf(`?unnamed=1&limit=${limit}`)).toMatchObject({ limit: 1_000, count: 2 })
      expect(await dataOf(`/${storeId()}/keys?limit=${limit}`)).toMatchObject({
        limit: 1_000,
        count: 3,
        isTruncated: false,
        nextExclusiveStartKey: null,
      })
    }
  })

  it.each(['-1', 'x', '1.5', '1e3', '0x10', '٣', '9'.repeat(30)])(
    'refuses the limit %s',
    async (limit) => {
      const query = `limit=${encodeURIComponent(limit)}`
      expect(await typeOf(send(`?${query}`))).toEqual([400, 'invalid-value'])
      expect(await typeOf(send(`/${storeId()}/keys?${query}`))).toEqual([400, 'invalid-value'])
    },
  )

  it('uses the first of two equal parameters, and ignores unknown parameters', async () => {
    const page = await dataOf(`/${storeId()}/keys?limit=1&limit=2&bogus=1&__proto__=x`)
    expect(page).toMatchObject({ limit: 1, count: 1 })
  })

  it('lets a GET stand for other methods, in upper or lower case', async () => {
    expect((await send('?method=POST&name=by-get')).status).toBe(201)
    expect((await send('?method=post&name=by-get')).status).toBe(200)
    expect((await send(`/${storeId()}/records/D?method=PUT`)).status).toBe(201)
    expect((await send(`/${storeId()}/records/D?method=HEAD`)).status).toBe(200)
    expect((await send(`/${storeId()}/records/D?method=delete`)).status).toBe(204)
    expect((await send('/~by-get?method=DELETE')).status).toBe(204)
  })

  it('lets only a GET stand for another method, and needs the same rights', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const path = `/${storeId()}/records/E?method=GET`
      expect((await send(path, { method })).status).toBe(method === 'DELETE' ? 204 : 201)
    }
    const anonymous = { headers: { Authorization: '' } }
    for (const path of [`/${storeId()}?method=DELETE`, `/${storeId()}/records/A?method=DELETE`]) {
      expect(await typeOf(send(path, anonymous)), path).toEqual([401, 'token-not-provided'])
    }
    expect((await send(`/${storeId()}/records/A`)).status).toBe(200)
  })

  it('answers a GET that stands for HEAD with the body of a GET', async () => {
    const plain = await send(`/${storeId()}/keys`)
    const named = await send(`/${storeId()}/keys?method=head`)
    expect([named.status, await named.text()]).toEqual([200, await plain.text()])
  })

  it.each(['PATCH', 'CONNECT', 'constructor', '__proto__', 'G ET'])(
    'refuses the unknown method %s',
    async (method) => {
      const refused = send(`/${storeId()}/keys?method=${encodeURIComponent(method)}`)
      expect(await typeOf(refused)).toEqual([405, 'method-not-allowed'])
    },
  )

  it.each([
    ['', 'OPTIONS,GET,POST'],
    ['/STORE', 'OPTIONS,GET,PUT,PATCH,DELETE'],
    ['/STORE/keys', 'OPTIONS,GET'],
    ['/STORE/records/A', 'OPTIONS,GET,HEAD,PUT,POST,PATCH,DELETE'],
  ])("lists the methods of %j in the API's words", async (path, allowed) => {
    const response = await send(path.replace('STORE', storeId()), { method: 'REPORT' })
    const message = `This API end-point can only be accessed using the following HTTP methods: ${allowed}`
    expect([response.status, await response.json()]).toEqual([
      405,
      { error: { type: 'method-not-allowed', message } },
    ])
    expect(response.headers.get('allow')).toBe(allowed)
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
