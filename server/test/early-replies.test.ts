import { ApifyClient } from 'apify-client'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { replyToRefused } from '../src/composition/early-replies.ts'
import { failed, noRoom } from '../src/transport/refusal.ts'
import { KeptEngine } from './support/data/kept-engine.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { sendRaw } from './support/network/raw-connection.ts'
import { startTestServer, useTestServer } from './support/network/test-server.ts'
import { freePort } from './support/processes/free-port.ts'

const origin = { Origin: 'https://page.example' }

/** The refusals of requests that reach no door have the form of all other errors. */
describe('a request while the server starts', () => {
  /** Starts a server that does not get beyond its start until `open` is called. */
  async function startSlowly(): Promise<{ url: string; open: () => Promise<void> }> {
    const { promise: mayOpen, resolve } = Promise.withResolvers<void>()
    const port = await freePort()
    const opener = async (): Promise<KeptEngine> => {
      await mayOpen
      return new KeptEngine()
    }
    const starting = startTestServer({ port }, { open: opener })
    onTestFinished(async () => {
      resolve()
      await (await starting).close()
    })
    const url = `http://127.0.0.1:${port}`
    await vi.waitFor(() => plainRequest(url), { timeout: 5_000 })
    return { url, open: async () => resolve() }
  }

  it('gets an error that clients understand, with CORS and Retry-After', async () => {
    const { url } = await startSlowly()
    for (const path of ['/v2/key-value-stores/x/records/A', '/coatcheck/v1/me', '/nothing', '/']) {
      for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
        const reply = await plainRequest(url + path, { method, headers: origin })
        expect(reply.status).toBe(503)
        expect(JSON.parse(reply.body.toString())).toEqual({
          error: { type: 'service-unavailable', message: 'Coatcheck is starting.' },
        })
        expect(reply.headers).toMatchObject({
          'content-type': 'application/json; charset=utf-8',
          'retry-after': '1',
          'access-control-allow-origin': '*',
          'access-control-expose-headers': '*',
        })
      }
    }
    const page = await plainRequest(`${url}/datablock_storage/c/get_key_value?key=k`)
    expect([page.status, JSON.parse(page.body.toString())]).toMatchObject([
      503,
      { type: 'TRY_AGAIN', msg: expect.stringMatching(/Try again/) },
    ])
    expect(page.headers['retry-after']).toBe('1')
    const health = await plainRequest(`${url}/health`, { headers: origin })
    expect(health.headers['access-control-allow-origin']).toBe('*')
  })

  it('is one that a page may send: its preflight succeeds', async () => {
    const { url } = await startSlowly()
    const headers = {
      ...origin,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'authorization,baggage',
    }
    const path = '/v2/key-value-stores/x/records/A'
    const reply = await plainRequest(url + path, { method: 'OPTIONS', headers })
    expect(reply.status).toBe(204)
    expect(reply.headers['access-control-allow-methods']).toContain('PUT')
    expect(reply.headers['access-control-allow-headers']).toMatch(/Authorization.*baggage/)
  })

  it("gives a sentence to Apify's client, which repeats the request by itself", async () => {
    const { url, open } = await startSlowly()
    const client = new ApifyClient({ baseUrl: url, token: 'x', maxRetries: 0 })
    await expect(client.keyValueStore('x').get()).rejects.toMatchObject({
      statusCode: 503,
      type: 'service-unavailable',
      message: 'Coatcheck is starting.',
    })
    const patient = new ApifyClient({ baseUrl: url, token: 'x', minDelayBetweenRetriesMillis: 20 })
    const asked = patient.keyValueStore('x').get()
    await open()
    await expect(asked).rejects.toMatchObject({ statusCode: 401 })
  })
})

describe('a request that is refused before it reaches a door', () => {
  const server = useTestServer()
  let port = ''

  beforeAll(() => {
    port = new URL(server.url()).port
  })

  it.each([
    ['/v2/key-value-stores', { error: { type: 'misdirected-request' } }],
    ['/coatcheck/v1/me', { error: { type: 'misdirected-request' } }],
    ['/datablock_storage/c/get_key_value', { type: 'MISDIRECTED_REQUEST' }],
  ])('for another host gets 421 in the form of the door at %s', async (path, expected) => {
    const headers = { ...origin, Host: 'other.example' }
    const reply = await plainRequest(`http://127.0.0.1:${port}${path}`, { headers })
    expect([reply.status, JSON.parse(reply.body.toString())]).toMatchObject([421, expected])
    expect(reply.body.toString()).toContain('--allowed-hosts other.example')
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'access-control-allow-origin': '*',
    })
  })

  it('for another host is one that a page may send: so it can read why it is refused', async () => {
    const headers = { ...origin, Host: 'other.example', 'Access-Control-Request-Method': 'PUT' }
    const url = `http://127.0.0.1:${port}/v2/key-value-stores/x/records/A`
    const reply = await plainRequest(url, { method: 'OPTIONS', headers })
    expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([204, '*'])
    const invalid = await plainRequest(url, { method: 'OPTIONS', headers: { Host: 'a b' } })
    expect(invalid.status).toBe(400)
  })

  it('by its head gets an error in the form of the door at its path', async () => {
    const request = [
      'POST /datablock_storage/c/set_key_value HTTP/1.1',
      'Host: localhost',
      'Transfer-Encoding: gzip, chunked',
    ]
    const reply = await sendRaw(server.url(), [`${request.join('\r\n')}\r\n\r\n0\r\n\r\n`], 'stay')
    expect(reply).toMatch(/^HTTP\/1\.1 501 .*"type":"TRANSFER_ENCODING_NOT_SUPPORTED"/s)
  })

  it.each([
    ['/v2/key-value-stores', noRoom, { error: { type: 'service-unavailable' } }],
    ['/datablock_storage/c/get_key_values', noRoom, { type: 'TRY_AGAIN' }],
    ['/v2/key-value-stores', failed, { error: { type: 'internal-server-error' } }],
    ['/datablock_storage/c/get_key_values', failed, { type: 'INTERNAL_ERROR' }],
  ])('at %s without room or by a failure gets one too', (path, refusal, expected) => {
    const request = { method: 'GET', path, header: () => undefined }
    const { status, headers, body } = replyToRefused(request, refusal)
    expect([status, JSON.parse(String(body))]).toMatchObject([refusal.status, expected])
    expect(headers).toMatchObject({
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Expose-Headers': '*',
      'Cache-Control': 'no-store',
      ...(refusal === noRoom && { 'Retry-After': '1' }),
    })
  })

  it.each([
    ['no HTTP', 'NO HTTP\r\n\r\n', 400],
    ['headers that are too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ])('with %s gets an error that pages can read', async (_, text, status) => {
    const reply = await sendRaw(server.url(), [text], 'stay')
    expect(reply).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\\{"error":\\{"type":"`, 's'))
    expect(reply).toMatch(/\r\nAccess-Control-Allow-Origin: \*\r\n/)
    expect(reply).toMatch(/\r\nContent-Type: application\/json; charset=utf-8\r\n/)
  })
})
