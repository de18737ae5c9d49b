import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StorageError } from '../../core/kernel/errors.ts'
import type { HttpReply, HttpRequest } from '../exchange.ts'
import { HttpListener } from './http.ts'

const patience = { stallMs: 300, headersMs: 300, checkIntervalMs: 50 }
const bodyBytesMax = 1_000_000

describe('a listener and its slow clients', () => {
  let listener: HttpListener
  let socket: Socket
  let text: string
  let outcomes: string[]
  let failures: unknown[]

  beforeEach(async () => {
    outcomes = []
    failures = []
    text = ''
    const logError = (...error: unknown[]): void => void failures.push(error)
    listener = new HttpListener({ host: '127.0.0.1', port: 0, handler, patience, logError })
    await listener.listen()
    socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    socket.on('error', (error) => failures.push(error))
    await once(socket, 'connect')
  })

  afterEach(async () => {
    socket.destroy()
    await listener.stop()
  })

  /** Takes the whole body, and notes the outcome. */
  async function handler(request: HttpRequest): Promise<HttpReply> {
    try {
      const { length } = await request.body.take(bodyBytesMax)
      outcomes.push(`${length} bytes`)
      return { status: 200, headers: { 'Content-Length': 1 }, body: `${length}` }
    } catch (error) {
      outcomes.push(error instanceof StorageError ? error.code : String(error))
      return { status: 400, headers: {}, body: '' }
    }
  }

  /** How long it takes until the server closes the connection. */
  async function closedAfterMs(): Promise<number> {
    const began = performance.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.once('close', resolve)
    if (!socket.closed) await promise
    return performance.now() - began
  }

  it('takes an upload as long as bytes arrive, however slowly', async () => {
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nConnection: close\r\n\r\n')
    for (const byte of 'slowly..') {
      await sleep(patience.stallMs / 3)
      socket.write(byte)
    }
    await closedAfterMs()
    expect(text).toMatch(/^HTTP\/1\.1 200 .*\r\n8$/s)
    expect([outcomes, failures]).toEqual([['8 bytes'], []])
  })

  it('cuts off an upload that stalls', async () => {
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nslow')
    expect(await closedAfterMs()).toBeGreaterThan(patience.stallMs / 2)
    await expect.poll(() => outcomes).toEqual(['upload-aborted'])
    expect([text, failures]).toEqual(['', []])
  })

  it('cuts off chunks that stall', async () => {
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nslow\r\n')
    await closedAfterMs()
    await expect.poll(() => outcomes).toEqual(['upload-aborted'])
    expect([text, failures]).toEqual(['', []])
  })

  it('cuts off headers that never end, however often some come', async () => {
    const drip = setInterval(() => socket.write('X-More: and more\r\n'), patience.headersMs / 6)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
    await closedAfterMs()
    clearInterval(drip)
    expect(text).toMatch(/^HTTP\/1\.1 408 .*"type":"invalid-request"/s)
    expect([outcomes, failures]).toEqual([[], []])
  })

  it('cuts off a client that sends no headers', async () => {
    await closedAfterMs()
    expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/)
    expect([outcomes, failures]).toEqual([[], []])
  })

  it.each([
    ['one header that never ends', 'X-Long: ', 'x'],
    ['endless headers', '', 'X-One: more\r\n'],
    ['a path that never ends', undefined, '/x'],
  ])('reads only a part of %s', async (_, start, more) => {
    socket.write(start === undefined ? 'GET ' : `GET / HTTP/1.1\r\nHost: x\r\n${start}`)
    socket.write(more.repeat(20_000 / more.length))
    await closedAfterMs()
    expect(text).toMatch(/^HTTP\/1\.1 431 .*"type":"invalid-request"/s)
    expect([outcomes, failures]).toEqual([[], []])
  })
})
