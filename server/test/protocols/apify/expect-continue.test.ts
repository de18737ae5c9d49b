import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { ownerRequests } from '../../support/network/plain-request.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'

interface Asked {
  readonly method?: string
  readonly target: string
  readonly lines?: readonly string[]
  readonly token?: string
  readonly expected?: string
}

/** RFC 9110, 10.1.1: a client that expects 100-continue sends its body only if it is wanted. */
describe.each(engines)('Expect: 100-continue, on %s', (engine) => {
  const server = useTestServer({ engine })
  const ask = ownerRequests(server)
  let store = ''
  /** A store with a JSON Schema for all records. */
  let strict = ''

  beforeAll(async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('expecting')
    store = `/v2/key-value-stores/${id}`
    await ask(`${store}/records/THERE`, { method: 'PUT', body: 'there' })
    const all = { keyPrefix: '', contentTypes: ['application/json'], jsonSchema: {} }
    const schema = { actorKeyValueStoreSchemaVersion: 1, title: 't', collections: { all } }
    const made = await server.client().keyValueStores().getOrCreate('strict', { schema })
    strict = `/v2/key-value-stores/${made.id}`
  })

  /** Sends a head, waits for the first answer, and sends the body if it is 100. */
  async function converse(asked: Asked): Promise<{ statuses: number[]; text: string }> {
    const { method = 'PUT', target, lines = [], token = server.token(), expected } = asked
    const body = 'abc'
    const head = [
      `${method} ${target} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${token}`,
      `Content-Length: ${body.length}`,
      `Expect: ${expected ?? '100-continue'}`,
      ...lines,
    ]
    const socket = connect(Number(new URL(server.url()).port), '127.0.0.1')
    let text = ''
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    await once(socket, 'connect')
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    const statuses = (): number[] =>
      [...text.matchAll(/HTTP\/1\.1 (\d\d\d) /g)].map(([, status]) => Number(status))
    await expect.poll(() => statuses().length, { interval: 2, timeout: 10_000 }).toBe(1)
    if (statuses()[0] === 100) {
      socket.write(body)
      await expect.poll(() => statuses().length, { interval: 2, timeout: 10_000 }).toBe(2)
    } else if (!socket.closed) {
      // The body does not come, so the connection can't be used again.
      await once(socket, 'close')
    }
    socket.destroy()
    return { statuses: statuses(), text }
  }

  const there = (): string => `${store}/records/THERE`

  it('gets 100 and then the answer, if the body is wanted', async () => {
    for (const expected of ['100-continue', '100-Continue']) {
      const { statuses } = await converse({ target: `${store}/records/NEW`, expected })
      expect(statuses).toEqual([100, 201])
    }
    expect((await ask(`${store}/records/NEW`)).body.toString()).toBe('abc')
    const large = ['If-Match: *']
    expect((await converse({ target: there(), lines: large })).statuses).toEqual([100, 201])
  })

  it.each<[string, () => Asked, number]>([
    ['a wrong token', () => ({ target: there(), token: 'wrong' }), 401],
    ['an unknown store', () => ({ target: '/v2/key-value-stores/x/records/A' }), 404],
    ['a key with a colon', () => ({ target: `${store}/records/a%3Ab` }), 400],
    ['a key that is too long', () => ({ target: `${store}/records/${'k'.repeat(257)}` }), 400],
    ['a key of dots', () => ({ target: `${store}/records/%2E%2E` }), 400],
    ['a key of no UTF-8', () => ({ target: `${store}/records/%ff` }), 400],
    [
      'If-None-Match: * on what exists',
      () => ({ target: there(), lines: ['If-None-Match: *'] }),
      412,
    ],
    ['another If-Match', () => ({ target: there(), lines: ['If-Match: "1"'] }), 412],
    ['a malformed condition', () => ({ target: there(), lines: ['If-Match: 1'] }), 400],
    ['an unknown encoding', () => ({ target: there(), lines: ['Content-Encoding: bla'] }), 415],
    ['an invalid content type', () => ({ target: there(), lines: ['Content-Type: bla'] }), 400],
    ['a part of a value', () => ({ target: there(), lines: ['Content-Range: bytes 0-2/9'] }), 400],
    [
      'If-Match on nothing, in a store with a schema',
      () => ({
        target: `${strict}/records/A`,
        lines: ['If-Match: *', 'Content-Type: application/json'],
      }),
      412,
    ],
    ['a wrong method', () => ({ target: `${store}/keys` }), 405],
    ['an unknown path', () => ({ target: '/v2/nothing' }), 404],
    ['another host', () => ({ target: 'http://evil.example/v2/users/me', method: 'GET' }), 421],
    [
      'a wrong token at another API',
      () => ({ target: '/coatcheck/v1/tokens', method: 'POST', token: 'wrong' }),
      401,
    ],
    [
      'a new store of a wrong token',
      () => ({ target: '/v2/key-value-stores', method: 'POST', token: 'wrong' }),
      401,
    ],
  ])('gets the refusal and no 100: %s', async (_, asked, status) => {
    const { statuses, text } = await converse(asked())
    expect(statuses).toEqual([status])
    expect(text).toMatch(/"error":\{"type":"/)
  })

  it('gets the refusal of an encoding and no 100, wherever a body may be encoded', async () => {
    const project = await ApplabProject.create({ url: server.url(), token: server.token() })
    const lines = ['Content-Encoding: bla', 'Content-Type: application/json']
    for (const [method, target] of [
      ['POST', `/datablock_storage/${project.channelId}/set_key_value`],
      ['PUT', `/datablock_storage/${project.channelId}/populate_key_values`],
      ['PUT', `/coatcheck/v1/projects/${project.channelId}/seed`],
      ['POST', `/coatcheck/v1/projects/${project.channelId}/import`],
    ] as const) {
      expect((await converse({ target, lines, method })).statuses, target).toEqual([415])
    }
  })

  it('gets the refusal of a page and no 100 from App Lab', async () => {
    const project = await ApplabProject.create({ url: server.url(), token: server.token() })
    const target = `/datablock_storage/${project.channelId}/set_key_value?key=k&value=1`
    const lines = ['X-Page-Key: wrong']
    const head = { target, lines, method: 'POST', token: '' }
    const { statuses, text } = await converse(head)
    expect(statuses).toEqual([401])
    expect(text).toMatch(/"type":"/)
  })

  it('a condition on a value in chunks is decided before its first byte', async () => {
    const socket = connect(Number(new URL(server.url()).port), '127.0.0.1')
    let text = ''
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    const lines = [
      `PUT ${there()} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${server.token()}`,
      'If-None-Match: *',
      'Transfer-Encoding: chunked',
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    await expect.poll(() => text, { interval: 2 }).toMatch(/^HTTP\/1\.1 412 /)
    socket.destroy()
  })

  it('any other expectation is refused with 417, in the form of an error', async () => {
    const { statuses, text } = await converse({ target: there(), expected: 'a-miracle' })
    expect(statuses).toEqual([417])
    expect(text).toMatch(/"error":\{"type":"expectation-failed"/)
    expect(text).toMatch(/access-control-allow-origin: \*/i)
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
