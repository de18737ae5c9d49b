import { beforeEach, describe, expect, it } from 'vitest'
import { WholeSource } from '../../core/kernel/byte-source.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { openTestDomain } from '../../core/testing/test-domain.ts'
import { TestEnvironment } from '../../core/testing/test-environment.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { HttpHandler, HttpReply } from '../../transport/exchange.ts'
import { createRestDoor, type RestApi } from './door.ts'
import { RequestError } from './errors.ts'
import { jsonReply } from './replies.ts'
import type { RestCall, Route } from './routes.ts'

const token = 'a-token-of-the-owner-for-tests-only'

/** A minimal API. */
const api: RestApi<RestCall, Route<RestCall>> = {
  overridesMethod: true,
  routes: [
    {
      path: '/x/echo/:store/:key',
      methods: {
        GET: async ({ subject, key, principal }) =>
          jsonReply(200, { subject, key, caller: principal.kind }),
        POST: async () => jsonReply(201, 'made'),
      },
    },
    {
      path: '/x/broken',
      methods: {
        GET: async () => {
          throw new Error('nobody expected this')
        },
        PUT: async () => {
          throw new StorageError('storage-full', 'The disk is full.', { cause: 'ENOSPC' })
        },
      },
    },
  ],
  allowedHeaders: 'Authorization',
  callOf: (call) => call,
  pageNotFound: (path) => new RequestError({ status: 404, type: 'nowhere' }, `No ${path}.`),
}

describe('a door of an HTTP API', () => {
  let environment: TestEnvironment
  let door: HttpHandler

  beforeEach(async () => {
    environment = new TestEnvironment()
    const domain = await openTestDomain(new MemoryEngine(), { environment })
    await domain.users.createFirst(token)
    door = createRestDoor(domain, environment, api)
  })

  function ask(method: string, path: string, headers: Record<string, string> = {}) {
    const [pathname = '', query = ''] = path.split('?')
    return door({
      method,
      path: pathname,
      query,
      header: (name) => headers[name],
      baseUrl: 'http://test',
      peer: '127.0.0.1',
      isForwarded: false,
      body: new WholeSource(Buffer.alloc(0)),
    })
  }

  function json({ body }: HttpReply): unknown {
    return JSON.parse(String(body))
  }

  it('passes a call to its handler, with the caller and the parameters of the path', async () => {
    const headers = { authorization: `Bearer ${token}` }
    const reply = await ask('GET', '/x/echo/a/b%20c', headers)
    expect(reply.status).toBe(200)
    expect(reply.headers['Access-Control-Allow-Origin']).toBe('*')
    expect(json(reply)).toEqual({ subject: 'a', key: 'b c', caller: 'user' })
    expect(json(await ask('GET', '/x/echo/a/b'))).toMatchObject({ caller: 'nobody' })
    expect(json(await ask('GET', `/x/echo/a/b?token=${token}`))).toMatchObject({ caller: 'user' })
  })

  it('refuses a wrong token before any handler runs', async () => {
    expect((await ask('GET', '/x/broken', { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  it('runs another method for a GET that names it, and a GET for a HEAD', async () => {
    expect((await ask('GET', '/x/echo/a/b?method=post')).status).toBe(201)
    expect((await ask('HEAD', '/x/echo/a/b')).status).toBe(200)
  })

  it('lists the allowed methods', async () => {
    const refused = await ask('PUT', '/x/echo/a/b')
    expect([refused.status, refused.headers.Allow]).toEqual([405, 'OPTIONS,GET,POST'])
    const asked = await ask('OPTIONS', '/x/echo/a/b')
    expect(asked.status).toBe(204)
    expect(asked.headers).toMatchObject({
      'Access-Control-Allow-Methods': 'OPTIONS,GET,POST',
      'Access-Control-Allow-Headers': 'Authorization',
    })
  })

  it('answers an unknown path with the error of its API', async () => {
    const reply = await ask('GET', '/x/nothing')
    expect(reply.status).toBe(404)
    expect(json(reply)).toMatchObject({ error: { type: 'nowhere' } })
  })

  it('answers each failure, and logs those that are not the mistake of the client', async () => {
    await ask('GET', '/x/nothing')
    expect(environment.errors).toHaveLength(0)
    expect((await ask('PUT', '/x/broken')).status).toBe(507)
    expect((await ask('GET', '/x/broken')).status).toBe(500)
    // What the engine refuses, its own watch logs.
    expect(environment.errors).toEqual([new Error('nobody expected this')])
  })
})
