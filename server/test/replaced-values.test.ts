import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { entriesOf } from '../src/core/testing/entries.ts'
import { MemoryEngine } from '../src/engines/memory.ts'
import { Client, type RemoteStore } from './support/network/client.ts'
import { NemesisSession } from './support/network/nemesis-session.ts'
import { SlowDownload } from './support/network/slow-transfer.ts'
import { startTestServer, type TestServer } from './support/network/test-server.ts'
import { ApplabProject } from './support/pages/applab-project.ts'

/**
 * Whoever reads a value must let go of it, or its bytes stay on the disk until the server stops.
 * Here every way to read a value is followed by the end of the value.
 */

const lookAgainMs = 20
/** A sweep begins at once when so much is deleted. */
const fillerBytes = 34 * 1_048_576
const small = JSON.stringify('a'.repeat(5_000))
const large = JSON.stringify('b'.repeat(2_500_000))

let engine: MemoryEngine
let server: TestServer
let client: Client
let project: ApplabProject
let store: RemoteStore

beforeAll(async () => {
  engine = new MemoryEngine()
  server = await startTestServer({ nemesisPort: 0 }, { open: async () => engine })
  client = new Client(server)
  project = await ApplabProject.create(server)
  store = await client.openStore('filler')
})

afterAll(async () => {
  client.close()
  expect(server.logged).toEqual([])
  await server.close()
})

async function expectNothingKept(): Promise<void> {
  await store.put('FILLER', Buffer.alloc(fillerBytes))
  await store.delete('FILLER')
  while ((await entriesOf(engine, 'chunk')).length > 0) await sleep(lookAgainMs)
}

type Headers = Readonly<Record<string, string>>

const ranges = { first: 'bytes=0-9', far: 'bytes=2000000-2000009', none: 'bytes=9000000-' } as const
const json = { 'Content-Type': 'application/json' }
const encoded = { ...json, 'Content-Encoding': 'gzip' }

/** What is put, and the headers and the status of the GET that follows. */
type Get = readonly [string, [body: string | Buffer, headers: Headers], Headers, number]

const plain: readonly Get[] = [
  ['a value', [small, json], {}, 200],
  ['a long value', [large, json], {}, 200],
  ['a value as it was', [small, json], { 'If-None-Match': '*' }, 304],
  ['a part', [small, json], { Range: ranges.first }, 206],
  ['a part of a long value', [large, json], { Range: ranges.far }, 206],
  ['a part that is not there', [large, json], { Range: ranges.none }, 416],
]

const unpacked = gzipSync(large, { level: 0 })
const decoded: readonly Get[] = [
  ['an encoded value', [unpacked, encoded], {}, 200],
  ['an encoded value for whoever decodes it', [gzipSync(large), encoded], accepting('gzip'), 200],
  ['a part of an encoded value', [unpacked, encoded], range('first'), 206],
  ['a far part of an encoded value', [unpacked, encoded], range('far'), 206],
  ['a value with a wrong encoding', [large, encoded], accepting('identity'), 422],
]

function accepting(coding: string): Headers {
  return { 'Accept-Encoding': coding }
}

function range(name: keyof typeof ranges): Headers {
  return { ...accepting('identity'), Range: ranges[name] }
}

it.each([
  ['a value that is stored as it was sent', plain],
  ['an encoded value', decoded],
])('a GET keeps nothing of %s', async (_, gets) => {
  const path = store.recordPath('KEY')
  for (const [what, [body, sent], asked, status] of gets) {
    const stored = await client.send({ method: 'PUT', path, body, headers: sent })
    expect(stored.status, what).toBe(201)
    const head = await client.send({ method: 'HEAD', path, headers: asked })
    expect(head.status, what).toBeLessThan(500)
    const got = await client.send({ method: 'GET', path, headers: asked })
    expect(got.status, what).toBe(status)
    await store.delete('KEY')
  }
  await expectNothingKept()
})

it('a download whose client goes away keeps nothing', async () => {
  await store.put('KEY', Buffer.alloc(20_000_000))
  const download = await SlowDownload.begin({ ...server, path: store.recordPath('KEY') })
  await store.delete('KEY')
  download.abort()
  await expectNothingKept()
})

it('a ZIP of all records keeps nothing', async () => {
  await store.put('SMALL', small)
  await store.put('LARGE', large)
  const headers = encoded
  const path = store.recordPath('WRONG')
  await client.send({ method: 'PUT', path, body: small, headers })
  const archive = `/v2/key-value-stores/${store.address}/records`
  expect((await client.send({ method: 'GET', path: archive })).status).toBe(200)
  for (const key of ['SMALL', 'LARGE', 'WRONG']) await store.delete(key)
  await expectNothingKept()
})

it('no command of NemesisDB keeps anything', async () => {
  const session = await NemesisSession.open(server.nemesisUrl)
  const ask = (name: string, parameters = {}) => session.command(name, parameters)
  const keys = { a: { text: 'a'.repeat(5_000) }, b: { text: 'b'.repeat(300_000) }, c: 1 }
  await ask('KV_SET', { keys })
  expect(await ask('KV_GET', { keys: ['a', 'b', 'c', 'd'] })).toHaveProperty('keys.b')
  expect(await ask('KV_FIND', { path: '$.text', rsp: 'paths' })).toHaveProperty('st', 1)
  expect(await ask('KV_UPDATE', { key: 'a', path: '$.text', value: 1 })).toHaveProperty('cnt', 1)
  await session.client.ask({ SH_SAVE: { name: 'saved', tkns: [session.token] } })
  await session.client.receive() // the save has ended
  expect(await ask('KV_RMV', { keys: Object.keys(keys) })).toHaveProperty('b')
  await expectNothingKept()
})

it('no call of a page keeps anything', async () => {
  const value = JSON.stringify('c'.repeat(4_000))
  const records = `/v2/key-value-stores/${project.storeId}/records`
  for (const key of ['a', 'b', 'c']) {
    const path = `${records}/${key}`
    await client.send({ method: 'PUT', path, body: value, headers: json })
  }
  await project.change({ rules: [{ prefix: 'a', preset: 'only-raise' }] })
  expect(await project.get('a')).toBe('c'.repeat(4_000))
  expect((await project.asOwner('get_key_values', { method: 'HEAD' })).status).toBe(200)
  expect(Object.keys(Object(await project.all()))).toEqual(['a', 'b', 'c'])
  const raised = { key: 'a', value: '1' }
  const refused = await project.asPage('set_key_value', { parameters: raised })
  expect(refused.status).toBe(403)
  const exported = `/coatcheck/v1/projects/${project.channelId}/export`
  expect((await client.send({ method: 'GET', path: exported })).status).toBe(200)
  for (const key of ['a', 'b', 'c']) {
    await client.send({ method: 'DELETE', path: `${records}/${key}` })
  }
  await expectNothingKept()
})
