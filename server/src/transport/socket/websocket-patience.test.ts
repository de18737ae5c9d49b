import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Reply, SocketDoor } from '../socket-exchange.ts'
import { closed, openClient } from '../testing/client.ts'
import { doorOf, echo, PatientDoor } from '../testing/doors.ts'
import { frame, opcodes } from '../testing/frames.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'

describe('a client that is silent', () => {
  const patience = { idleMs: 300, pongMs: 300 }

  it('gets a ping, and stays if it answers', async () => {
    const { url } = await startListener({ door: echo, patience })
    const { client, texts } = await openClient(url)
    let pings = 0
    client.on('ping', () => {
      pings += 1
    })
    await expect.poll(() => pings, { timeout: 10_000 }).toBeGreaterThan(2)
    client.send('here')
    await expect.poll(() => texts).toEqual(['here'])
  })

  it('is cut off if it does not answer', async () => {
    const door = new PatientDoor()
    const { url, failures } = await startListener({ door, patience })
    const client = await RawClient.open(url)
    const began = performance.now()
    expect(await client.next()).toEqual({ code: opcodes.ping, payload: Buffer.alloc(0) })
    expect(await client.rest()).toBe('')
    expect(performance.now() - began).toBeGreaterThan(patience.pongMs / 2)
    await expect.poll(() => door.closedCount).toBe(1)
    expect(failures).toEqual([])
  })

  it('gets no ping while it sends', async () => {
    const { url } = await startListener({ door: doorOf((_, reply) => reply()), patience })
    const { client } = await openClient(url)
    let pings = 0
    client.on('ping', () => {
      pings += 1
    })
    for (let index = 0; index < 50; index += 1) {
      client.send('x')
      await sleep(20)
    }
    expect(pings).toBe(0)
  })

  it('stays whatever it has sent in pings: they are no part of a message', async () => {
    const { url } = await startListener({ door: echo, patience: { stallMs: 200 } })
    const client = await RawClient.open(url)
    const pings = Array.from({ length: 600 }, () => {
      return frame(Buffer.alloc(125), { code: opcodes.ping })
    })
    client.write(Buffer.concat(pings))
    await sleep(500)
    client.write(frame('here'))
    let answer = await client.next()
    while (answer.code === opcodes.pong) answer = await client.next()
    expect(answer.payload.toString()).toBe('here')
  })

  it('is not cut off while it waits for the server', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door, patience })
    const client = await RawClient.open(url)
    client.write(Buffer.concat(Array(2_000).fill(frame('x'))))
    await expect.poll(() => door.questions.length).toBe(1_024)
    await sleep(patience.idleMs * 4)
    expect(door.closedCount).toBe(0)
    for (const { reply } of door.questions) reply('y')
    expect(await client.nextText()).toBe('y')
  })
})

describe('a port of WebSockets that is stopped', () => {
  it('sends pending answers, takes no more messages, and says why', async () => {
    const door = new PatientDoor()
    const { url, listener } = await startListener({ door })
    const clients = await Promise.all([openClient(url), openClient(url), openClient(url)])
    for (const { client } of clients) client.send('one')
    await expect.poll(() => door.questions.length).toBe(3)
    const ends = clients.map(({ client }) => closed(client))
    const stopped = listener.stop()
    for (const { client } of clients) client.send('two')
    setTimeout(() => {
      for (const { reply } of door.questions) reply('1')
    }, 100)
    for (const end of ends) {
      expect(await end).toEqual({ code: 1001, reason: 'The server is stopping.' })
    }
    await stopped
    expect(clients.map(({ texts }) => texts)).toEqual([['1'], ['1'], ['1']])
    expect([door.questions.length, door.closedCount]).toEqual([3, 3])
    await expect(openClient(url)).rejects.toThrow('ECONNREFUSED')
    await listener.stop()
  })

  it('is not delayed for long by any client', async () => {
    const replies: Reply[] = []
    const door = doorOf((message, reply) => {
      if (message === 'much') reply('x'.repeat(20_000_000))
      else replies.push(reply)
    })
    const patience = { endMs: 500, handshakeMs: 60_000, stallMs: 60_000 }
    const { url, listener } = await startListener({ door, patience })
    const [unread, unanswered, unmoved] = [
      await RawClient.open(url),
      await RawClient.open(url),
      await RawClient.open(url),
    ]
    const begun = await RawClient.connect(url)
    begun.write('GET / HTTP/1.1\r\n')
    unread.socket.pause()
    unread.write(frame('much'))
    unanswered.write(frame('one'))
    await expect.poll(() => replies.length).toBe(1)
    await listener.stop()
    expect(await unmoved.nextClose()).toMatchObject({ code: 1001 })
    for (const client of [unanswered, unmoved, begun]) expect(await client.rest()).toBe('')
    replies[0]?.('late')
  })

  it('stops even if a door never decides', async () => {
    const accept = () => new Promise<never>(() => undefined)
    const patience = { endMs: 300, handshakeMs: 60_000 }
    const { url, listener } = await startListener({ door: { accept }, patience })
    const lost = openClient(url)
    lost.catch(() => undefined)
    await sleep(100)
    await listener.stop()
    await expect(lost).rejects.toThrow()
  })
})

describe('two thousand clients', () => {
  const count = 2_000

  it('are served at once, and leave at once', async () => {
    let closedCount = 0
    const door: SocketDoor = {
      accept: () => ({
        receive: (message, reply) => setImmediate(reply, `${message}!`),
        close: () => {
          closedCount += 1
        },
      }),
    }
    const { url, listener, failures } = await startListener({ door })
    const clients: RawClient[] = []
    while (clients.length < count) {
      clients.push(...(await Promise.all(Array.from({ length: 100 }, () => RawClient.open(url)))))
    }
    for (const [index, client] of clients.entries()) {
      client.write(frame(`${index}`), frame('and more'))
    }
    const replies = await Promise.all(
      clients.map(async (client) => [await client.nextText(), await client.nextText()]),
    )
    expect(replies).toEqual(clients.map((_, index) => [`${index}!`, 'and more!']))
    for (const client of clients.slice(0, count / 2)) client.socket.destroy()
    await expect.poll(() => closedCount).toBe(count / 2)
    const stopped = listener.stop()
    for (const client of clients.slice(count / 2)) {
      expect(await client.nextClose()).toMatchObject({ code: 1001 })
      client.socket.end()
    }
    await stopped
    expect([closedCount, failures]).toEqual([count, []])
  }, 60_000)
})
