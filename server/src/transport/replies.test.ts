import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpReply, HttpRequest } from './exchange.ts'
import { HttpListener } from './http/http.ts'

const patience = { stallMs: 400, headersMs: 10_000, checkIntervalMs: 50 }
const largeBytes = 20 * 1_048_576

describe('a reply', () => {
  let listener: HttpListener
  let sockets: Socket[]
  let failures: unknown[]
  let seen: string[]

  beforeEach(async () => {
    sockets = []
    failures = []
    seen = []
    const logError = (...error: unknown[]): void => void failures.push(error)
    listener = new HttpListener({ host: '127.0.0.1', port: 0, handler, patience, logError })
    await listener.listen()
  })

  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await listener.stop()
  })

  async function handler({ method, path, baseUrl }: HttpRequest): Promise<HttpReply> {
    seen.push(`${method} ${path} ${baseUrl}`)
    if (path === '/slow') await sleep(patience.stallMs * 2)
    if (path === '/whole') return reply(Buffer.alloc(largeBytes))
    if (path === '/parts') return { status: 200, headers: {}, body: slowParts() }
    return reply(Buffer.from(path))
  }

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }

  /** The text that came until it matched `expected`, or until the connection was closed. */
  async function receive(socket: Socket, expected: RegExp): Promise<string> {
    let text = ''
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
    socket.on('data', (part) => {
      text += part.toString('latin1')
      if (expected.test(text)) resolve()
    })
    await promise
    return text
  }

  it('that is read slowly but steadily is not cut off', async () => {
    const socket = await open()
    socket.write('GET /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let bytes = 0
    socket.on('data', (part) => {
      bytes += part.length
      socket.pause()
      setTimeout(() => socket.resume(), 2)
    })
    await once(socket, 'close')
    expect(bytes).toBeGreaterThan(largeBytes)
  }, 30_000)

  it('that is not read at all is cut off', async () => {
    const socket = await open()
    socket.pause()
    socket.write('GET /whole HTTP/1.1\r\nHost: x\r\n\r\n')
    await sleep(patience.stallMs * 3)
    socket.resume()
    let bytes = 0
    socket.on('data', (part) => {
      bytes += part.length
    })
    socket.on('error', () => undefined)
    await once(socket, 'close')
    expect(bytes).toBeLessThan(largeBytes)
  })

  it('that the server takes long to make is not cut off', async () => {
    const socket = await open()
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(await receive(socket, /\/slow$/)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('to a large body that nobody reads reaches a client that writes first', async () => {
    const socket = await open()
    const answer = receive(socket, /never$/)
    const errors: unknown[] = []
    socket.on('error', (error) => errors.push(error))
    socket.write('PUT /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n')
    for (let sent = 0; sent < 30; sent += 1) {
      socket.write(Buffer.alloc(100_000))
      await sleep(10)
    }
    expect(errors).toEqual([])
    expect(await answer).toMatch(/^HTTP\/1\.1 200 .*Connection: close\r\n.*\/refused$/is)
  })

  it('to a short body that nobody reads leaves the connection open', async () => {
    const socket = await open()
    for (const path of ['/first', '/second']) {
      socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n`)
      await sleep(20)
      socket.write('{}')
      const text = await receive(socket, new RegExp(`${path}$`))
      expect(text).toMatch(/Connection: keep-alive/i)
    }
    expect(seen).toHaveLength(2)
  })

  /** This `Connection` header makes `node:http` read the request. */
  it.each(['', 'Connection: Keep-Alive, x\r\n'])(
    'that comes before a refusal of garbage is whole, to a request with the header %j',
    async (header) => {
      const socket = await open()
      socket.write(`GET /parts HTTP/1.1\r\nHost: x\r\n${header}\r\n`)
      setTimeout(() => socket.write('garbage\r\n\r\n'), 100)
      const text = await receive(socket, /never$/)
      expect(text).toMatch(/^HTTP\/1\.1 200 .*\r\n0\r\n\r\nHTTP\/1\.1 400 .*"invalid-request"/s)
    },
  )

  it('that is being sent when the server stops delays the stop only until it ends', async () => {
    const socket = await open()
    socket.write('GET /parts HTTP/1.1\r\nHost: x\r\n\r\n')
    const answer = receive(socket, /0\r\n\r\n$/)
    await sleep(50)
    const began = performance.now()
    await listener.stop()
    expect(performance.now() - began).toBeLessThan(4_000)
    expect(await answer).toMatch(/0\r\n\r\n$/)
  })

  it('to a whole URL is the same as to its path', async () => {
    const socket = await open()
    socket.write('GET http://other.example/path?query HTTP/1.1\r\nHost: other.example\r\n\r\n')
    await receive(socket, /path$/)
    expect(seen).toEqual(['GET /path http://other.example'])
  })
})

describe('a listener on IPv6', () => {
  it('gives clients without a Host header an address that is a URL', async () => {
    let baseUrl = ''
    const handler = async (request: HttpRequest): Promise<HttpReply> => {
      baseUrl = request.baseUrl
      return reply(Buffer.from('done'))
    }
    const listener = new HttpListener({ host: '::1', port: 0, handler, logError: () => undefined })
    await listener.listen()
    const { url } = listener
    const socket = connect(Number(new URL(url).port), '::1')
    socket.write('GET / HTTP/1.0\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
    await listener.stop()
    expect(baseUrl).toBe(url)
  })
})

function reply(body: Buffer): HttpReply {
  return { status: 200, headers: { 'Content-Length': body.length }, body }
}

async function* slowParts(): AsyncGenerator<Buffer> {
  for (let index = 0; index < 5; index += 1) {
    yield Buffer.from('part ')
    await sleep(100)
  }
}
