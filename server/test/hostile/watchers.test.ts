import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { Remote } from '../support/network/remote.ts'
import { startTestServer, type TestServer } from '../support/network/test-server.ts'
import { ChangeStream } from '../support/watching/change-stream.ts'

const mebibyte = 2 ** 20

async function openPlace(): Promise<{ server: TestServer; path: string; remote: Remote }> {
  const server = await startTestServer()
  onTestFinished(() => server.close())
  const remote = new Remote(server.url)
  const { token } = server
  const { data } = await remote.do('/v2/key-value-stores', { method: 'POST', token })
  return { server, path: `/v2/key-value-stores/${data.id}`, remote }
}

/** A client that asks for a stream of events and reads nothing of it. */
function openDeaf({ url, token }: TestServer, path: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.on('error', () => undefined)
  socket.pause()
  const head = `Host: ${hostname}\r\nAuthorization: Bearer ${token}\r\n`
  socket.write(`GET ${path}/changes HTTP/1.1\r\n${head}\r\n`)
  onTestFinished(() => void socket.destroy())
  return socket
}

it('clients that read nothing of their streams take little memory beside one that reads', async () => {
  const { server, path, remote } = await openPlace()
  const { token } = server
  for (let count = 0; count < 150; count += 1) openDeaf(server, path)
  const healthy = await ChangeStream.open(`${server.url}${path}/changes`, { token })
  await healthy.next()
  const before = process.memoryUsage().rss
  const value = 'x'.repeat(4_000)
  const seeing = healthy.until(({ data }) => data.key === 'end')
  for (let round = 0; round < 60; round += 1) {
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`)
    await Promise.all(
      keys.map((key) =>
        remote.do(`${path}/records/${key}`, { method: 'PUT', token, json: `${round}${value}` }),
      ),
    )
  }
  await remote.do(`${path}/records/end`, { method: 'PUT', token, json: 1 })
  await seeing
  healthy.close()
  // All that was written since would be 720 MB for the 150 of them.
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * mebibyte)
})

it('hundreds of watchers of one store see a change, and others are served meanwhile', async () => {
  const { server, path, remote } = await openPlace()
  const { token } = server
  const open = () => ChangeStream.open(`${server.url}${path}/changes`, { token })
  const streams: ChangeStream[] = []
  for (let opened = 0; opened < 400; opened += 100) {
    streams.push(...(await Promise.all(Array.from({ length: 100 }, open))))
  }
  for (const stream of streams) await stream.next()
  const seen = streams.map((stream) => stream.next())
  await remote.do(`${path}/records/K`, { method: 'PUT', token, json: 1 })
  const read = await remote.send(`${path}/records/K`, { token })
  expect(read.text).toBe('1')
  const values = new Set((await Promise.all(seen)).map((event) => event?.data.value))
  expect([...values]).toEqual([1])
  for (const stream of streams) stream.close()
})

it('a query with ten thousand keys is refused, and the server goes on', async () => {
  const { server, path, remote } = await openPlace()
  const { token } = server
  const keys = Array.from({ length: 10_000 }, () => 'key=a').join('&')
  const asked = await remote.send(`/datablock_storage/none/changes?${keys}`, { token })
  expect(asked.status).toBeGreaterThanOrEqual(400)
  expect((await remote.send(path, { token })).status).toBe(200)
})

it('a server stops although a client reads nothing of its stream', async () => {
  const server = await startTestServer()
  const { token } = server
  const remote = new Remote(server.url)
  const { data } = await remote.do('/v2/key-value-stores', { method: 'POST', token })
  const path = `/v2/key-value-stores/${data.id}`
  const deaf = openDeaf(server, path)
  const closed = new Promise((resolve) => deaf.once('close', resolve))
  for (let round = 0; round < 20; round += 1) {
    const json = `${round}${'x'.repeat(4_000)}`
    await remote.do(`${path}/records/K`, { method: 'PUT', token, json })
  }
  await server.close()
  deaf.resume()
  await closed
})
