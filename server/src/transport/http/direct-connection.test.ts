import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bytes } from '../../core/kernel/bytes.ts'
import type { HttpReply, HttpRequest } from '../exchange.ts'
import { HttpListener } from './http.ts'

const largeBytes = 20 * 1_048_576

/** Most clients send plain requests. These bypass `node:http`, until something else comes. */
describe('a connection of plain requests', () => {
  let listener: HttpListener
  let sockets: Socket[]
  let failures: unknown[]
  let seen: string[]
  let closedBodies: number
  const texts = new Map<Socket, string>()

  beforeEach(async () => {
    sockets = []
    failures = []
    seen = []
    closedBodies = 0
    const logError = (message: string): void => void failures.push(message)
    listener = new HttpListener({ host: '127.0.0.1', port: 0, handler, logError })
    await listener.listen()
  })

  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await listener.stop()
  })

  async function handler({ method, path, body }: HttpRequest): Promise<HttpReply> {
    const { length } = await body.take(largeBytes)
    seen.push(`${method} ${path} ${length}`)
    if (path === '/slow') await sleep(100)
    if (path === '/none') return { status: 204, headers: {}, body: '' }
    if (path === '/split') return { status: 200, headers: { 'X-Bad': 'a\r\nX-Evil: b' }, body: '' }
    if (path === '/large') return { status: 200, headers: {}, body: Buffer.alloc(largeBytes) }
    if (path === '/split-parts') return { status: 200, headers: { 'X-Bad': 'a\nb' }, body: noted() }
    if (path === '/parts') return { status: 200, headers: {}, body: parts() }
    if (path === '/broken') throw new Error('nobody expected this')
    const text = `${path} ž ${length}`
    if (path === '/closing') return { status: 404, headers: { Connection: 'close' }, body: 'gone' }
    if (path === '/closing-parts')
      return { status: 200, headers: { connection: 'Close' }, body: parts() }
    if (path === '/unsaid') return { status: 200, headers: {}, body: text }
    return { status: 200, headers: { 'Content-Length': Buffer.byteLength(text) }, body: text }
  }

  /** A body that notes when it is closed, even if nobody began to read it. */
  function noted(): AsyncIterable<Bytes> {
    const close = async (): Promise<IteratorResult<Bytes>> => {
      closedBodies += 1
      return { done: true, value: undefined }
    }
    return { [Symbol.asyncIterator]: () => ({ next: close, return: close }) }
  }

  async function* parts(): AsyncGenerator<Bytes> {
    try {
      for (let part = 0; part < 3; part += 1) {
        await sleep(20)
        yield Buffer.from(`part ${part};`)
      }
    } finally {
      closedBodies += 1
    }
  }

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    sockets.push(socket)
    texts.set(socket, '')
    socket.setEncoding('utf8')
    socket.on('data', (part) => texts.set(socket, `${texts.get(socket)}${part}`))
    socket.on('error', (error) => texts.set(socket, `${texts.get(socket)}${error}`))
    await once(socket, 'connect')
    return socket
  }

  /** The text since the last call, until it matches `expected`; undefined: until the end. */
  async function receive(socket: Socket, expected?: RegExp): Promise<string> {
    const text = (): string => texts.get(socket) ?? ''
    await expect
      .poll(() => socket.closed || expected?.test(text()), { interval: 2, timeout: 10_000 })
      .toBe(true)
    const received = text()
    texts.set(socket, '')
    return received
  }

  const request = (line: string, headers = '', body = ''): string =>
    `${line} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`
  const put = (path: string, body: string): string =>
    request(`PUT ${path}`, `Content-Length: ${body.length}\r\n`, body)

  it('gets one reply after the other', async () => {
    const socket = await open()
    for (const path of ['/one', '/two']) {
      socket.write(put(path, 'abc'))
      const text = await receive(socket, /ž 3$/)
      expect(text).toMatch(
        /^HTTP\/1\.1 200 OK\r\nContent-Length: 9\r\nDate: [^\r]+ GMT\r\nConnection: keep-alive\r\n\r\n/,
      )
    }
    expect(seen).toEqual(['PUT /one 3', 'PUT /two 3'])
  })

  it('gets replies in the order of requests that came together', async () => {
    const socket = await open()
    socket.write(put('/slow', 'a') + put('/b', 'bb') + request('GET /none') + put('/c', 'ccc'))
    const text = await receive(socket, /\/c ž 3$/)
    const order = [...text.matchAll(/HTTP\/1\.1 (\d+)|(\/\w+) ž/g)].map(([, a, b]) => a ?? b)
    expect(order).toEqual(['200', '/slow', '200', '/b', '204', '200', '/c'])
    expect(seen).toEqual(['PUT /slow 1', 'PUT /b 2', 'GET /none 0', 'PUT /c 3'])
  })

  it('goes on if requests come while a reply is being made', async () => {
    const socket = await open()
    socket.write(put('/slow', 'a'))
    await sleep(20)
    for (const path of ['/b', '/c', '/d']) {
      socket.write(put(path, path))
      await sleep(5)
    }
    await receive(socket, /\/d ž 2$/)
    expect(seen).toEqual(['PUT /slow 1', 'PUT /b 2', 'PUT /c 2', 'PUT /d 2'])
  })

  it.each([
    ['in two pieces', (text: string) => [text.slice(0, 40), text.slice(40)]],
    ['byte by byte', (text: string) => [...text]],
    ['headers first', (text: string) => text.split(/(?<=\r\n\r\n)/)],
  ])('takes a request that comes %s', async (_, cut) => {
    const socket = await open()
    socket.write(put('/first', 'a'))
    await receive(socket, /ž 1$/)
    for (const piece of cut(put('/cut', 'abcde'))) {
      socket.write(piece)
      await sleep(1)
    }
    expect(await receive(socket, /\/cut ž 5$/)).toMatch(/^HTTP\/1\.1 200 /)
    socket.write(put('/last', 'abc'))
    expect(await receive(socket, /\/last ž 3$/)).toMatch(/^HTTP\/1\.1 200 /)
    expect(seen).toEqual(['PUT /first 1', 'PUT /cut 5', 'PUT /last 3'])
  })

  it('takes requests that are not plain: chunks, a body larger than a packet, another protocol', async () => {
    const socket = await open()
    socket.write(put('/first', 'a'))
    await receive(socket, /ž 1$/)
    socket.write(request('PUT /chunks', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'))
    await receive(socket, /\/chunks ž 3$/)
    socket.write(put('/much', 'a'.repeat(1_000_000)))
    await receive(socket, /\/much ž 1000000$/)
    const old = await open()
    old.write('GET /old HTTP/1.0\r\n\r\n')
    expect(await receive(old)).toMatch(/Connection: close.*\/old ž 0$/s)
    expect(seen).toEqual(['PUT /first 1', 'PUT /chunks 3', 'PUT /much 1000000', 'GET /old 0'])
  })

  it('gets a refusal if the bytes are not HTTP', async () => {
    const socket = await open()
    socket.write(put('/first', 'a'))
    await receive(socket, /ž 1$/)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n')
    expect(await receive(socket)).toMatch(/^HTTP\/1\.1 400 .*"invalid-request"/s)
  })

  /** RFC 9112, 3.2: 400. The bytes behind it are wrong as well, but get no second reply. */
  it.each(['abc', '3\r\nabc\r\n0\r\n\r\n', 'abcGET /never HTTP/1.1\r\nHost: x\r\n\r\n'])(
    'gets one refusal if it names no host, with %j behind that',
    async (rest) => {
      const socket = await open()
      socket.write(`GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n${rest}`)
      const text = await receive(socket)
      expect(text).toMatch(/^HTTP\/1\.1 400 .*\r\n\r\n\{"error":\{"type":"invalid-request",.*Host/s)
      expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
      expect([seen, failures]).toEqual([[], []])
    },
  )

  it('gets no body in reply to a HEAD', async () => {
    const socket = await open()
    socket.write(request('HEAD /a') + request('HEAD /parts') + request('GET /end'))
    const text = await receive(socket, /\/end ž 0$/)
    expect(text.match(/\r\n\r\n/g)).toHaveLength(3)
    expect(text).not.toMatch(/\/a ž|part/)
  })

  it('gets a streamed body in chunks, and goes on', async () => {
    const socket = await open()
    socket.write(request('GET /parts') + request('GET /end'))
    const text = await receive(socket, /\/end ž 0$/)
    expect(text).toContain('\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npart 0;\r\n7\r\npart 1;\r\n')
    expect(text).toMatch(/part 2;\r\n0\r\n\r\nHTTP\/1\.1 200 /)
    expect(closedBodies).toBe(1)
  })

  it('gets a large body whole, and goes on', async () => {
    const socket = await open()
    socket.write(request('GET /large'))
    const text = await receive(socket, /[^0]0\r\n\r\n$/)
    expect(text.match(/\0/g)).toHaveLength(largeBytes)
    socket.write(request('GET /end'))
    expect(await receive(socket, /\/end ž 0$/)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('gets the reply to its last request though it has ended its side', async () => {
    const socket = await open()
    socket.end(put('/a', 'a') + put('/slow', 'b'))
    const text = await receive(socket)
    expect(text).toMatch(/keep-alive.*\/a ž 1HTTP.*Connection: close.*\/slow ž 1$/s)
  })

  it.each([
    ['garbage', 'and more', /^HTTP\/1\.1 200 .*\/a ž 1HTTP\/1\.1 400 /s],
    ['half a request', 'GET / HT', /^HTTP\/1\.1 200 .*\/a ž 1HTTP\/1\.1 400 /s],
  ])('gets a refusal if it ends with %s', async (_, rest, expected) => {
    const socket = await open()
    socket.end(put('/a', 'a') + rest)
    expect(await receive(socket)).toMatch(expected)
    expect(failures).toEqual([])
  })

  it('gets the length of a body if the door leaves it out', async () => {
    const socket = await open()
    socket.write(request('GET /unsaid'))
    expect(await receive(socket, /ž 0$/)).toContain('\r\nContent-Length: 12\r\n\r\n')
  })

  it('does not let one header value become two headers', async () => {
    const socket = await open()
    socket.write(request('GET /split') + request('GET /end'))
    const text = await receive(socket, /\/end ž 0$/)
    expect(text).toMatch(/^HTTP\/1\.1 500 /)
    expect(text).not.toContain('X-Evil')
    expect(failures).toEqual(['GET /split failed'])
  })

  it.each([
    ['read here', ''],
    ['read by node:http', 'Connection: keep-alive, x\r\n'],
  ])('closes a body if the head is invalid, %s', async (_, headers) => {
    const socket = await open()
    socket.write(request('GET /split-parts', headers))
    expect(await receive(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 500 /)
    expect([closedBodies, failures]).toEqual([1, ['GET /split-parts failed']])
  })

  it.each(['/closing', '/closing-parts'])('ends after %s if the door says so', async (path) => {
    const socket = await open()
    socket.write(request(`GET ${path}`) + request('GET /never'))
    const text = await receive(socket)
    expect(text.match(/^connection: .*$/gim)).toEqual([expect.stringMatching(/: close\r?$/i)])
    expect(text).toMatch(/(gone|part 2;\r\n0\r\n\r\n)$/)
    expect(seen).toEqual([`GET ${path} 0`])
  })

  it('answers 500 after an unexpected error, and goes on', async () => {
    const socket = await open()
    socket.write(request('GET /broken?secret') + request('GET /end'))
    expect(await receive(socket, /\/end ž 0$/)).toMatch(/^HTTP\/1\.1 500 /)
    expect(failures).toEqual(['GET /broken failed'])
  })

  it('closes a body if the client goes away', async () => {
    const socket = await open()
    socket.write(request('GET /parts'))
    await receive(socket, /part 0/)
    socket.destroy()
    await expect.poll(() => closedBodies).toBe(1)
    expect(failures).toEqual([])
  })

  it('calls the door no more while its client reads nothing', async () => {
    const socket = await open()
    socket.pause()
    const many = 2_000
    const ask = request('GET /large').repeat(many)
    socket.write(ask)
    await sleep(300)
    expect(seen.length).toBeLessThan(10)
  })

  it('is ended by a server that stops: at once if it is idle, otherwise after its reply', async () => {
    const [idle, busy] = [await open(), await open()]
    idle.write(request('GET /a'))
    await receive(idle, /\/a ž 0$/)
    busy.write(request('GET /slow') + request('GET /never'))
    await expect.poll(() => seen).toContain('GET /slow 0')
    const [text] = await Promise.all([receive(busy), once(idle, 'close'), listener.stop()])
    expect(text).toMatch(/^HTTP\/1\.1 200 .*Connection: close\r\n.*\/slow ž 0$/s)
    expect(seen).not.toContain('GET /never 0')
  })
})
