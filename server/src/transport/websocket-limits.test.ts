import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Reply, SocketDoor } from './socket-exchange.ts'
import {
  closed,
  doorOf,
  echo,
  frame,
  opcodes,
  openClient,
  PatientDoor,
  RawClient,
  startListener,
} from './testing.ts'

/** Nobody needs as much. */
const patienceOfMinutes = { stallMs: 60_000 }

/** Waits until a number has stood still for some time, and returns it. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; last !== count(); await sleep(200)) last = count()
  return count()
}

/** Writes until the server takes no more; returns whether it stopped at some time. */
async function writeUntilStuck(
  client: RawClient,
  part: Buffer,
  bytesMax: number,
): Promise<boolean> {
  for (let sent = 0; sent < bytesMax; sent += part.length) {
    if (client.socket.write(part)) continue
    const stuck = sleep(500).then(() => true)
    if ((await Promise.race([once(client.socket, 'drain'), stuck])) === true) return true
  }
  return false
}

describe('a client that sends more than is answered', () => {
  it('waits with so many messages, and loses none', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    const sent = Array.from({ length: 5_000 }, (_, index) => `${index}`)
    for (const text of sent) client.send(text)
    expect(await settled(() => door.questions.length)).toBe(1_024)
    for (let done = 0; done < sent.length; done += 1) {
      await expect.poll(() => door.questions.length).toBeGreaterThan(done)
      const { message, reply } = door.questions[done] ?? { message: '', reply: () => undefined }
      reply(message)
    }
    await expect.poll(() => texts.length).toBe(sent.length)
    expect(texts).toEqual(sent)
  })

  it('waits with so many bytes', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    for (let index = 0; index < 20; index += 1) client.send('x'.repeat(1_000_000))
    expect(await settled(() => door.questions.length)).toBe(5)
    door.questions[0]?.reply('0')
    expect(await settled(() => door.questions.length)).toBe(6)
    for (let done = 1; done < 20; done += 1) {
      await expect.poll(() => door.questions.length).toBeGreaterThan(done)
      door.questions[done]?.reply(`${done}`)
    }
    await expect.poll(() => texts.length).toBe(20)
  })

  it('has a message taken that is larger than all of that', async () => {
    const { url } = await startListener({ door: echo, maxPayloadBytes: 20_000_000 })
    const { client, texts } = await openClient(url)
    const text = 'x'.repeat(20_000_000)
    client.send(text)
    client.send('next')
    await expect.poll(() => texts.length).toBe(2)
    expect(texts.map((one) => one.length)).toEqual([20_000_000, 4])
  })

  it('is not read any further', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const client = await RawClient.open(url)
    const part = frame('x'.repeat(60_000))
    expect(await writeUntilStuck(client, part, 200_000_000)).toBe(true)
    expect(door.questions.length).toBeLessThan(100)
  })

  it('has all of it handled when it closes', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    for (let index = 0; index < 1_500; index += 1) client.send(`${index}`)
    client.close(1000)
    expect(await settled(() => door.questions.length)).toBe(1_024)
    for (let done = 0; done < 1_500; done += 1) {
      await expect.poll(() => door.questions.length).toBeGreaterThan(done)
      door.questions[done]?.reply('x')
    }
    expect(await closed(client)).toMatchObject({ code: 1000 })
    expect(texts).toHaveLength(1_500)
  })
})

describe('a client that does not take its replies', () => {
  const replyBytes = 65_536

  /** Answers each message with much, and counts. */
  function generous(bytes = replyBytes): { door: SocketDoor; count: () => number } {
    let count = 0
    const door = doorOf((_, reply) => {
      count += 1
      reply('x'.repeat(bytes))
    })
    return { door, count: () => count }
  }

  it('costs so much memory and no more, and others no time', async () => {
    const { door, count } = generous()
    const { url } = await startListener({ door, patience: patienceOfMinutes })
    const client = await RawClient.open(url)
    client.socket.pause()
    client.write(Buffer.concat(Array(5_000).fill(frame('more'))))
    // What the kernel holds for both ends comes on top of what is kept here.
    expect((await settled(count)) * replyBytes).toBeLessThan(20_000_000)
    const other = await openClient(url)
    other.client.send('one')
    await expect.poll(() => other.texts.length).toBe(1)
    client.socket.removeAllListeners('data')
    let bytes = 0
    client.socket.on('data', (part: Buffer) => {
      bytes += part.length
    })
    client.socket.resume()
    await expect.poll(() => bytes, { timeout: 30_000 }).toBe(5_000 * (replyBytes + 10))
  }, 60_000)

  it('gets replies that are longer than that', async () => {
    const { door } = generous(5_000_000)
    const { url } = await startListener({ door, patience: patienceOfMinutes })
    const { client, texts } = await openClient(url)
    for (let index = 0; index < 5; index += 1) client.send('more')
    client.pause()
    await sleep(300)
    client.resume()
    await expect.poll(() => texts.length, { timeout: 10_000 }).toBe(5)
    expect(texts.every((text) => text.length === 5_000_000)).toBe(true)
  })

  it('is cut off in the end', async () => {
    const { door } = generous(5_000_000)
    const { url, failures } = await startListener({ door, patience: { stallMs: 300 } })
    const client = await RawClient.open(url)
    client.socket.pause()
    client.write(...Array(5).fill(frame('more')))
    await sleep(1_500)
    client.socket.resume()
    expect((await client.rest()).length).toBeLessThan(25_000_000)
    expect(failures).toEqual([])
  })

  it('is not cut off as long as it takes some', async () => {
    const { door } = generous(40_000_000)
    const stallMs = 800
    const { url } = await startListener({ door, patience: { stallMs } })
    const client = await RawClient.open(url)
    client.write(frame('more'))
    let bytes = 0
    client.socket.on('data', (part: Buffer) => {
      bytes += part.length
      client.socket.pause()
      setTimeout(() => client.socket.resume(), 2)
    })
    const began = performance.now()
    await expect.poll(() => bytes, { timeout: 20_000 }).toBe(40_000_010)
    expect(performance.now() - began).toBeGreaterThan(stallMs)
  }, 30_000)

  it('is not drowned in pongs', async () => {
    const { url } = await startListener({ door: echo, patience: patienceOfMinutes })
    const client = await RawClient.open(url)
    client.socket.pause()
    const pings = Buffer.concat(Array(1_000).fill(frame('x'.repeat(125), { code: opcodes.ping })))
    for (let sent = 0; sent < 100; sent += 1) {
      if (!client.socket.write(pings))
        await Promise.race([once(client.socket, 'drain'), sleep(500)])
    }
    client.write(frame('still there?'))
    client.socket.resume()
    let pongs = 0
    for (;;) {
      const { code } = await client.next()
      if (code === opcodes.text) break
      pongs += 1
    }
    expect(pongs).toBeLessThan(20_000)
  })
})

describe('a client that is silent', () => {
  const patience = { idleMs: 300, pongMs: 300 }

  it('is asked whether it is there, and stays if it says so', async () => {
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

  it('is left where it says nothing', async () => {
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

  it('is not asked while it sends', async () => {
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

  it('is waited for where it is the one that waits', async () => {
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
  it('sends what is in flight, takes nothing more, and says why', async () => {
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

  it('is held up by nobody for long', async () => {
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

  it('stops beside a door that never decides', async () => {
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
