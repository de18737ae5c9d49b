import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { StorageError } from '../../core/kernel/errors.ts'
import type { HttpBounds } from '../bounds/http-bounds.ts'
import { OpenConnections } from '../bounds/open-connections.ts'
import type { HttpReply, HttpRequest } from '../exchange.ts'
import { TrustedProxies } from '../proxies/trusted-proxies.ts'
import { HttpListener } from './http.ts'

const kibibyte = 1_024
const bounds: HttpBounds = {
  bodies: { bytesMax: 2_000 * kibibyte, ownerBytesMax: 1_000 * kibibyte },
  replies: { bytesMax: 2_000 * kibibyte, ownerBytesMax: 1_000 * kibibyte },
}
const usual = { stallMs: 60_000, headersMs: 60_000, checkIntervalMs: 50 }
const bodyBytesMax = 600 * kibibyte

/** Takes a body for the user that the path names, and tells its length. */
async function handler(request: HttpRequest): Promise<HttpReply> {
  request.countFor?.(request.path)
  if (request.path === '/long') return reply(200, 'x'.repeat(700 * kibibyte))
  if (request.path === '/silent') return events(1)
  if (request.path === '/events') return events(64 * kibibyte)
  if (request.path === '/short') return reply(200, 'x'.repeat(200 * kibibyte))
  return takeBody(request)
}

/** A stream without an end. After one byte it is silent; with longer parts it never is. */
function events(length: number): HttpReply {
  let holds = (_: number): void => undefined
  const end = Promise.withResolvers<void>()
  async function* parts(): AsyncGenerator<Buffer> {
    for (;;) {
      holds(length)
      yield Buffer.alloc(length)
      holds(0)
      if (length === 1) return end.promise
    }
  }
  const count = (counted: typeof holds): void => {
    holds = counted
  }
  const openEnd = { bytesMax: 64 * kibibyte, count, end: () => end.resolve() }
  return { status: 200, headers: {}, body: parts(), openEnd }
}

async function takeBody(request: HttpRequest): Promise<HttpReply> {
  try {
    const { length } = await request.body.take(bodyBytesMax)
    return reply(200, `${length}`)
  } catch (error) {
    return reply(503, error instanceof StorageError ? error.code : String(error))
  }
}

const logError = (): void => undefined

function reply(status: number, body: string): HttpReply {
  return { status, headers: { 'Content-Length': body.length }, body }
}

