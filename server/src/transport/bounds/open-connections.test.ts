import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { HttpReply } from '../exchange.ts'
import { HttpListener } from '../http/http.ts'
import { socketBoundsFor, type UpgradesBounds } from '../socket/socket-upgrades.ts'
import { WebSocketListener } from '../socket/websocket.ts'
import { openClient } from '../testing/client.ts'
import { echo } from '../testing/doors.ts'
import { OpenConnections } from './open-connections.ts'

const max = 5

/** A port for HTTP and one for WebSockets, which share their connections. */
async function listen(
  bounds?: UpgradesBounds,
): Promise<{ http: HttpListener; sockets: WebSocketListener }> {
  const logError = (): void => undefined
  const common = { host: '127.0.0.1', port: 0, logError }
  const shared = { ...common, connections: new OpenConnections({ max, logError }) }
  const handler = async (): Promise<HttpReply> => ({ status: 204, headers: {}, body: '' })
  const http = new HttpListener({ ...shared, handler })
  const door = { ...shared, door: echo, maxPayloadBytes: 1_000 }
  const sockets = new WebSocketListener({ ...door, ...(bounds && { bounds }) })
  await Promise.all([http.listen(), sockets.listen()])
  onTestFinished(async () => {
    await Promise.all([http.stop(), sockets.stop()])
  })
  return { http, sockets }
}

async function openIdle(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.resume()
  await once(socket, 'connect')
  return socket
}

function openEach(count: number, url: string): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => openIdle(url)))
}

const goneOf = (all: readonly Socket[]): number => all.filter(({ destroyed }) => destroyed).length

describe('the connections of all ports', () => {
  it.each(['http', 'sockets'] as const)(
    'make room for new ones, if they idle at the port of %s',
    async (crowded) => {
      const ports = await listen()
      const idle = await openEach(max, ports[crowded].url)
      expect((await fetch(ports.http.url)).status).toBe(204)
      await expect.poll(() => goneOf(idle)).toBe(1)
      const { client, texts } = await openClient(ports.sockets.url)
      client.send('healthy')
      await expect.poll(() => texts).toEqual(['healthy'])
      await expect.poll(() => goneOf(idle)).toBeLessThanOrEqual(2)
    },
  )

  it('do not, if they are WebSockets: the new one is cut off', async () => {
    const bounds = socketBoundsFor(10_000)
    const { http, sockets } = await listen(bounds)
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => openClient(sockets.url)))
    const refused = await openIdle(http.url)
    await expect.poll(() => refused.destroyed).toBe(true)
    for (const { client, texts } of clients) {
      client.send('healthy')
      await expect.poll(() => texts).toEqual(['healthy'])
    }
  })

  it('may be WebSockets of one user up to two fifths, however few they are', async () => {
    const { sockets } = await listen()
    await Promise.all([openClient(sockets.url), openClient(sockets.url)])
    await expect(openClient(sockets.url)).rejects.toThrow('503')
  })
})
