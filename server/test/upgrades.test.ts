import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { sendRaw } from './support/network/raw-connection.ts'

const program = join(import.meta.dirname, 'support/data/upgrading-server.ts')
const oldestNode = join(import.meta.dirname, 'node_modules/node-22/bin/node')

const upgrade = [
  'Host: localhost',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
/** The headers with which Java's HTTP client offers HTTP/2. */
const java = ['Host: localhost', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c']
/** The text "hi", with a mask of zeros that does not change it. */
const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])

function request(start: string, lines: readonly string[], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`]
  return `${[start, ...lines, ...length].join('\r\n')}\r\n\r\n${body}`
}

describe.each([
  ['the Node of the project', process.execPath],
  ['the oldest Node that is supported', oldestNode],
])('an HTTP port with a path for WebSockets, on %s', (_, node) => {
  let server: ChildProcess
  let url: string

  beforeAll(async () => {
    const env = { PATH: process.env.PATH, NODE_NO_WARNINGS: '1' }
    server = spawn(node, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(server.stdout ?? server, 'data')
    url = String(line).trim()
  })

  afterAll(() => {
    server.kill('SIGKILL')
  })

  function open(): { socket: Socket; text: () => string } {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let text = ''
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    return { socket, text: () => text }
  }

  /** The replies to requests on one connection, each sent after the reply to the one before. */
  async function answersTo(...requests: readonly string[]): Promise<string[]> {
    const { socket, text } = open()
    for (const [index, one] of requests.entries()) {
      socket.write(one)
      await expect.poll(() => text().match(/^HTTP/gm)?.length).toBe(index + 1)
    }
    await expect.poll(text).toMatch(/\n$/)
    return [...text().matchAll(/^HTTP\/1\.1 200 .*?\r\n\r\n(.*?)\n/gms)].map(
      ([, body = '']) => body,
    )
  }

  it.each(['/socket', '/socket?a=1', 'http://localhost/socket?a=1'])(
    'opens a WebSocket for the target %s',
    async (target) => {
      const { socket, text } = open()
      socket.write(request(`GET ${target} HTTP/1.1`, upgrade))
      socket.write(frame)
      const query = target.split('?')[1] ?? ''
      await expect.poll(text).toMatch(/^HTTP\/1\.1 101 /)
      await expect.poll(text).toContain(`/socket?${query} hi`)
    },
  )

  it('opens a WebSocket on a connection that had requests before', async () => {
    const { socket, text } = open()
    socket.write('GET /first HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(text).toContain('GET /first')
    socket.write(request('GET /socket HTTP/1.1', upgrade))
    await expect.poll(text).toContain('HTTP/1.1 101 ')
    socket.write(frame)
    await expect.poll(text).toContain('/socket? hi')
  })

  it('opens no WebSocket while an earlier request is not answered', async () => {
    // `node:http` reads these, and passes the second request on before the first is answered.
    const first = 'GET /first HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\n\r\n'
    const text = await sendRaw(url, [first + request('GET /socket HTTP/1.1', upgrade)], 'stay')
    expect(text).not.toContain('101')
  })

  it('opens a WebSocket after a plain request, when that is answered', async () => {
    const first = 'GET /first HTTP/1.1\r\nHost: x\r\n\r\n'
    const { socket, text } = open()
    socket.write(first + request('GET /socket HTTP/1.1', upgrade))
    await expect.poll(text).toMatch(/^HTTP\/1\.1 200 .*GET \/first .*HTTP\/1\.1 101 /s)
    socket.write(frame)
    await expect.poll(text).toContain('/socket? hi')
  })

  it.each(['/', '/other', '/socket/'])(
    'serves an upgrade request for %s as a plain request',
    async (path) => {
      const get = request(`GET ${path} HTTP/1.1`, upgrade)
      expect(await answersTo(get, get)).toEqual([`GET ${path} `, `GET ${path} `])
    },
  )

  it.each(['/other', '/socket'])(
    'serves requests at %s that offer another protocol',
    async (path) => {
      const put = request(`PUT ${path} HTTP/1.1`, java, 'a body')
      const get = request(`GET ${path} HTTP/1.1`, java)
      expect(await answersTo(put, get, put)).toEqual([
        `PUT ${path} a body`,
        `GET ${path} `,
        `PUT ${path} a body`,
      ])
    },
  )

  it('serves upgrade requests with a body, or with another method than GET, as plain requests', async () => {
    const chunked = [...upgrade, 'Transfer-Encoding: chunked']
    expect(
      await answersTo(
        request('GET /socket HTTP/1.1', upgrade, 'a body'),
        `${request('GET /socket HTTP/1.1', chunked)}2\r\nhi\r\n0\r\n\r\n`,
        request('POST /socket HTTP/1.1', upgrade, 'a body'),
        request('POST /socket HTTP/1.1', upgrade),
      ),
    ).toEqual(['GET /socket a body', 'GET /socket hi', 'POST /socket a body', 'POST /socket '])
  })

  it('opens no tunnel for CONNECT', async () => {
    const lines = ['Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket']
    expect(await sendRaw(url, [request('CONNECT /socket HTTP/1.1', lines)], 'stay')).toBe('')
    expect(await sendRaw(url, [request('CONNECT localhost:1 HTTP/1.1', lines)], 'stay')).toBe('')
  })
})
