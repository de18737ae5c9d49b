import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AllowedHosts } from '../allowed-hosts.ts'
import type { SocketControl, SocketSession, UpgradeRequest } from '../socket-exchange.ts'
import { closed, openClient } from '../testing/client.ts'
import { doorOf, echo, PatientDoor } from '../testing/doors.ts'
import { frame } from '../testing/frames.ts'
import { handshake, upgradeLines } from '../testing/handshake.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'
import { WebSocketListener } from './websocket.ts'

const session: SocketSession = {
  receive: (message, reply) => reply(String(message)),
  close: () => undefined,
}

/** The raw reply to a text, which need not be a handshake. */
async function answerTo(url: string, text: string): Promise<string> {
  const client = await RawClient.connect(url)
  client.write(text)
  return client.rest()
}

describe('a port of WebSockets', () => {
  it('takes texts and answers with texts', async () => {
    const { url, failures } = await startListener({ door: echo })
    const { client, texts } = await openClient(url)
    client.send('one')
    client.send('zwölf 🧥')
    await expect.poll(() => texts).toEqual(['one', 'zwölf 🧥'])
    expect(failures).toEqual([])
  })

  it('passes binary frames to its door as bytes', async () => {
    const seen: (string | Uint8Array)[] = []
    const door = doorOf((message, reply) => {
      seen.push(message)
      reply()
    })
    const { url } = await startListener({ door })
    const { client } = await openClient(url)
    client.send(Buffer.from([0, 255]))
    client.send('text')
    client.send(Buffer.alloc(0))
    await expect.poll(() => seen.length).toBe(3)
    expect(seen).toEqual([Buffer.from([0, 255]), 'text', Buffer.alloc(0)])
  })

  it('tells its door who connects, at any path', async () => {
    const seen: UpgradeRequest[] = []
    const accept = (request: UpgradeRequest): SocketSession => {
      seen.push(request)
      return session
    }
    const { url } = await startListener({ door: { accept } })
    const headers = { 'X-Forwarded-For': '192.0.2.1', Authorization: 'Bearer x' }
    await openClient(`${url}/any/p%61th?a=1&b`, headers)
    await openClient(url, { Origin: 'http://page.example' })
    const [first, second] = seen
    expect(first).toMatchObject({
      path: '/any/p%61th',
      query: 'a=1&b',
      peer: '127.0.0.1',
      isForwarded: true,
      origin: undefined,
    })
    expect(first?.header('authorization')).toBe('Bearer x')
    expect(first?.header('x-none')).toBeUndefined()
    expect(second).toMatchObject({
      path: '/',
      query: '',
      isForwarded: false,
      origin: 'http://page.example',
    })
  })

  it('waits for a door that decides later, and keeps messages that come meanwhile', async () => {
    const { promise: decided, resolve: decide } = Promise.withResolvers<SocketSession>()
    const { url } = await startListener({ door: { accept: () => decided } })
    const client = await RawClient.connect(url)
    client.write(handshake(), frame('at once'))
    setTimeout(() => client.write(frame('soon')), 50)
    setTimeout(() => decide(session), 100)
    expect(await client.head()).toMatch(/^HTTP\/1\.1 101 /)
    expect([await client.nextText(), await client.nextText()]).toEqual(['at once', 'soon'])
  })

  it('agrees to no compression', async () => {
    const { url } = await startListener({ door: echo })
    const { client } = await openClient(url)
    expect(client.extensions).toBe('')
  })

  it('rejects if something else listens on its port', async () => {
    const { listener } = await startListener({ door: echo })
    const port = Number(new URL(listener.url).port)
    const logError = (): void => undefined
    const options = { host: '127.0.0.1', port, door: echo, maxPayloadBytes: 1, logError }
    const second = new WebSocketListener(options)
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await second.stop()
  })
})

