import { request } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parsePostgresAddress } from '../src/engines/postgres/link/address.ts'
import { openPostgres } from '../src/engines/postgres/postgres.ts'
import { elsewhere } from './support/data/kept-engine.ts'
import { Client, RemoteStore, type Reply } from './support/network/client.ts'
import { startTestServer, type TestServer } from './support/network/test-server.ts'
import { PostgresServer, quickSettings } from './support/postgres/postgres.ts'

/** Instead of the usual 8 s. */
const waitMsMax = 2_000
/** For a busy machine. Two waits, one after the other, take longer. */
const boundMs = 1.8 * waitMsMax

interface Answered {
  readonly status: number
  readonly ms: number
}

describe('a write to a database that does not acknowledge it', { timeout: 60_000 }, () => {
  let postgres: PostgresServer
  let server: TestServer
  let stores: RemoteStore[]
  let url: string
  beforeAll(async () => {
    postgres = await PostgresServer.start({ settings: quickSettings })
  })
  afterAll(() => postgres.cleanUp())
  beforeEach(async () => {
    url = await postgres.createDatabase()
    const address = parsePostgresAddress(url)
    const options = { answerMsMax: waitMsMax, connectMsMax: 500 }
    server = await startTestServer(elsewhere, { open: () => openPostgres(address, options) })
    const client = new Client(server, { connections: 16 })
    stores = [await client.openStore('one'), await client.openStore('two')]
    // A store without a name also writes its last use.
    const path = '/v2/key-value-stores'
    const { body } = await client.send({ method: 'POST', path })
    stores.push(new RemoteStore(client, JSON.parse(body.toString()).data.id))
    for (const store of stores) await store.put('warm', 'x')
  })
  afterEach(async () => {
    await postgres.query('alter system reset synchronous_standby_names')
    await postgres.reload()
    await server.close()
  })

  async function loseStandbys(): Promise<void> {
    await postgres.query(`alter system set synchronous_standby_names = 'nobody'`)
    await postgres.reload()
  }

  async function timed(work: Promise<Reply>): Promise<Answered> {
    const begun = performance.now()
    const { status } = await work
    return { status, ms: performance.now() - begun }
  }

  /** Puts to one key, to other keys and to other stores, begun one after the other. */
  async function puts(value: string | Buffer = 'x'): Promise<Answered[]> {
    const begun: Promise<Answered>[] = []
    for (let count = 0; count < 12; count += 1) {
      const key = count % 3 === 0 ? `key-${count}` : 'same'
      const store = stores[count % stores.length]
      if (store) begun.push(timed(store.put(key, value)))
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    return Promise.all(begun)
  }

  function expectInTime(answers: readonly Answered[]): void {
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503))
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(boundMs)
  }

  it('is refused in time if no standby follows, whatever it waits behind', async () => {
    await loseStandbys()
    expectInTime(await puts())
    // Now the connection was cut, and a lost transaction holds the lock of the database.
    expectInTime(await puts())
  })

  it('is refused in time if its value is long, and standbys are lost during the upload', async () => {
    const [store] = stores
    const path = store?.recordPath('long') ?? ''
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const headers = { Authorization: `Bearer ${server.token}`, 'Content-Length': 3 * 1_048_576 }
    const sent = request(server.url + path, { method: 'PUT', headers }, (reply) => {
      reply.resume()
      resolve(reply.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.write(Buffer.alloc(2 * 1_048_576))
    const chunks = 'select 1 from coatcheck_entry where octet_length(value) > 1000000'
    while ((await postgres.query(chunks, url)).length < 2) await new Promise(setImmediate)
    await loseStandbys()
    const begun = performance.now()
    sent.end(Buffer.alloc(1_048_576))
    expect(await promise).toBe(503)
    expect(performance.now() - begun).toBeLessThan(boundMs)
  })

  it('is refused in time if the database stands still', async () => {
    postgres.freeze(true)
    try {
      expectInTime(await puts())
    } finally {
      postgres.freeze(false)
    }
  })
})
