import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { limits } from '../../core/kernel/limits.ts'
import { type Activity, IdleConnections } from './idle-connections.ts'

it('cuts off a connection on which nothing moves', async () => {
  const { connections, server } = await connected(1_000)
  connections.cutOff(1_999, busyWithNobody)
  expect(server.destroyed).toBe(false)
  connections.cutOff(2_000, busyWithNobody)
  expect(server.destroyed).toBe(true)
})

it('spares a connection whose client sends', async () => {
  const { connections, client, server } = await connected(1_000)
  client.write('a byte now and then')
  await once(server, 'data')
  connections.cutOff(2_000, busyWithNobody)
  connections.cutOff(2_999, busyWithNobody)
  expect(server.destroyed).toBe(false)
  connections.cutOff(3_000, busyWithNobody)
  expect(server.destroyed).toBe(true)
})

it('spares a connection whose client reads', async () => {
  const { connections, client, server } = await connected(1_000)
  server.write('a reply')
  await once(client, 'data')
  connections.cutOff(2_000, busyWithNobody)
  connections.cutOff(2_999, busyWithNobody)
  expect(server.destroyed).toBe(false)
})

it('spares a connection whose client waits for the server, and counts from then on', async () => {
  const { connections, server } = await connected(1_000)
  connections.cutOff(5_000, () => 'waits')
  connections.cutOff(5_999, busyWithNobody)
  expect(server.destroyed).toBe(false)
  connections.cutOff(6_000, busyWithNobody)
  expect(server.destroyed).toBe(true)
})

it('waits a shorter time for the very first byte', async () => {
  const { connections, client, server } = await connected(1_000, 100)
  connections.cutOff(1_099, busyWithNobody)
  expect(server.destroyed).toBe(false)
  client.write('the first byte')
  await once(server, 'data')
  connections.cutOff(1_100, busyWithNobody)
  connections.cutOff(2_099, busyWithNobody)
  expect(server.destroyed).toBe(false)
  const { connections: others, server: silent } = await connected(1_000, 100)
  others.cutOff(1_100, busyWithNobody)
  expect(silent.destroyed).toBe(true)
})

it.each([
  ['', false, 11_000],
  [' sooner while others wait for room', true, 4_000],
])('cuts off a transfer that moves a byte now and then%s', async (_, isShort, endsAt) => {
  const { connections, client, server } = await connected(1_000)
  for (let now = 1_500; now <= endsAt; now += 500) {
    client.write('x')
    await once(server, 'data')
    expect(server.destroyed).toBe(false)
    connections.cutOff(
      now,
      () => 'transfers',
      () => isShort,
    )
  }
  expect(server.destroyed).toBe(true)
})

it('spares a transfer that makes progress, and an idle client with small requests', async () => {
  const { connections, client, server } = await connected(1_000)
  const large = Buffer.alloc(limits.httpMovedBytesMin)
  for (let now = 1_500; now <= 20_000; now += 500) {
    client.write(now % 2_500 === 0 ? large : 'x')
    const wanted = server.bytesRead + 1
    while (server.bytesRead < wanted) await once(server, 'data')
    connections.cutOff(
      now,
      () => 'transfers',
      () => true,
    )
  }
  expect(server.destroyed).toBe(false)
  for (let now = 20_500; now <= 40_000; now += 500) {
    client.write('x')
    await once(server, 'data')
    connections.cutOff(now, busyWithNobody, () => true)
  }
  expect(server.destroyed).toBe(false)
})

it('finds the connection that idles longest, so that it makes room', async () => {
  const { connections, server } = await connected(1_000)
  expect(connections.idlest(() => 'waits')).toBe(undefined)
  expect(connections.idlest(busyWithNobody)).toEqual({ socket: server, at: 1_000 })
  server.destroy()
  expect(connections.idlest(busyWithNobody)).toBe(undefined)
})

const busyWithNobody = (): Activity => 'idles'

/** A connection that is watched from 1,000 ms on. */
async function connected(
  idleMs: number,
  silentMs = idleMs,
): Promise<{ connections: IdleConnections; client: Socket; server: Socket }> {
  const connections = new IdleConnections({ idleMs, silentMs, slowMs: 10_000, shortMs: 3_000 })
  const listener = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void listener.close())
  await once(listener, 'listening')
  const address = listener.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const accepted = once(listener, 'connection')
  const client = connect(port, '127.0.0.1')
  onTestFinished(() => void client.destroy())
  const [server] = await accepted
  connections.watch(server, 1_000)
  server.on('data', () => undefined)
  server.on('error', () => undefined)
  return { connections, client, server }
}