describe('a port of WebSockets and other requests', () => {
  it.each(['GET', 'POST', 'DELETE'])('tells a %s to upgrade', async (method) => {
    const { url } = await startListener({ door: echo })
    const reply = await fetch(url.replace('ws:', 'http:'), { method })
    expect(reply.status).toBe(426)
    expect(reply.headers.get('upgrade')).toBe('websocket')
    expect(await reply.text()).toMatch(/^This port speaks WebSocket[^\n]*\n$/)
  })

  it('tells the same to an upload, and to an upgrade to another protocol', async () => {
    const { url } = await startListener({ door: echo })
    const body = 'Content-Length: 5\r\n\r\n01234'
    const upload = `PUT /x HTTP/1.1\r\nHost: x\r\n${body}`
    expect(await answerTo(url, upload)).toMatch(/^HTTP\/1\.1 426 /)
    const other = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'
    expect(await answerTo(url, other)).toMatch(/^HTTP\/1\.1 426 /)
    const withBody = `GET / HTTP/1.1\r\nHost: x\r\n${upgradeLines.join('\r\n')}\r\n${body}`
    expect(await answerTo(url, withBody)).toMatch(/^HTTP\/1\.1 426 /)
  })

  it.each([
    ['bytes that are not HTTP', 'garbage\r\n\r\n', 400],
    ['too many headers', `GET / HTTP/1.1\r\n${'X-One: more\r\n'.repeat(2_000)}`, 431],
  ])('refuses %s', async (_, text, status) => {
    const { url, failures } = await startListener({ door: echo })
    expect(await answerTo(url, text)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(failures).toEqual([])
  })

  it.each([
    ['without a key', (line: string) => line.startsWith('Sec-WebSocket-Key')],
    ['without a version', (line: string) => line.startsWith('Sec-WebSocket-Version')],
  ])('refuses a handshake %s', async (_, isLeftOut) => {
    const door = new PatientDoor()
    const { url, failures } = await startListener({ door })
    const lines = upgradeLines.filter((line) => !isLeftOut(line))
    const text = `GET / HTTP/1.1\r\nHost: x\r\n${lines.join('\r\n')}\r\n\r\n`
    expect(await answerTo(url, text)).toMatch(/^HTTP\/1\.1 400 /)
    expect(door.closedCount).toBe(1)
    expect(failures).toEqual([])
  })

  it('refuses handshakes and requests for other hosts', async () => {
    const allowedHosts = new AllowedHosts({ names: [], takesLoopback: true })
    const door = new PatientDoor()
    const { url } = await startListener({ door, allowedHosts })
    const lines = ['GET / HTTP/1.1', 'Host: evil.example']
    const upgrade = await answerTo(url, `${[...lines, ...upgradeLines].join('\r\n')}\r\n\r\n`)
    expect(upgrade).toMatch(/^HTTP\/1\.1 421 .*--allowed-hosts evil\.example\n$/s)
    expect(await answerTo(url, `${lines.join('\r\n')}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 421 /)
    await openClient(url.replace('127.0.0.1', 'localhost'))
    expect(door.closedCount).toBe(0)
  })
})

describe('a door of WebSockets', () => {
  it('refuses in plain HTTP', async () => {
    const headers = { 'WWW-Authenticate': 'Bearer' }
    const accept = () => ({ status: 401, message: 'Who is there?', headers })
    const { url, failures } = await startListener({ door: { accept } })
    const text = await answerTo(url, handshake())
    expect(text).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
    expect(text).toMatch(/\r\nWWW-Authenticate: Bearer\r\n/)
    expect(text).toMatch(/\r\nContent-Type: text\/plain; charset=utf-8\r\n/)
    expect(text).toMatch(/\r\nConnection: close\r\n\r\nWho is there\?\n$/)
    const client = new WebSocket(url)
    const [error] = await once(client, 'error')
    expect(String(error)).toMatch(/401/)
    expect(failures).toEqual([])
  })

  it('may fail without further harm', async () => {
    const doors = [
      () => {
        throw new Error('broken')
      },
      () => Promise.reject(new Error('broken later')),
    ]
    for (const accept of doors) {
      const { url, failures } = await startListener({ door: { accept } })
      expect(await answerTo(url, handshake())).toMatch(/^HTTP\/1\.1 500 /)
      expect(failures).toEqual([[expect.any(String), expect.any(Error)]])
    }
  })

  it('learns of a client that has gone before it decided', async () => {
    const { promise: decided, resolve: decide } = Promise.withResolvers<void>()
    const door = new PatientDoor()
    const accept = () => decided.then(() => door.accept())
    const { url, failures } = await startListener({ door: { accept } })
    const client = await RawClient.connect(url)
    client.write(handshake())
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.socket.resetAndDestroy()
    setTimeout(decide, 50)
    await expect.poll(() => door.closedCount).toBe(1)
    expect(failures).toEqual([])
  })

  it('may close a connection before it is open', async () => {
    const door = new PatientDoor()
    const accept = (_: UpgradeRequest, control: SocketControl) => {
      control.close(1008, 'Not any more.')
      return door.accept()
    }
    const { url } = await startListener({ door: { accept } })
    const { client } = await openClient(url)
    expect(await closed(client)).toEqual({ code: 1008, reason: 'Not any more.' })
    expect(door.closedCount).toBe(1)
  })
})

describe('a handshake', () => {
  it.each([
    ['has not begun', ''],
    ['has begun', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upg'],
  ])('that %s is cut off after some time', async (_, text) => {
    const { url, failures } = await startListener({ door: echo, patience: { handshakeMs: 200 } })
    const client = await RawClient.connect(url)
    client.write(text)
    expect(await client.rest()).toMatch(/^(HTTP\/1\.1 408 |$)/)
    expect(failures).toEqual([])
  })

  it('that never ends is cut off, however often a part of it comes', async () => {
    const { url } = await startListener({ door: echo, patience: { handshakeMs: 200 } })
    const client = await RawClient.connect(url)
    client.write('GET / HTTP/1.1\r\nHost: x\r\n')
    const drip = setInterval(() => client.write('X-More: and more\r\n'), 30)
    expect(await client.rest()).toMatch(/^(HTTP\/1\.1 408 |$)/)
    clearInterval(drip)
  })

  it('that a door never decides is cut off', async () => {
    const accept = () => new Promise<never>(() => undefined)
    const { url } = await startListener({ door: { accept }, patience: { handshakeMs: 200 } })
    expect(await answerTo(url, handshake())).toBe('')
  })
})
