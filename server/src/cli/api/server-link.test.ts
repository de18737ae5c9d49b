import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { SilenceError } from './connection-errors.ts'
import { ServerLink } from './server-link.ts'

const silenceMs = 60_000
const request = { method: 'GET', path: '/', query: '', headers: {} }
const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'

afterEach(() => vi.useRealTimers())

/** A server that says only what a test lets it say, and a link to it. */
async function silentServer(): Promise<{ link: ServerLink; client: Promise<Socket> }> {
  const { promise: client, resolve } = Promise.withResolvers<Socket>()
  const server = createServer(resolve)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const link = new ServerLink({ url: `http://127.0.0.1:${port}`, secret: 'x' }, { silenceMs })
  onTestFinished(async () => {
    await link.close()
    server.close()
    ;(await client).destroy()
  })
  // Time stands still unless a test moves it: so nothing depends on how fast the machine is.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  return { link, client }
}

describe('a server that falls silent', () => {
  it('before it replies ends the call', async () => {
    const { link, client } = await silentServer()
    for (const send of [() => link.stream(request), () => link.ask({ ...request, body: '' })]) {
      const refused = expect(send()).rejects.toBeInstanceOf(SilenceError)
      await client
      await vi.advanceTimersByTimeAsync(silenceMs)
      await refused
    }
  })

  it('within its reply ends the call, but each byte gives it more time', async () => {
    const { link, client } = await silentServer()
    const sent = link.stream(request)
    ;(await client).write(head)
    const parts = (await sent).body[Symbol.asyncIterator]()
    for (const byte of ['a', 'b', 'c']) {
      const next = parts.next()
      await vi.advanceTimersByTimeAsync(silenceMs - 1)
      ;(await client).write(byte)
      expect(String((await next).value)).toBe(byte)
    }
    const refused = expect(parts.next()).rejects.toThrow(/has not answered for 60 seconds/)
    await vi.advanceTimersByTimeAsync(silenceMs)
    await refused
  })

  it('while it takes a value ends the call', async () => {
    const { link, client } = await silentServer()
    const { promise: taken, resolve } = Promise.withResolvers<void>()
    const body = (async function* () {
      // More than any buffer on the way takes.
      for (let part = 0; ; part += 1) {
        yield Buffer.alloc(1_048_576)
        if (part === 0) resolve()
      }
    })()
    const refused = expect(link.stream({ ...request, method: 'PUT', body })).rejects.toThrow(
      /has not answered/,
    )
    ;(await client).once('readable', () => undefined)
    ;(await client).write('HTTP/1.1 100 Continue\r\n\r\n')
    await taken
    while (vi.getTimerCount() === 0) await new Promise((tick) => setImmediate(tick))
    await vi.advanceTimersByTimeAsync(silenceMs)
    await refused
  })
})

describe('a reply that comes before the value is sent', () => {
  it('counts, and nothing more of the value is read', async () => {
    const { link, client } = await silentServer()
    const { promise: never } = Promise.withResolvers<void>()
    const body = (async function* () {
      yield Buffer.from('first')
      await never // as a pipe into which nobody writes
    })()
    const sent = link.stream({ ...request, method: 'PUT', body })
    const socket = await client
    socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    await new Promise<void>((resolve) => {
      socket.on('data', (bytes) => bytes.includes('first') && resolve())
    })
    socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!')
    const { status, body: told } = await sent
    expect([status, Buffer.concat(await Array.fromAsync(told)).toString()]).toEqual([413, 'no!'])
  })

  it('means that a long value is not begun', async () => {
    const { link, client } = await silentServer()
    let isRead = false
    const body = (async function* () {
      isRead = true
      yield Buffer.from('x')
    })()
    const sent = link.stream({ ...request, method: 'PUT', body })
    ;(await client).write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    expect([(await sent).status, isRead]).toEqual([404, false])
  })
})

it('a server that is not there is named', async () => {
  const link = new ServerLink({ url: 'http://127.0.0.1:1', secret: 'x' })
  await expect(link.stream(request)).rejects.toThrow('No server answers at http://127.0.0.1:1.')
})
