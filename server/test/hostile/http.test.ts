import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestFolder } from '../support/data/test-folder.ts'
import { Client } from '../support/network/client.ts'
import { startTestServer } from '../support/network/test-server.ts'
import { usageOf } from '../support/processes/resource-usage.ts'
import { ServerProcess } from '../support/processes/server-process.ts'

const mebibyte = 1_048_576
const bodyBytes = 9 * mebibyte

interface Address {
  readonly url: string
  readonly token: string
}

/** Opens a connection and sends all of a long body but its last bytes, as far as that goes. */
async function sendSlowly(
  { url, token }: Address,
  path: string,
): Promise<{ socket: Socket; text: () => string }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${bodyBytes}\r\n\r\n`,
  )
  socket.write(Buffer.alloc(bodyBytes - 184, ' '))
  return { socket, text: () => text }
}

async function createToken({ url, token }: Address, wanted: object): Promise<string> {
  const client = new Client({ url, token })
  const headers = { 'Content-Type': 'application/json' }
  const body = JSON.stringify(wanted)
  const reply = await client.send({ method: 'POST', path: '/coatcheck/v1/tokens', body, headers })
  client.close()
  return JSON.parse(reply.body.toString()).data.token
}

async function createUser({ url, token }: Address, username: string): Promise<string> {
  const client = new Client({ url, token })
  const headers = { 'Content-Type': 'application/json' }
  const body = JSON.stringify({ username })
  const reply = await client.send({ method: 'POST', path: '/coatcheck/v1/users', body, headers })
  client.close()
  return JSON.parse(reply.body.toString()).data.token.token
}

describe('clients of HTTP that send long bodies and never end them', () => {
  it('make the server hold a bounded number of bytes, and others are answered', async () => {
    const server = await ServerProcess.start({ data: createTestFolder() })
    const { url, token } = server
    const healthy = new Client({ url, token: await createUser({ url, token }, 'healthy') })
    const [store] = await storesWith(healthy, '{}', 1)
    const before = usageOf(server.pid).own
    const hostile = await Promise.all(
      Array.from({ length: 100 }, () => sendSlowly({ url, token }, '/v2/key-value-stores?name=a')),
    )
    const body = JSON.stringify('x'.repeat(5 * mebibyte))
    for (let count = 0; count < 20; count += 1) {
      const path = `/v2/key-value-stores/${store}/records/key-${count}`
      const put = await healthy.send({ method: 'PUT', path, body })
      expect(put.status).toBe(201)
      await sleep(20)
    }
    // All of them would hold 900 MiB. Room for one user is 128 MiB, and buffers come on top.
    expect(usageOf(server.pid).own - before).toBeLessThan(450 * mebibyte)
    expect(hostile.filter(({ socket }) => socket.writableLength > 0).length).toBeGreaterThan(70)
    healthy.close()
  }, 60_000)

  it.each([
    ['/v2/key-value-stores?name=new', 'read'],
    ['/v2/key-value-stores', 'read'],
    ['/coatcheck/v1/tokens', 'write'],
    ['/coatcheck/v1/users', 'write'],
    ['/coatcheck/v1/projects', 'read'],
  ])('are refused before the body if they may not do that: %s', async (path, action) => {
    const server = await startTestServer()
    onTestFinished(() => server.close())
    const token = await createToken(server, { action })
    for (const known of [token, 'unknown']) {
      const { text } = await sendSlowly({ url: server.url, token: known }, path)
      await expect.poll(text).toMatch(/^HTTP\/1\.1 40[13] /)
    }
  })
})

describe('an owner of many stores whose schemas never end a check', () => {
  it('does not hold up the PUTs of another user', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.close())
    const schemaOf = (jsonSchema: object): string => {
      const all = { title: 'all', keyPrefix: 'x', contentTypes: ['application/json'], jsonSchema }
      const versions = { actorKeyValueStoreSchemaVersion: 1, actorSpecification: 1 }
      return JSON.stringify({ schema: { ...versions, title: 'strict', collections: { all } } })
    }
    const hostile = new Client(server, { connections: 20 })
    const endless = await storesWith(hostile, schemaOf({ type: 'string', pattern: '^(a+)+$' }), 20)
    const healthy = new Client({
      url: server.url,
      token: await createUser(server, 'healthy'),
    })
    const [strict = ''] = await storesWith(healthy, schemaOf({ type: 'number' }), 1)
    const order: string[] = []
    const value = JSON.stringify(`${'a'.repeat(50)}!`)
    const refused = endless.map((id) =>
      put(hostile, id, value).then((status) => order.push(`hostile ${status}`)),
    )
    for (let count = 0; count < 10; count += 1) {
      expect(await put(healthy, strict, '1')).toBe(201)
      order.push('healthy 201')
    }
    expect(order.filter((one) => one.startsWith('hostile')).length).toBeLessThan(3)
    hostile.close()
    healthy.close()
    await Promise.allSettled(refused)
  }, 60_000)
})

async function storesWith(client: Client, body: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let index = 0; index < count; index += 1) {
    const reply = await client.send({
      method: 'POST',
      path: `/v2/key-value-stores?name=strict-${index}`,
      body,
      headers: { 'Content-Type': 'application/json' },
    })
    expect(reply.body.toString()).toContain('"data"')
    ids.push(JSON.parse(reply.body.toString()).data.id)
  }
  return ids
}

async function put(client: Client, storeId: string, body: string): Promise<number> {
  const path = `/v2/key-value-stores/${storeId}/records/x`
  const headers = { 'Content-Type': 'application/json' }
  return (await client.send({ method: 'PUT', path, body, headers })).status
}
