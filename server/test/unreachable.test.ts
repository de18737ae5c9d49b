import { ApifyClient } from 'apify-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineError } from '../src/core/engine/engine.ts'
import { KeptEngine } from './support/data/kept-engine.ts'
import { type Body, NemesisSession, openSocket } from './support/network/nemesis-session.ts'
import { type PlainReply, plainRequest } from './support/network/plain-request.ts'
import { startTestServer, type TestServer } from './support/network/test-server.ts'

const gone = new EngineError('unavailable', 'The database db-7.internal can not be reached.')
const lost = new EngineError('unavailable', 'The answer was lost.', { applied: 'unknown' })

/** Requests to each HTTP API; the store and the record exist. */
const reads = [
  'GET /v2/key-value-stores',
  'GET /v2/key-value-stores/:store',
  'GET /v2/key-value-stores/:store/keys',
  'GET /v2/key-value-stores/:store/records/KEY',
  'HEAD /v2/key-value-stores/:store/records/KEY',
  'GET /coatcheck/v1/users',
  'GET /coatcheck/v1/search',
  'GET /coatcheck/v1/audit',
]
const writes = [
  'POST /v2/key-value-stores?name=new',
  'POST /v2/key-value-stores',
  'PUT /v2/key-value-stores/:store',
  'DELETE /v2/key-value-stores/:store',
  'POST /v2/key-value-stores/:store/clear',
  'PUT /v2/key-value-stores/:store/records/NEW',
  'DELETE /v2/key-value-stores/:store/records/KEY',
  'POST /v2/key-value-stores/:store/delete-records',
  'POST /coatcheck/v1/users',
  'POST /coatcheck/v1/tokens',
]
const bodies: Readonly<Record<string, unknown>> = {
  'PUT /v2/key-value-stores/:store': { title: 'new' },
  'POST /v2/key-value-stores/:store/delete-records': { keys: ['KEY'] },
  'POST /coatcheck/v1/users': { username: 'jane' },
}

/** Commands to a session of NemesisDB. */
const nemesisReads: readonly (readonly [string, Body])[] = [
  ['KV_GET', { keys: ['KEY'] }],
  ['KV_CONTAINS', { keys: ['KEY'] }],
  ['KV_COUNT', {}],
  ['KV_KEYS', {}],
  ['KV_FIND', { path: '$.*', rsp: 'keys' }],
]
const nemesisWrites: readonly (readonly [string, Body])[] = [
  ['KV_SET', { keys: { NEW: 1 } }],
  ['KV_ADD', { keys: { NEW: 1 } }],
  ['KV_UPDATE', { key: 'KEY', path: '$.a', value: 2 }],
  ['KV_RMV', { keys: ['KEY'] }],
  ['KV_CLEAR', {}],
  ['KV_CLEAR_SET', { keys: { NEW: 1 } }],
  ['SH_NEW', { name: 'new' }],
  ['SH_END', {}],
]
/** NemesisDB's status for an unknown error. */
const unknownStatus = 1_000

let engine: KeptEngine
let server: TestServer
let storeId: string

beforeEach(async () => {
  engine = new KeptEngine()
  server = await startTestServer({ nemesisPort: 0 }, { open: async () => engine })
  const client = new ApifyClient({ baseUrl: server.url, token: server.token })
  storeId = (await client.keyValueStores().getOrCreate('kept')).id
  await client.keyValueStore(storeId).setRecord({ key: 'KEY', value: { a: 1 } })
})

afterEach(async () => {
  heal()
  await server.close()
})

function heal(): void {
  engine.readFailure = undefined
  engine.commitFailure = undefined
  engine.losesAnswers = false
}

/** Sends a request that is given as `METHOD path`. */
function ask(what: string): Promise<PlainReply> {
  const [method = '', path = ''] = what.split(' ')
  const body = JSON.stringify(bodies[what] ?? {})
  const type = { 'Content-Type': 'application/json' }
  return plainRequest(server.url + path.replace(':store', storeId), {
    method,
    headers: { Authorization: `Bearer ${server.token}`, ...(method !== 'GET' && type) },
    ...(method !== 'GET' && method !== 'HEAD' && { body }),
  })
}

function expectTryAgain(reply: PlainReply, what: string): void {
  expect(reply.status, what).toBe(503)
  expect(reply.headers['retry-after'], what).toBe('1')
  if (what.startsWith('HEAD ')) return
  const { error } = JSON.parse(reply.body.toString())
  expect(error, what).toEqual({ type: 'service-unavailable', message: expect.any(String) })
  expect(error.message, what).not.toContain('db-7')
}

