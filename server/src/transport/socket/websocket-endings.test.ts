import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Reply, SocketControl, SocketDoor, SocketSession } from '../socket-exchange.ts'
import { closed, openClient } from '../testing/client.ts'
import { doorOf, PatientDoor } from '../testing/doors.ts'
import { frame, opcodes } from '../testing/frames.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'

/** More than the buffers of sockets hold. */
const long = 'x'.repeat(20_000_000)

describe('the end of a connection', () => {
  it('comes when the client wants it, after the replies', async () => {
    const door = new PatientDoor()
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    client.send('one')
    client.send('two')
    client.close(4_000, 'bye')
    await expect.poll(() => door.questions.length).toBe(2)
    expect(door.closedCount).toBe(0)
    setTimeout(() => {
      for (const { message, reply } of door.questions) reply(message.toUpperCase())
    }, 50)
    expect(await closed(client)).toEqual({ code: 4_000, reason: 'bye' })
    expect(texts).toEqual(['ONE', 'TWO'])
    expect(door.closedCount).toBe(1)
  })

  it('comes after the replies, however long they are', async () => {
    const { url } = await startListener({ door: doorOf((_, reply) => reply(long)) })
    const { client, texts } = await openClient(url)
    client.send('one')
    client.pause()
    client.close(1000)
    await sleep(200)
    client.resume()
    expect(await closed(client)).toMatchObject({ code: 1000 })
    expect(texts).toEqual([long])
  })

  it.each(['that is not taken', 'that is never made'])(
    'does not wait forever for a reply %s',
    async (which) => {
      const door = doorOf((_, reply) => which === 'that is not taken' && reply(long))
      const patience = { endMs: 300, stallMs: 60_000 }
      const { url, failures } = await startListener({ door, patience })
      const client = await RawClient.open(url)
      client.socket.pause()
      const end = frame(Buffer.from([3, 232]), { code: opcodes.close })
      client.write(Buffer.concat([frame('one'), end]))
      await sleep(900)
      client.socket.resume()
      expect((await client.rest()).length).toBeLessThan(long.length)
      expect(failures).toEqual([])
    },
  )

  it.each([
    ['ends its side without a close frame', (client: RawClient) => client.socket.end()],
    ['destroys its socket', (client: RawClient) => client.socket.destroy()],
    ['resets the connection', (client: RawClient) => client.socket.resetAndDestroy()],
  ])('comes when the client %s, and later replies are dropped', async (_, leave) => {
    const door = new PatientDoor()
    const { url, failures } = await startListener({ door })
    const client = await RawClient.open(url)
    client.write(frame('one'), frame('two'))
    await expect.poll(() => door.questions.length).toBe(2)
    leave(client)
    await expect.poll(() => door.closedCount).toBe(1)
    for (const { reply } of door.questions) reply('late')
    await sleep(50)
    expect([door.closedCount, failures]).toEqual([1, []])
  })

  it('may come in the middle of a reply', async () => {
    const door = new PatientDoor()
    const { url, failures } = await startListener({ door })
    const client = await RawClient.open(url)
    client.write(frame('one'))
    await expect.poll(() => door.questions.length).toBe(1)
    client.socket.once('data', () => client.socket.destroy())
    door.questions[0]?.reply('x'.repeat(20_000_000))
    await expect.poll(() => door.closedCount).toBe(1)
    expect(failures).toEqual([])
  })

  it('is reported to a client whose token was revoked', async () => {
    const { door, control, answers } = revocable()
    const { url } = await startListener({ door })
    const { client, texts } = await openClient(url)
    client.send('one')
    client.send('two')
    await expect.poll(() => answers.length).toBe(2)
    answers[0]?.('1')
    control().close(1008, 'The token was revoked.')
    control().close(1011, 'too late')
    answers[1]?.('2')
    expect(await closed(client)).toEqual({ code: 1008, reason: 'The token was revoked.' })
    expect(texts).toEqual(['1'])
  })

  it('is reported to it at once, even if the client is already closing', async () => {
    const { door, control, answers } = revocable()
    const { url } = await startListener({ door })
    const client = await RawClient.open(url)
    client.write(frame('one'), frame(Buffer.from([3, 232]), { code: opcodes.close }))
    await expect.poll(() => answers.length).toBe(1)
    await sleep(50)
    control().close(1008, 'The token was revoked.')
    expect(await client.nextClose()).toEqual({ code: 1008, reason: 'The token was revoked.' })
  })

  it('carries as much of a reason as fits', async () => {
    const { door, control } = revocable()
    const { url } = await startListener({ door })
    const { client } = await openClient(url)
    control().close(1008, `x${'ä'.repeat(100)}`)
    expect(await closed(client)).toEqual({ code: 1008, reason: `x${'ä'.repeat(61)}` })
  })

  it('is not delayed by a client that goes on sending', async () => {
    const { door, control, answers } = revocable()
    const { url } = await startListener({ door, patience: { endMs: 60_000 } })
    const client = await RawClient.open(url)
    control().close(1008, 'Enough.')
    expect(await client.nextClose()).toEqual({ code: 1008, reason: 'Enough.' })
    client.write(frame('more'), frame('and more'))
    client.write(frame(Buffer.from([3, 240]), { code: opcodes.close }))
    expect(await client.rest()).toBe('')
    expect(answers).toEqual([])
  })
})

