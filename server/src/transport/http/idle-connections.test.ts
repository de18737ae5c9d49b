import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { IdleConnections } from './idle-connections.ts'

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
  connections.cutOff(5_000, () => true)
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

const busyWithNobody = (): boolean => false

/** A connection that is watched from 1,000 ms on. */
async function connected(
  idleMs: number,
  silentMs = idleMs,
): Promise<{ connections: IdleConnections; client: Socket; server: Socket }> {
  const connections = new IdleConnections({ idleMs, silentMs })
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
