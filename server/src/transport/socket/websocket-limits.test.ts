import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type {
  SocketControl,
  SocketDoor,
  SocketSession,
  UpgradeRequest,
} from '../socket-exchange.ts'
import { closed, openClient } from '../testing/client.ts'
import { doorOf, echo, PatientDoor } from '../testing/doors.ts'
import { frame, opcodes } from '../testing/frames.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'

/** Longer than any of these tests. */
const patienceOfMinutes = { stallMs: 60_000 }

/** Waits until a number has not changed for some time, and returns it. */
async function settled(count: () => number): Promise<number> {
  for (let last = -1; last !== count(); await sleep(200)) last = count()
  return count()
}

/**
 * Writes until the server reads no more, or until `bytesMax`. Returns whether the server stopped
 * reading.
 */
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
  it('waits after 1,024 messages, and loses none', async () => {
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

  it('waits after 4 MiB of messages', async () => {
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

  it('may send a message that is larger than that', async () => {
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

  it('gets all its messages handled when it closes', async () => {
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

describe('a message that waits for a door', () => {
  const count = 1_500

  it('is not handled once the port is stopping', async () => {
    const door = new PatientDoor()
    const { url, listener } = await startListener({ door })
    const { client, texts } = await openClient(url)
    for (let index = 0; index < count; index += 1) client.send(`${index}`)
    expect(await settled(() => door.questions.length)).toBe(1_024)
    const stopped = listener.stop()
    await sleep(50)
    for (const { reply } of door.questions) reply('x')
    await stopped
    expect([door.questions.length, texts.length]).toEqual([1_024, 1_024])
  })

  it('is not handled once the door has closed the connection', async () => {
    let control: SocketControl | undefined
    const door = new PatientDoor()
    const accept = (_: UpgradeRequest, given: SocketControl): SocketSession => {
      control = given
      const { close, receive } = door.accept()
      return {
        close,
        receive: (message, reply, room) => {
          if (message === '1200') control?.close(1008, 'Enough.')
          receive(message, reply, room)
        },
      }
    }
    const { url } = await startListener({ door: { accept } })
    const { client } = await openClient(url)
    for (let index = 0; index < count; index += 1) client.send(`${index}`)
    expect(await settled(() => door.questions.length)).toBe(1_024)
    for (const { reply } of door.questions.slice(0, 500)) reply('x')
    expect(await closed(client)).toEqual({ code: 1008, reason: 'Enough.' })
    expect(door.questions.length).toBe(1_201)
  })
})

describe('a client that does not read its replies', () => {
  const replyBytes = 65_536

  /** A door that answers each message with a long text, and counts the messages. */
  function generous(bytes = replyBytes): { door: SocketDoor; count: () => number } {
    let count = 0
    const door = doorOf((_, reply) => {
      count += 1
      reply('x'.repeat(bytes))
    })
    return { door, count: () => count }
  }

  it('costs limited memory, and does not hold up other clients', async () => {
    const { door, count } = generous()
    const { url } = await startListener({ door, patience: patienceOfMinutes })
    const client = await RawClient.open(url)
    client.socket.pause()
    client.write(Buffer.concat(Array(5_000).fill(frame('more'))))
    // The kernel's buffers at both ends come on top of what the server keeps.
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

  it('is not cut off as long as it reads some', async () => {
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

  it('is not read any further, not even for pings', async () => {
    const { door } = generous(20_000_000)
    const { url } = await startListener({ door, patience: patienceOfMinutes })
    const client = await RawClient.open(url)
    client.socket.pause()
    client.write(frame('more'))
    await sleep(100)
    const pings = Buffer.concat(Array(1_000).fill(frame('x'.repeat(125), { code: opcodes.ping })))
    expect(await writeUntilStuck(client, pings, 200_000_000)).toBe(true)
  })

  it('does not get a pong for each of many pings', async () => {
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