describe('a door that fails', () => {
  it('loses the connection of its client, and no other', async () => {
    const door = doorOf((message, reply) => {
      if (message === 'break') throw new Error('broken')
      reply(String(message))
    })
    const { url, failures } = await startListener({ door })
    const { client, texts } = await openClient(url)
    const other = await openClient(url)
    for (const text of ['one', 'break', 'two']) client.send(text)
    expect(await closed(client)).toMatchObject({ code: 1011 })
    expect(texts).toEqual(['one'])
    other.client.send('three')
    await expect.poll(() => other.texts).toEqual(['three'])
    expect(failures).toEqual([[expect.any(String), new Error('broken')]])
  })

  it('answers a message twice', async () => {
    const door = new PatientDoor()
    const { url, failures } = await startListener({ door })
    const { client, texts } = await openClient(url)
    client.send('one')
    client.send('two')
    await expect.poll(() => door.questions.length).toBe(2)
    const [one, two] = door.questions
    two?.reply('2')
    two?.reply('2 again')
    one?.reply('1')
    expect(await closed(client)).toMatchObject({ code: 1011 })
    expect(texts).toEqual([])
    expect([failures.length, door.closedCount]).toEqual([1, 1])
  })

  it('may fail at the end of a connection as well', async () => {
    const door: SocketDoor = {
      accept: () => ({
        receive: (message, reply) => reply(String(message)),
        close: () => {
          throw new Error('broken')
        },
      }),
    }
    const { url, failures } = await startListener({ door })
    const { client } = await openClient(url)
    client.close(1000)
    await closed(client)
    await expect.poll(() => failures).toEqual([[expect.any(String), new Error('broken')]])
    expect((await openClient(url)).client.readyState).toBe(1)
  })

  it('closes with an invalid code', async () => {
    const { door, control } = revocable()
    const { url, failures } = await startListener({ door })
    const { client } = await openClient(url)
    control().close(1005, 'not one to send')
    expect(await closed(client)).toMatchObject({ code: 1006 })
    expect(failures).toHaveLength(1)
  })
})

/** A door whose one connection the test can end. */
function revocable(): { door: SocketDoor; control: () => SocketControl; answers: Reply[] } {
  let control: SocketControl = { close: () => undefined, push: async () => undefined }
  const answers: Reply[] = []
  const session: SocketSession = {
    receive: (_, reply) => void answers.push(reply),
    close: () => undefined,
  }
  const accept = (_: unknown, given: SocketControl): SocketSession => {
    control = given
    return session
  }
  return { door: { accept }, control: () => control, answers }
}
