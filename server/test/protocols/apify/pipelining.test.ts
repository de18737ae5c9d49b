import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { received } from '../../support/network/raw-connection.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestStore } from '../../support/network/test-store.ts'
import { ApplabProject } from '../../support/pages/applab-project.ts'

/** How a client may send one request so that the server reads it in a special way. */
const ways = [
  'plain',
  'chunked',
  'with a body larger than a packet',
  'with its body in pieces',
  'with Expect',
  'with an unusual header',
] as const

type Way = (typeof ways)[number]

/** RFC 9112, 9.3.2: requests with unsafe methods must not be processed in parallel. */
describe.each(engines)('pipelined requests of one connection, on %s', (engine) => {
  const { server, path, ask } = useTestStore({ engine })
  let count = 0

  function newKey(): string {
    count += 1
    return `KEY-${count}`
  }

  /** The pieces in which a request is written. */
  function request(method: string, target: string, { way = 'plain' as Way, body = '' } = {}) {
    const lines = [
      `${method} ${target} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${server.token()}`,
    ]
    const head = (...more: string[]): string => `${[...lines, ...more].join('\r\n')}\r\n\r\n`
    const length = `Content-Length: ${body.length}`
    if (way === 'chunked') {
      const chunk = `${body.length.toString(16)}\r\n${body}\r\n`
      return [`${head('Transfer-Encoding: chunked')}${body === '' ? '' : chunk}0\r\n\r\n`]
    }
    if (way === 'with a body larger than a packet') {
      const large = body.padEnd(200_000, '.')
      return [`${head(`Content-Length: ${large.length}`)}${large}`]
    }
    if (way === 'with its body in pieces') return [head(length), ...body]
    if (way === 'with Expect') return [`${head(length, 'Expect: 100-continue')}${body}`]
    if (way === 'with an unusual header') {
      return [`${head(length, 'Connection: keep-alive, x')}${body}`]
    }
    return [`${head(length)}${body}`]
  }

  /** Sends everything at once, or piece by piece, and returns the final statuses. */
  async function statusesOf(pieces: readonly string[], expected: number): Promise<number[]> {
    const { hostname, port } = new URL(server.url())
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    await once(socket, 'connect')
    const statuses = (): number[] =>
      [...text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status))
    socket.setNoDelay()
    for (const piece of pieces) {
      socket.write(piece)
      if (pieces.length > 2) await sleep(1)
    }
    await expect.poll(() => statuses().length, { timeout: 20_000, interval: 2 }).toBe(expected)
    socket.destroy()
    return statuses()
  }

  it.each(ways)('a PUT %s is done before the DELETE behind it', async (way) => {
    for (let turn = 0; turn < 5; turn += 1) {
      const key = newKey()
      const pieces = [
        ...request('PUT', path(key), { way, body: 'abc' }),
        ...request('DELETE', path(key)),
      ]
      const together = pieces.length === 2 ? [pieces.join('')] : pieces
      expect(await statusesOf(together, 2)).toEqual([201, 204])
      expect((await ask(path(key))).status).toBe(404)
    }
  })

  it.each(ways)('a PUT %s is seen by the GET and the HEAD behind it', async (way) => {
    for (let turn = 0; turn < 5; turn += 1) {
      const key = newKey()
      const pieces = [
        ...request('PUT', path(key), { way, body: 'abc' }),
        ...request('GET', path(key)),
        ...request('HEAD', path(key)),
      ]
      expect(await statusesOf([pieces.join('')], 3)).toEqual([201, 200, 200])
    }
  })

  it('many writes of one record leave the last one', async () => {
    const key = 'LAST'
    const pieces = Array.from({ length: 60 }, (_, index) =>
      request('PUT', path(key), { way: ways[index % ways.length] ?? 'plain', body: `v${index}` }),
    )
    const last = request('PUT', path(key), { way: 'chunked', body: 'the last' })
    const sent = [...pieces, last].flat().join('')
    expect(await statusesOf([sent], 61)).toEqual(Array(61).fill(201))
    expect((await ask(path(key))).body.toString()).toBe('the last')
  })

  it('a GET that stands for a DELETE by its query has its turn too', async () => {
    const pieces = [
      ...request('PUT', path('OVERRIDE'), { way: 'chunked', body: 'abc' }),
      ...request('GET', `${path('OVERRIDE')}?method=DELETE`),
      ...request('GET', path('OVERRIDE')),
    ]
    expect(await statusesOf([pieces.join('')], 3)).toEqual([201, 204, 404])
  })

  it('a store is dropped after the PUT before, and made before the PUT behind', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('dropped')
    const store = `/v2/key-value-stores/${id}`
    const pieces = [
      ...request('PUT', `${store}/records/A`, { way: 'chunked', body: 'abc' }),
      ...request('GET', `${store}/keys`),
      ...request('DELETE', store),
      ...request('POST', '/v2/key-value-stores?name=dropped', { way: 'chunked' }),
      ...request('PUT', '/v2/key-value-stores/~dropped/records/B', { body: 'b' }),
      ...request('GET', '/v2/key-value-stores/~dropped/records/B'),
    ]
    expect(await statusesOf([pieces.join('')], 6)).toEqual([201, 200, 204, 201, 201, 200])
  })

  it('calls of App Lab have their turn as well', async () => {
    const project = await ApplabProject.create({ url: server.url(), token: server.token() })
    const url = `/datablock_storage/${project.channelId}`
    const set = (value: string): string[] =>
      request('POST', `${url}/set_key_value`, {
        way: 'chunked',
        body: JSON.stringify({ key: 'k', value }),
      })
    const pieces = [
      ...set('1'),
      ...set('2'),
      ...request('DELETE', `${url}/delete_key_value?key=k`),
      ...set('3'),
      ...request('GET', `${url}/get_key_value?key=k`),
    ]
    expect(await statusesOf([pieces.join('')], 5)).toEqual(Array(5).fill(200))
    expect(await project.get('k')).toBe(3)
  })

  it('requests behind a reply that closes the connection do nothing (RFC 9112, 9.6)', async () => {
    await ask(path('KEPT'), { method: 'PUT', body: 'kept' })
    const [put = ''] = request('PUT', path('CLOSING'), { way: 'chunked', body: 'abc' })
    const closing = put.replace('Host: localhost\r\n', 'Host: localhost\r\nConnection: close\r\n')
    const socket = connect(Number(new URL(server.url()).port), '127.0.0.1')
    const text = received(socket)
    socket.write([closing, ...request('DELETE', path('KEPT'))].join(''))
    expect((await text).match(/HTTP\/1\.1 \d\d\d/g)).toEqual(['HTTP/1.1 201'])
    expect((await ask(path('KEPT'))).body.toString()).toBe('kept')
  })

  it('a client that has ended its side gets every reply', async () => {
    for (const way of ways) {
      const socket = connect(Number(new URL(server.url()).port), '127.0.0.1')
      const text = received(socket)
      const pieces = [
        ...request('PUT', path('HALF'), { way, body: 'abc' }),
        ...request('DELETE', path('HALF')),
      ]
      socket.end(pieces.join(''))
      expect((await text).match(/HTTP\/1\.1 [2-5]\d\d/g), way).toEqual([
        'HTTP/1.1 201',
        'HTTP/1.1 204',
      ])
    }
  })

  it('bytes that are no request are refused after the replies to those before', async () => {
    for (const way of ways) {
      const socket = connect(Number(new URL(server.url()).port), '127.0.0.1')
      const text = received(socket)
      const put = request('PUT', path('BEFORE'), { way, body: 'abc' })
      socket.write([...put, ...request('DELETE', path('BEFORE')), 'NO REQUEST\r\n\r\n'].join(''))
      expect((await text).match(/HTTP\/1\.1 [2-5]\d\d/g), way).toEqual([
        'HTTP/1.1 201',
        'HTTP/1.1 204',
        'HTTP/1.1 400',
      ])
    }
  })
})
