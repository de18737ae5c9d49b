import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SocketControl, SocketSession } from '../socket-exchange.ts'
import { openClient } from '../testing/client.ts'
import { PatientDoor } from '../testing/doors.ts'
import { frame, opcodes } from '../testing/frames.ts'
import { handshake } from '../testing/handshake.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'
import type { UpgradesBounds, UpgradesPatience } from './socket-upgrades.ts'

const kibibyte = 1_024
const bounds: UpgradesBounds = {
  held: { bytesMax: 4_000 * kibibyte, ownerBytesMax: 2_000 * kibibyte },
  answersBytesMax: 1_000 * kibibyte,
  socketsMax: 3,
  ownerSocketsMax: 2,
}
const patienceOfMinutes = { stallMs: 60_000, shortStallMs: 60_000 }

/** A door whose sessions belong to the user that the path names, and answer `KiB` on request. */
class OwnedDoor extends PatientDoor {
  readonly controls: SocketControl[] = []

  override accept(request?: { readonly path: string }, control?: SocketControl): SocketSession {
    if (control) this.controls.push(control)
    return { ...super.accept(), owner: request?.path ?? '' }
  }
}

describe('the room for answers of one connection', () => {
  /** A door that one client has asked this many questions. */
  async function asked(count: number, patience: Partial<UpgradesPatience> = patienceOfMinutes) {
    const door = new PatientDoor()
    const { url } = await startListener({ door, bounds, patience })
    const { client, texts } = await openClient(url)
    for (let index = 0; index < count; index += 1) client.send(`${index}`)
    await expect.poll(() => door.questions.length).toBe(count)
    return { door, client, texts }
  }

  /** Asks for room for each question, and notes which questions have it. */
  function wantRoom(door: PatientDoor, bytes: number): Set<number> {
    const granted = new Set<number>()
    for (const [index, { room }] of door.questions.entries()) {
      void Promise.resolve(room.take(bytes)).then(() => granted.add(index))
    }
    return granted
  }

  it('is for as many answers at the same time as fit, and the others wait for theirs', async () => {
    const { door, texts } = await asked(20)
    const granted = wantRoom(door, 100 * kibibyte)
    await sleep(50)
    expect(granted.size).toBeGreaterThanOrEqual(5)
    expect(granted.size).toBeLessThanOrEqual(10)
    for (let index = 0; index < 20; index += 1) {
      await expect.poll(() => granted.has(index)).toBe(true)
      door.questions[index]?.reply('x'.repeat(100 * kibibyte))
    }
    await expect.poll(() => texts.length).toBe(20)
  })

  it('is there for the oldest message, whatever later ones hold', async () => {
    const { door, texts } = await asked(6)
    const [oldest, ...later] = door.questions
    for (const { room, reply } of later.slice(0, 4)) {
      await room.take(100 * kibibyte)
      reply('x'.repeat(100 * kibibyte))
    }
    let hasRoom = false
    void Promise.resolve(later[4]?.room.take(400 * kibibyte)).then(() => {
      hasRoom = true
    })
    await oldest?.room.take(900 * kibibyte)
    expect([hasRoom, texts.length]).toEqual([false, 0])
    oldest?.reply('first')
    await expect.poll(() => hasRoom).toBe(true)
    later[4]?.reply('last')
    await expect.poll(() => texts.length).toBe(6)
  })

  it('stops the reading of further messages while something waits for it', async () => {
    const { door, client } = await asked(3)
    wantRoom(door, 450 * kibibyte)
    client.send('more')
    await sleep(100)
    expect(door.questions.length).toBe(3)
    door.questions[0]?.reply('0')
    door.questions[1]?.reply('1')
    await expect.poll(() => door.questions.length).toBe(4)
  })

  it('is there for those that wait as soon as another message gives some back', async () => {
    // No check comes to the help of those that wait.
    const patience = { ...patienceOfMinutes, checkIntervalMs: 60_000 }
    const { door } = await asked(2, patience)
    const [first, second] = door.questions
    await first?.room.take(400 * kibibyte)
    let isGranted = false
    void Promise.resolve(second?.room.take(400 * kibibyte)).then(() => {
      isGranted = true
    })
    await sleep(50)
    expect(isGranted).toBe(false)
    first?.room.give(400 * kibibyte)
    await expect.poll(() => isGranted).toBe(true)
  })

  it('is refused to those that wait when the connection ends', async () => {
    const { door, client } = await asked(2)
    const [first, second] = door.questions
    await first?.room.take(800 * kibibyte)
    const waiting = Promise.resolve(second?.room.take(800 * kibibyte))
    const refused = expect(waiting).rejects.toMatchObject({ code: 'store-busy' })
    client.terminate()
    await refused
    expect(second?.room.isOpen).toBe(false)
    expect(() => second?.room.take(800 * kibibyte)).toThrow()
  })
})

