import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpReply, HttpRequest } from '../exchange.ts'
import { HttpListener } from './http.ts'

const bodyBytesMax = 1_000_000

/** Pipelined requests that `node:http` reads, because the connection began with plain ones. */
describe('the requests of a connection', () => {
  let listener: HttpListener
  let socket: Socket
  let text: string
  let seen: string[]
  let running: number
  let mostRunning: number

  beforeEach(async () => {
    text = ''
    seen = []
    running = 0
    mostRunning = 0
    listener = new HttpListener({
      host: '127.0.0.1',
      port: 0,
      handler,
      logError: (message, error) => void seen.push(`${message} ${error}`),
    })
    await listener.listen()
    socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    socket.on('error', () => undefined)
    await once(socket, 'connect')
  })

  afterEach(async () => {
    socket.destroy()
    await listener.stop()
  })

  async function handler({ path, body }: HttpRequest): Promise<HttpReply> {
    running += 1
    mostRunning = Math.max(mostRunning, running)
    if (path === '/blocked') await once(socket, 'close')
    if (path === '/slow') await sleep(20)
    const { length } = await body.take(bodyBytesMax)
    running -= 1
    seen.push(`${path} ${length}`)
    return { status: 200, headers: { 'Content-Length': 2 }, body: 'ok' }
  }

  const head = (path: string, ...lines: string[]): string =>
    [`PUT ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n')
  const plain = (path: string, body = ''): string =>
    `${head(path, `Content-Length: ${body.length}`)}${body}`
  const chunked = (path: string, body: string): string =>
    `${head(path, 'Transfer-Encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const replies = (): number => text.match(/HTTP\/1\.1 200 /g)?.length ?? 0

  it('are served one after the other, whichever reader reads them', async () => {
    const bodies = ['', 'abc', 'x'.repeat(100_000), 'y'.repeat(300)]
    const expected: string[] = []
    let sent = plain('/slow', 'first')
    for (let index = 0; index < 200; index += 1) {
      const body = bodies[index % bodies.length] ?? ''
      const path = index % 50 === 0 ? '/slow' : `/${index}`
      sent += index % 3 === 1 && body !== '' ? chunked(path, body) : plain(path, body)
      expected.push(`${path} ${body.length}`)
    }
    socket.write(sent)
    await expect.poll(replies, { timeout: 30_000 }).toBe(201)
    expect(seen).toEqual(['/slow 5', ...expected])
    expect(mostRunning).toBe(1)
  })

  it('are not read without end while the first of them is being served', async () => {
    const unusual = head('/never', 'Connection: keep-alive, x', 'Content-Length: 0')
    socket.write(head('/blocked', 'Connection: keep-alive, x', 'Content-Length: 0'))
    socket.write(unusual.repeat(500_000))
    await sleep(500)
    // What the server has not read is kept by the client.
    expect(socket.writableLength).toBeGreaterThan(10_000_000)
    expect(mostRunning).toBe(1)
  })

  it('are not served any more once the client is gone', async () => {
    socket.write(chunked('/blocked', 'abc') + chunked('/never', 'abc'))
    await expect.poll(() => mostRunning).toBe(1)
    socket.destroy()
    await listener.stop()
    expect(seen.filter((one) => one.startsWith('/never'))).toEqual([])
  })
})