describe('while the storage cannot be reached, the HTTP APIs', () => {
  it.each([...reads, ...writes])('answer at once that the client may retry: %s', async (what) => {
    engine.readFailure = gone
    engine.commitFailure = gone
    expectTryAgain(await ask(what), what)
  })

  it.each(writes)('say so if only writes fail, and nothing is written: %s', async (what) => {
    engine.commitFailure = gone
    const before = await ask('GET /v2/key-value-stores/:store/records/KEY')
    expectTryAgain(await ask(what), what)
    expect((await ask('GET /v2/key-value-stores/:store/records/KEY')).body).toEqual(before.body)
  })

  it('serve again as soon as the storage is back, without a restart', async () => {
    engine.readFailure = gone
    expectTryAgain(await ask('GET /v2/key-value-stores/:store'), 'GET')
    heal()
    expect((await ask('GET /v2/key-value-stores/:store')).status).toBe(200)
  })

  it("make Apify's clients retry until the storage is back", async () => {
    const options = { baseUrl: server.url, token: server.token, minDelayBetweenRetriesMillis: 10 }
    const client = new ApifyClient({ ...options, maxRetries: 8 })
    engine.readFailure = gone
    const reading = client.keyValueStore(storeId).getRecord('KEY')
    // The log tells of the first request that was refused.
    while (server.events.length === 0) await new Promise(setImmediate)
    heal()
    expect((await reading)?.value).toEqual({ a: 1 })
  })
})

describe('if the answer of the storage is lost, the HTTP APIs', () => {
  it.each(writes)('never claim that nothing was written: %s', async (what) => {
    for (const isDone of [false, true]) {
      engine.commitFailure = isDone ? undefined : lost
      engine.losesAnswers = isDone
      const reply = await ask(what)
      expectTryAgain(reply, what)
      expect(JSON.parse(reply.body.toString()).error.message).toMatch(
        /^The storage did not confirm this write/,
      )
      heal()
      if (isDone) continue
      expect((await ask('GET /v2/key-value-stores/:store/records/KEY')).status).toBe(200)
    }
  })

  it('show the result of the write when they are asked again', async () => {
    engine.losesAnswers = true
    expectTryAgain(await ask('POST /v2/key-value-stores?name=new'), 'POST')
    expectTryAgain(await ask('PUT /v2/key-value-stores/:store/records/NEW'), 'PUT')
    heal()
    const again = await ask('POST /v2/key-value-stores?name=new')
    expect(again.status).toBe(200)
    expect((await ask('GET /v2/key-value-stores/:store/records/NEW')).status).toBe(200)
  })
})

describe('the NemesisDB door', () => {
  it.each(nemesisReads)(
    'answers %s with an unknown error, not with an error of the key',
    async (...asked) => {
      const session = await openSession()
      engine.readFailure = gone
      await expectUnknown(session, asked)
    },
  )

  it.each(nemesisWrites)(
    'answers %s with an unknown error, neither done nor refused',
    async (...asked) => {
      const session = await openSession()
      for (const failure of [gone, lost]) {
        engine.commitFailure = failure
        await expectUnknown(session, asked)
      }
      heal()
      expect(await session.command('KV_GET', { keys: ['KEY'] })).toMatchObject({
        keys: { KEY: { a: 1 } },
      })
      engine.losesAnswers = true
      await expectUnknown(session, asked)
    },
  )

  it('refuses handshakes with 503, and accepts them once the storage is back', async () => {
    const url = server.nemesisUrl
    engine.readFailure = gone
    await expect(openSocket(url)).rejects.toThrow('503')
    const handshake = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const refused = await plainRequest(url.replace(/^ws/, 'http'), { headers: handshake })
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1'])
    heal()
    const { client } = await NemesisSession.open(url)
    expect(await client.command('SH_INFO_ALL', {})).toMatchObject({ totalSessions: 1 })
  })
})

/** A session with a record, on an open connection. */
async function openSession(): Promise<NemesisSession> {
  const session = await NemesisSession.open(server.nemesisUrl)
  await session.command('KV_SET', { keys: { KEY: { a: 1 } } })
  return session
}

async function expectUnknown(
  session: NemesisSession,
  [command, parameters]: readonly [string, Body],
): Promise<void> {
  const body = await session.command(command, parameters)
  expect(body, command).toMatchObject({ st: unknownStatus })
  expect(body.m).not.toContain('db-7')
}