describe('the room of all connections', () => {
  /** A client that may send much larger messages than there is room for. */
  async function openHostile(): Promise<{ door: OwnedDoor; url: string; hostile: RawClient }> {
    const door = new OwnedDoor()
    const maxPayloadBytes = 20_000 * kibibyte
    const settings = { door, bounds, maxPayloadBytes, patience: patienceOfMinutes }
    const { url } = await startListener(settings)
    return { door, url, hostile: await RawClient.open(`${url}/ann`) }
  }

  it('has a bound for each user, and others are answered beside it', async () => {
    const door = new OwnedDoor()
    const { url } = await startListener({ door, bounds, patience: patienceOfMinutes })
    const greedy = await Promise.all([openClient(`${url}/ann`), openClient(`${url}/ann`)])
    for (const { client } of greedy) client.send('greedy')
    await expect.poll(() => door.questions.length).toBe(2)
    await door.questions[0]?.room.take(1_900 * kibibyte)
    let isGranted = false
    void Promise.resolve(door.questions[1]?.room.take(900 * kibibyte)).then(() => {
      isGranted = true
    })
    const other = await openClient(`${url}/bob`)
    other.client.send('healthy')
    await expect.poll(() => door.questions.length).toBe(3)
    await door.questions[2]?.room.take(900 * kibibyte)
    expect(isGranted).toBe(false)
    door.questions[2]?.reply('healthy')
    await expect.poll(() => other.texts).toEqual(['healthy'])
    door.questions[0]?.reply('done')
    await expect.poll(() => isGranted).toBe(true)
  })

  it('is not held for ever by a client that takes a byte now and then', async () => {
    const door = new OwnedDoor()
    const patience = { stallMs: 60_000, shortStallMs: 300 }
    const { url } = await startListener({ door, bounds, patience })
    const slow = await RawClient.open(`${url}/ann`)
    slow.write(frame('a long answer'))
    await expect.poll(() => door.questions.length).toBe(1)
    slow.socket.pause()
    door.questions[0]?.reply('x'.repeat(8_000 * kibibyte))
    await sleep(50)
    const drip = setInterval(() => slow.socket.read(1), 50)
    const { client, texts } = await openClient(`${url}/ann`)
    client.send('needs room')
    await expect.poll(() => door.questions.length).toBe(2)
    await door.questions[1]?.room.take(900 * kibibyte)
    door.questions[1]?.reply('answered')
    await expect.poll(() => texts).toEqual(['answered'])
    clearInterval(drip)
    expect(door.closedCount).toBe(1)
  })

  it('is freed of half-sent messages once twice as much is held as should be', async () => {
    const { door, url, hostile } = await openHostile()
    const whole = frame('x'.repeat(12_000 * kibibyte))
    hostile.write(whole.subarray(0, -1))
    const { client, texts } = await openClient(`${url}/bob`)
    await expect.poll(() => door.closedCount).toBe(1)
    client.send('healthy')
    await expect.poll(() => door.questions.length).toBe(1)
    door.questions[0]?.reply('healthy')
    await expect.poll(() => texts).toEqual(['healthy'])
  })

  it('counts whole messages that have no answer yet', async () => {
    const { door, hostile } = await openHostile()
    // The first one is taken, and the second one waits behind it.
    hostile.write(frame('x'.repeat(6_000 * kibibyte)), frame('x'.repeat(4_000 * kibibyte)))
    await expect.poll(() => door.closedCount).toBe(1)
    expect(door.questions.length).toBe(1)
  })
})

describe('the room that an ended connection held', () => {
  const patience = { ...patienceOfMinutes, endMs: 60_000 }
  const most = 1_900 * kibibyte

  /** A connection of ann that stays open whatever the server says. */
  async function openStubborn(url: string): Promise<Socket> {
    const { hostname: host, port } = new URL(url)
    const socket = connect({ host, port: Number(port), allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    socket.write(handshake({ path: '/ann' }))
    await once(socket, 'data')
    return socket
  }

  /** Another connection of this user gets almost all of the user's room. */
  async function expectFree(door: OwnedDoor, address: string): Promise<void> {
    await sleep(100) // several checks, which must not count it again
    const before = door.questions.length
    const { client } = await openClient(address)
    client.send('needs room')
    await expect.poll(() => door.questions.length).toBe(before + 1)
    let isGranted = false
    void Promise.resolve(door.questions[before]?.room.take(most)).then(() => {
      isGranted = true
    })
    await expect.poll(() => isGranted).toBe(true)
  }

  it('is free if the client sent a part of a message and ended, but keeps its TCP', async () => {
    const door = new OwnedDoor()
    const maxPayloadBytes = 4_000 * kibibyte
    const { url } = await startListener({ door, bounds, patience, maxPayloadBytes })
    const socket = await openStubborn(url)
    socket.write(frame(Buffer.alloc(most), { isFinal: false }))
    socket.write(frame(Buffer.from([3, 232]), { code: opcodes.close }))
    await expect.poll(() => door.closedCount).toBe(1)
    await expectFree(door, `${url}/ann`)
  })

  it('is free if the client ignores that its token was revoked', async () => {
    const door = new OwnedDoor()
    const { url } = await startListener({ door, bounds, patience })
    const socket = await openStubborn(url)
    socket.write(frame('a long list'))
    await expect.poll(() => door.questions.length).toBe(1)
    await door.questions[0]?.room.take(most)
    door.controls[0]?.close(1008, 'This token is no longer valid.')
    await expect.poll(() => door.closedCount).toBe(1)
    door.questions[0]?.reply('too late')
    await expectFree(door, `${url}/ann`)
  })
})

describe('the number of connections', () => {
  it('is bounded for each user and for all, and a refusal says so', async () => {
    const door = new OwnedDoor()
    const { url } = await startListener({ door, bounds })
    await openClient(`${url}/ann`)
    const second = await openClient(`${url}/ann`)
    await expect(openClient(`${url}/ann`)).rejects.toThrow('503')
    await openClient(`${url}/bob`)
    await expect(openClient(`${url}/carl`)).rejects.toThrow('503')
    second.client.close()
    await expect.poll(() => door.closedCount).toBe(2) // of the refused one, too
    await openClient(`${url}/carl`)
  })
})
