import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { createDiskFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { plainRequest } from './support/network/plain-request.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const headers = { 'Content-Type': 'application/vnd.coatcheck.update+json' }

it('counts once whatever is sent again after the server was killed', async () => {
  const data = createDiskFolder()
  let server = await ServerProcess.start({ data })
  const authorized = { ...headers, Authorization: `Bearer ${server.token}` }
  const url = (): string => `${server.url}/v2/key-value-stores`
  await plainRequest(`${url()}?name=counts`, { method: 'POST', headers: authorized })
  let expected = 0
  for (let kill = 0; kill < 3; kill += 1) {
    const names = Array.from({ length: 40 }, (_, at) => `${kill}-${at}`)
    const increment = async (name: string): Promise<number> => {
      const { status } = await plainRequest(`${url()}/~counts/records/n`, {
        method: 'PATCH',
        body: '{"op":"increment"}',
        headers: { ...authorized, 'Idempotency-Key': name },
      })
      return status
    }
    const first = Promise.allSettled(names.map(increment))
    await sleep(3 + 15 * kill)
    await server.kill()
    await first
    server = await ServerProcess.start({ data })
    // In another order: some were done, others were not.
    for (const name of names.toReversed()) expect(await increment(name)).toBe(200)
    expected += names.length
    const read = await plainRequest(`${url()}/~counts/records/n`, { headers: authorized })
    expect(read.body.toString()).toBe(String(expected))
  }
})

/** More by `npm run test:long`. */
const times = Number(process.env.COATCHECK_HOT_WRITES ?? 6)

it(`refuses nobody of 64 who put and increment one key ${times} times each`, async () => {
  const server = await startOwnServer({ data: createDiskFolder() })
  const client = new Client({ url: server.url, token: server.token }, { connections: 64 })
  const store = await client.openStore('hot')
  const statuses = new Map<number, number>()
  const writer = async (): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      for (const method of ['PUT', 'PATCH']) {
        const body = method === 'PUT' ? '1' : '{"op":"increment"}'
        const { status } = await client.send({
          method,
          path: store.recordPath(method),
          body,
          headers,
        })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
  }
  await Promise.all(Array.from({ length: 64 }, writer))
  expect(Object.fromEntries(statuses)).toEqual({ 200: 64 * times, 201: 64 * times })
  const read = await client.send({ method: 'GET', path: store.recordPath('PATCH') })
  expect(read.body.toString()).toBe(String(64 * times))
  client.close()
})
