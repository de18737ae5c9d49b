import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { routes as apifyRoutes } from '../../../src/protocols/apify/routes.ts'
import { routes } from '../../../src/protocols/coatcheck/routes.ts'
import { brotliBomb } from '../../support/network/bomb.ts'
import { errorTypeOf, ownerRequests, plainRequest } from '../../support/network/plain-request.ts'
import { useTestServer } from '../../support/network/test-server.ts'

const json = { 'Content-Type': 'application/json' }
const jsonBytesMax = 9_437_184
const own = routes.flatMap(({ path, methods }) =>
  Object.keys(methods).map((method) => ({ method, path })),
)
const project = '/coatcheck/v1/projects/:channel'
/** Endpoints that take a JSON object; with `isOptional` the body may be missing. */
const takers = [
  { method: 'PATCH', path: '/coatcheck/v1/me', isOptional: false },
  { method: 'POST', path: '/coatcheck/v1/users', isOptional: false },
  { method: 'PATCH', path: '/coatcheck/v1/users/:user', isOptional: false },
  { method: 'POST', path: '/coatcheck/v1/tokens', isOptional: true },
  { method: 'POST', path: '/coatcheck/v1/projects', isOptional: false },
  { method: 'POST', path: '/applab/projects', isOptional: false },
  { method: 'PATCH', path: project, isOptional: false },
  { method: 'PATCH', path: '/v2/key-value-stores/:store/access', isOptional: false },
  { method: 'POST', path: '/v2/key-value-stores/:store/delete-records', isOptional: false },
  { method: 'POST', path: '/v2/key-value-stores/:store/find', isOptional: false },
  { method: 'POST', path: '/v2/key-value-stores/:store/move', isOptional: false },
  { method: 'POST', path: '/v2/key-value-stores/:store/archive', isOptional: false },
]
/** Endpoints that take a JSON object with any members. */
const takersOfAny = [
  { method: 'POST', path: `${project}/import`, isOptional: false },
  { method: 'PUT', path: `${project}/seed`, isOptional: false },
]
/** Endpoints that need no body. */
const bodiless = [
  `POST ${project}/rotate-key`,
  `POST ${project}/reset`,
  'POST /coatcheck/v1/clock/confirm',
]

