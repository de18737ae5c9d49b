import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SocketDoor } from '../socket-exchange.ts'
import { openClient } from '../testing/client.ts'
import { echo, PatientDoor } from '../testing/doors.ts'
import { frame } from '../testing/frames.ts'
import { handshake } from '../testing/handshake.ts'
import { startListener } from '../testing/listener.ts'
import { RawClient } from '../testing/raw-client.ts'
import { HttpListener } from './http.ts'

const patience = { stallMs: 200, headersMs: 200, checkIntervalMs: 25 }
const stopMs = 8_000

describe('a WebSocket on a port of HTTP requests', () => {
  let requests: HttpListener
  let url: string

  /**
   * Upgrades every connection. If a test does not stop the WebSockets, they are stopped at its end.
   */
  async function start(door: SocketDoor): Promise<{ stopSockets: () => Promise<void> }> {
    const { listener } = await startListener({ door })
    requests = new HttpListener({
      host: '127.0.0.1',
      port: 0,
      patience,
      handler: async () => ({ status: 200, headers: {}, body: '' }),
      upgrades: () => listener.handleUpgrade,
      logError: () => undefined,
    })
    await requests.listen()
    url = requests.url.replace('http:', 'ws:')
    return { stopSockets: () => listener.stop() }
  }

  it('is not cut off when a request would be', async () => {
    await start(echo)
    onTestFinished(() => requests.stop())
    const { client, texts } = await openClient(url)
    await sleep(patience.stallMs * 4)
    client.send('still here')
    await expect.poll(() => texts).toEqual(['still here'])
    client.close()
  })

  it('is stopped by its WebSocket listener, and the port waits for that', async () => {
    const door = new PatientDoor()
    const { stopSockets } = await start(door)
    const { client, texts } = await openClient(url)
    client.send('one')
    await expect.poll(() => door.questions.length).toBe(1)
    let isStopped = false
    const stopped = requests.stop().then(() => {
      isStopped = true
    })
    const socketsStopped = stopSockets()
    await sleep(100)
    expect(isStopped).toBe(false)
    door.questions[0]?.reply('1')
    await Promise.all([stopped, socketsStopped])
    expect(texts).toEqual(['1'])
  })

  it('is refused while its WebSocket listener stops', async () => {
    const door = new PatientDoor()
    const { stopSockets } = await start(door)
    await stopSockets()
    const client = await RawClient.connect(url)
    client.write(handshake(), frame('one'))
    expect(await client.rest()).toMatch(/^HTTP\/1\.1 503 /)
    await requests.stop()
    expect(door.closedCount).toBe(0)
  })

  it('is refused if its WebSocket listener began to stop before the door had decided', async () => {
    const { promise: decided, resolve: decide } = Promise.withResolvers<void>()
    const door = new PatientDoor()
    const { stopSockets } = await start({ accept: () => decided.then(() => door.accept()) })
    const client = await RawClient.connect(url)
    client.write(handshake())
    await sleep(100)
    const stopped = stopSockets()
    decide()
    expect(await client.rest()).toMatch(/^HTTP\/1\.1 503 /)
    await stopped
    await requests.stop()
    expect(door.closedCount).toBe(1)
  })

  it(
    'delays the stop of the port only for a limited time',
    async () => {
      await start(echo)
      const client = await RawClient.open(url)
      await requests.stop()
      expect(await client.rest()).toBe('')
    },
    stopMs * 3,
  )
})