describe('what clients of HTTP make the server hold', () => {
  const sockets: Socket[] = []
  let listener: HttpListener

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await listener.stop()
  })

  async function listen(patience: object = {}, handle = handler): Promise<void> {
    listener = new HttpListener({
      host: '127.0.0.1',
      port: 0,
      handler: handle,
      patience: { ...usual, ...patience },
      bounds,
      connections: new OpenConnections({ max: 20, logError }),
      proxies: new TrustedProxies(['127.0.0.1']),
      refusalReply: ({ path }, { status, message }) => reply(status, `${path}: ${message}`),
      logError,
    })
    await listener.listen()
  }

  async function open(text: string | Buffer = ''): Promise<{ socket: Socket; text: () => string }> {
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    sockets.push(socket)
    let received = ''
    socket.on('data', (part) => {
      received += part.toString('latin1')
    })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(text)
    return { socket, text: () => received }
  }

  /** The status of a long reply to a client of its own. */
  async function askLong(): Promise<string> {
    const { socket, text } = await open(get('/long'))
    await expect.poll(text).toMatch(/^HTTP\/1\.1 \d+ /)
    socket.destroy()
    return text().slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
  }

  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

  const head = (path: string, length: number, more = ''): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${more}\r\n`

  it('is bounded: bodies wait that do not fit, and those of others are taken', async () => {
    await listen()
    const body = Buffer.alloc(500 * kibibyte)
    const unfinished = await Promise.all([1, 2].map(() => open(head('/hostile', body.length))))
    for (const { socket } of unfinished) socket.write(body.subarray(0, -1))
    await sleep(100)
    // Two of them take all of the room for one owner.
    const others = await Promise.all([1, 2, 3].map(() => open(head('/hostile', body.length))))
    for (const { socket } of others) socket.write(body)
    const healthy = await open(head('/healthy', body.length))
    healthy.socket.write(body)
    await expect.poll(healthy.text).toMatch(/200 OK.*512000$/s)
    await sleep(100)
    expect(others.map(({ text }) => text())).toEqual(['', '', ''])
    for (const { socket } of unfinished) socket.write('x')
    for (const { text } of [...unfinished, ...others]) {
      await expect.poll(text).toMatch(/200 OK.*512000$/s)
    }
  })

  it('is not held by clients that drip: they are cut off while others wait', async () => {
    await listen({ shortMs: 300 })
    const body = Buffer.alloc(500 * kibibyte)
    const hostile = await Promise.all([1, 2].map(() => open(head('/hostile', body.length))))
    for (const { socket } of hostile) socket.write(body.subarray(0, -1_000))
    await sleep(200)
    const drip = setInterval(() => {
      for (const { socket } of hostile) socket.write('x')
    }, 50)
    const waiting = await open(head('/hostile', body.length))
    waiting.socket.write(body)
    await expect.poll(waiting.text).toMatch(/200 OK.*512000$/s)
    clearInterval(drip)
    await expect.poll(() => hostile.some(({ socket }) => socket.destroyed)).toBe(true)
  })

  it('is not counted for short bodies', async () => {
    await listen()
    const hostile = await Promise.all([1, 2].map(() => open(head('/hostile', 500 * kibibyte))))
    for (const { socket } of hostile) socket.write(Buffer.alloc(499 * kibibyte))
    await sleep(100)
    const short = await open(`${head('/hostile', 5)}sh`)
    await sleep(20)
    short.socket.write('ort')
    await expect.poll(short.text).toMatch(/200 OK.*5$/s)
  })

  it.each([
    ['by IPv6, each /64', '2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:2::1'],
    ['by IPv4', '192.0.2.1', '192.0.2.1', '192.0.2.2'],
  ])('is counted for the clients that a trusted proxy names: %s', async (_, one, same, other) => {
    await listen({}, takeBody)
    const body = Buffer.alloc(500 * kibibyte)
    const from = (peer: string): string => head('/', body.length, `X-Forwarded-For: ${peer}\r\n`)
    const unfinished = await Promise.all([one, same].map((peer) => open(from(peer))))
    for (const { socket } of unfinished) socket.write(body.subarray(0, -1))
    await sleep(100)
    const waiting = await open(from(same))
    waiting.socket.write(body)
    const healthy = await open(from(other))
    healthy.socket.write(body)
    await expect.poll(healthy.text).toMatch(/200 OK.*512000$/s)
    expect(waiting.text()).toBe('')
  })

  it('has short replies in it, which clients do not take', async () => {
    await listen()
    const slow = await Promise.all(Array.from({ length: 8 }, () => open()))
    for (const { socket } of slow) {
      socket.pause()
      // More than the system's own buffers take.
      socket.write('GET /short HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100))
    }
    await expect.poll(askLong).toBe('503')
    for (const { socket } of slow) socket.destroy()
    await expect.poll(askLong).toBe('200')
  })

  it('is nothing for streams without an end that are silent', async () => {
    await listen()
    // As much as all their batches would take, and more.
    const silent = await Promise.all(Array.from({ length: 17 }, () => open(get('/silent'))))
    for (const { text } of silent) await expect.poll(text).toMatch(/200 OK/)
    expect(await askLong()).toBe('200')
  })

  it('has in it what they have not taken of streams without an end', async () => {
    await listen()
    const deaf = await Promise.all(Array.from({ length: 17 }, () => open(get('/events'))))
    for (const { socket } of deaf) socket.pause()
    await expect.poll(askLong).toBe('503')
    for (const { socket } of deaf) socket.destroy()
    await expect.poll(askLong).toBe('200')
  })

  it('is refused with 503 where there is no room for one more long reply', async () => {
    await listen()
    const long = get('/long')
    const slow = await open()
    slow.socket.pause()
    slow.socket.write(long)
    await sleep(200)
    // The system's own buffers may have taken all of a reply: a second one stays.
    slow.socket.write(long.repeat(20))
    await sleep(200)
    const other = await open(long)
    await expect
      .poll(other.text)
      .toMatch(/^HTTP\/1\.1 503 .*\r\n\r\n\/long: Too many long replies are under way/s)
    const healthy = await open(head('/healthy', 0))
    await expect.poll(healthy.text).toMatch(/200 OK.*0$/s)
  })

  it('makes room for a new connection by cutting off the one that idles longest', async () => {
    await listen()
    const idle = await Promise.all(Array.from({ length: 20 }, () => open()))
    await expect.poll(async () => idle.every(({ socket }) => !socket.destroyed)).toBe(true)
    const healthy = await open(head('/healthy', 0))
    await expect.poll(healthy.text).toMatch(/200 OK.*0$/s)
    await expect.poll(() => idle.filter(({ socket }) => socket.destroyed).length).toBe(1)
  })
})