describe("bad requests to Coatcheck's own API", () => {
  const server = useTestServer()
  const send = ownerRequests(server)
  let storeId = ''
  let channelId = ''
  let bomb = Buffer.alloc(0)

  beforeAll(async () => {
    bomb = brotliBomb(jsonBytesMax + 1)
    storeId = (await server.client().keyValueStores().getOrCreate('bad-requests')).id
    await server.client().keyValueStore(storeId).setRecord({ key: 'KEPT', value: 'kept' })
    const reply = await send('/applab/projects', {
      method: 'POST',
      body: '{"name":"a"}',
      headers: json,
    })
    channelId = JSON.parse(reply.body.toString()).data.channelId
  })

  const fill = (path: string): string =>
    path
      .replace(':store', storeId)
      .replace(':channel', channelId)
      .replace(':user', 'owner')
      .replace(':token', '0123456789abcdef')
  const answerOf = (reply: Awaited<ReturnType<typeof send>>): unknown => [
    reply.status,
    errorTypeOf(reply),
  ]

  /** All state that these requests could change. */
  async function state(): Promise<string> {
    const paths = [
      '/coatcheck/v1/me',
      '/coatcheck/v1/users',
      '/coatcheck/v1/projects',
      `/coatcheck/v1/projects/${channelId}`,
      `/v2/key-value-stores/${storeId}/access`,
      `/v2/key-value-stores/${storeId}/records/KEPT`,
    ]
    const replies = await Promise.all(paths.map((path) => send(path)))
    const { data } = JSON.parse((await send('/coatcheck/v1/tokens')).body.toString())
    return [data.count, ...replies.map(({ body }) => body.toString())].join('\n')
  }

  it('are tested with every endpoint that takes a body', () => {
    const changing = [...routes, ...apifyRoutes].flatMap(({ path, methods }) =>
      Object.keys(methods)
        .filter((method) => method === 'PATCH' || method === 'POST')
        .map((method) => `${method} ${path}`),
    )
    for (const { method, path } of takers) expect(changing).toContain(`${method} ${path}`)
    const others = own.filter(({ method }) => method === 'PATCH' || method === 'POST')
    const listed = [...takers, ...takersOfAny].map(({ method, path }) => `${method} ${path}`)
    const known = [...listed, ...bodiless]
    for (const { method, path } of others) expect(known).toContain(`${method} ${path}`)
  })

  const all = [...takers, ...takersOfAny]
  it.each(all)('are bodies that are not a JSON object, at $method $path', async (taker) => {
    const { method, path, isOptional } = taker
    const before = await state()
    const ask = (body: string | Uint8Array, headers: Record<string, string> = json) =>
      send(fill(path), { method, body, headers })
    const bad = [
      '{',
      'nonsense',
      '[]',
      'null',
      'true',
      '7',
      '"text"',
      '{} {}',
      "{'username':'x'}",
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      '{"a":'.repeat(100_000),
      ...(isOptional ? [] : ['']),
    ]
    for (const body of bad) {
      const told = body.toString().slice(0, 20)
      expect(answerOf(await ask(body)), told).toEqual([400, 'invalid-request'])
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const reply = await ask('{}', { 'Content-Type': type })
      expect(answerOf(reply), type).toEqual([415, 'invalid-content-type-header'])
    }
    expect(answerOf(await ask('{}', {}))).toEqual([415, 'invalid-content-type-header'])
    expect(await state()).toBe(before)
  })

  it.each(all)('are bodies with a wrong Content-Encoding, at $method $path', async (taker) => {
    const before = await state()
    const ask = (body: string | Uint8Array, encoding: string) =>
      send(fill(taker.path), {
        method: taker.method,
        body,
        headers: { ...json, 'Content-Encoding': encoding },
      })
    expect(answerOf(await ask('{}', 'zstd'))).toEqual([415, 'unsupported-content-encoding'])
    for (const encoding of ['gzip', 'br', 'deflate']) {
      expect(answerOf(await ask('{}', encoding)), encoding).toEqual([400, 'invalid-request'])
    }
    expect(answerOf(await ask(bomb, 'br'))).toEqual([413, 'request-too-large'])
    if (takersOfAny.includes(taker)) return expect(await state()).toBe(before)
    const odd = gzipSync(Buffer.from('{"odd":1}'))
    expect(answerOf(await ask(odd, 'gzip'))).toEqual([400, 'invalid-value'])
    expect(await state()).toBe(before)
  })

  it.each(all)('are bodies that are too large, at $method $path', async ({ method, path }) => {
    const before = await state()
    const body = `{"a":"${'x'.repeat(jsonBytesMax)}"}`
    const reply = await send(fill(path), { method, body, headers: json })
    expect(answerOf(reply)).toEqual([413, 'request-too-large'])
    expect(await state()).toBe(before)
  })

  it.each(takers)('are unknown fields, at $method $path', async ({ method, path }) => {
    const before = await state()
    for (const name of ['odd', '', '__proto__', 'constructor', 'toString', 'x'.repeat(10_000)]) {
      const body = `{${JSON.stringify(name)}:{}}`
      const reply = await send(fill(path), { method, body, headers: json })
      expect(answerOf(reply), name.slice(0, 20)).toEqual([400, 'invalid-value'])
    }
    expect(await state()).toBe(before)
  })

  it('are unknown paths; the reply says where to look', async () => {
    const paths = [
      '/coatcheck/v1/',
      '/coatcheck/v1/none',
      '/coatcheck/v1/me/',
      '/coatcheck/v1//me',
      '/coatcheck/v1/ME',
      '/coatcheck/v1/users/',
      '/coatcheck/v1/users/owner/',
      '/coatcheck/v1/users/owner/tokens',
      '/coatcheck/v1/tokens/',
      '/coatcheck/v1/constructor',
      '/coatcheck/v1/%6de',
    ]
    for (const path of [...paths, '/coatcheck/v1', '/coatcheck/v2/me', '/coatcheck']) {
      for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'PUT']) {
        expect(answerOf(await send(path, { method })), path).toEqual([404, 'page-not-found'])
      }
    }
    const { body } = await send('/coatcheck/v1/none')
    expect(body.toString()).toContain('docs/api.md')
  })

  it('are unknown methods, with and without a token', async () => {
    const methods = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE']
    for (const { path, methods: allowed } of routes) {
      const list = ['OPTIONS', ...Object.keys(allowed)].join(',')
      for (const method of methods.filter((one) => !Object.hasOwn(allowed, one))) {
        for (const ask of [
          send,
          (at: string, asked: object) => plainRequest(server.url() + at, asked),
        ]) {
          const reply = await ask(fill(path), { method })
          expect(answerOf(reply), `${method} ${path}`).toEqual([405, 'method-not-allowed'])
          expect(reply.headers.allow).toBe(list)
        }
      }
    }
  })

  it('do not include preflight requests', async () => {
    for (const { path, methods } of routes) {
      const reply = await plainRequest(server.url() + fill(path), { method: 'OPTIONS' })
      expect(reply.status).toBe(204)
      expect(reply.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': ['OPTIONS', ...Object.keys(methods)].join(','),
      })
    }
  })

  it('are not logged as errors of the server', () => {
    expect(server.logged()).toEqual([])
  })
})
