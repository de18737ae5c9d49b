import { once } from 'node:events'
import { request } from 'node:http'
import { brotliCompressSync } from 'node:zlib'
import type { LoadPlan } from '../load/plan.ts'
import { compare, type Measure, sampleOf } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import {
  createStore,
  getRequest,
  patchRequest,
  putBytesRequest,
  putRequest,
  recordsPath,
  sampleRecords,
} from '../servers/requests.ts'
import { ServerProcess, token } from '../servers/server-process.ts'

const clients = 64
const recordCount = 1_000
/** As Apify's own clients send most records: compressed. */
const jsonBytes = 7_168
const archivedCount = 10_000
const quickArchivedCount = 1_000
const archivedBytes = 1_024
const pageItems = 1_000

/** A server and its only store, for one measurement. */
interface Scene extends Bench {
  readonly server: ServerProcess
  /** Path of the store. */
  readonly store: string
}

interface DoorCase {
  readonly name: string
  readonly what: string
  /** The request to measure, and a plain GET or PUT of the same bytes. */
  sides(scene: Scene): Promise<{ own: Measure; reference: Measure }>
}

const cases: readonly DoorCase[] = [
  { name: 'brotli-put', what: 'durable PUT of 7 KB as brotli', sides: brotliPut },
  {
    name: 'brotli-get',
    what: 'GET of 7 KB kept as brotli',
    sides: (scene) => brotliGet(scene, 'br'),
  },
  { name: 'brotli-decoded', what: 'the same, decoded', sides: (scene) => brotliGet(scene, '') },
  { name: 'increment-hot', what: 'durable increment of one key, 64 clients', sides: hotIncrement },
  { name: 'head', what: 'HEAD / GET of 1 KB', sides: head },
  { name: 'list-page', what: 'a page of 1,000 keys', sides: listPage },
  { name: 'zip', what: 'ZIP of 10,000 records of 1 KB', sides: archive },
]

/** Requests for more than plain records, compared with plain records of as many bytes. */
export const doorRows: readonly Row[] = cases.map((one) => ({
  name: one.name,
  run: (bench) => runCase(bench, one),
}))

async function runCase(bench: Bench, { name, what, sides }: DoorCase): Promise<Outcome[]> {
  const { program, nodeFlags } = bench
  const options = { program, engine: 'lmdb', data: bench.createFolder(), nodeFlags } as const
  await using stack = new AsyncDisposableStack()
  const server = await ServerProcess.startCoatcheck(options)
  stack.defer(() => server.stop())
  const store = `/v2/key-value-stores/${await createStore(server.port, 'door')}`
  const compared = await compare(await sides({ ...bench, server, store }), bench.rounds)
  return [{ name, what: `${what} / plain, as many bytes`, ...compared }]
}

async function brotliPut(scene: Scene): Promise<{ own: Measure; reference: Measure }> {
  const { encoded, plain } = encodedRequests(scene)
  const expected = { status: 201 }
  return {
    own: repeated(scene, { requests: encoded, expected }),
    reference: repeated(scene, { requests: plain, expected }),
  }
}

async function brotliGet(
  scene: Scene,
  acceptEncoding: string,
): Promise<{ own: Measure; reference: Measure }> {
  const { encoded, plain, keys } = encodedRequests(scene)
  await putOnce(scene, [...encoded, ...plain])
  const get = (key: string): Buffer =>
    getRequest(`${scene.store}/records/${key}`, { acceptEncoding })
  const path = (key: string): string => `${scene.store}/records/plain-${key}`
  return {
    own: acceptEncoding
      ? repeated(scene, { requests: keys.map(get), expected: { status: 200 } })
      : downloads(scene, (count) => `${scene.store}/records/${keys[count % keys.length]}`),
    reference: acceptEncoding
      ? repeated(scene, {
          requests: keys.map((key) => getRequest(path(key))),
          expected: { status: 200 },
        })
      : downloads(scene, (count) => path(keys[count % keys.length] ?? '')),
  }
}

/** All clients change the same record, so each change waits for the one before. */
async function hotIncrement(scene: Scene): Promise<{ own: Measure; reference: Measure }> {
  const path = `${scene.store}/records/hot`
  const increments = [patchRequest(path, '{"op":"increment"}')]
  return {
    own: repeated(scene, { requests: increments, expected: { status: 200 } }),
    reference: repeated(scene, {
      requests: [putRequest(`${path}-put`, '{"op":"increment"}')],
      expected: { status: 201 },
    }),
  }
}

async function head(scene: Scene): Promise<{ own: Measure; reference: Measure }> {
  const records = sampleRecords(recordCount, archivedBytes)
  const path = (key: string): string => `${scene.store}/records/${key}`
  await putOnce(
    scene,
    records.map(({ key, value }) => putRequest(path(key), value)),
  )
  const heads = records.map(({ key }) => getRequest(path(key), { method: 'HEAD' }))
  const gets = records.map(({ key }) => getRequest(path(key)))
  return {
    own: repeated(scene, { requests: heads, expected: { status: 200, isHead: true } }),
    reference: repeated(scene, { requests: gets, expected: { status: 200 } }),
  }
}

async function listPage(scene: Scene): Promise<{ own: Measure; reference: Measure }> {
  const records = sampleRecords(pageItems, archivedBytes)
  await putOnce(
    scene,
    records.map(({ key, value }) => putRequest(`${scene.store}/records/${key}`, value)),
  )
  return besidePlain(scene, `${scene.store}/keys?limit=${pageItems}`)
}

async function archive(scene: Scene): Promise<{ own: Measure; reference: Measure }> {
  const count = scene.isQuick ? quickArchivedCount : archivedCount
  const records = sampleRecords(count, archivedBytes)
  await putOnce(
    scene,
    records.map(({ key, value }) => putRequest(`${scene.store}/records/${key}`, value)),
  )
  return besidePlain(scene, `${scene.store}/records?prefix=record-`)
}

/**
 * Compares a path with a plain record of as many bytes: one client, one request after the other.
 */
async function besidePlain(
  scene: Scene,
  path: string,
): Promise<{ own: Measure; reference: Measure }> {
  const bytes = await download(scene, path)
  const plain = `${scene.store}/records/plain`
  await putOnce(scene, [putBytesRequest(plain, Buffer.alloc(bytes, 'plain'))])
  return { own: downloads(scene, () => path), reference: downloads(scene, () => plain) }
}

interface EncodedRequests {
  readonly keys: readonly string[]
  readonly encoded: readonly Buffer[]
  readonly plain: readonly Buffer[]
}

/** PUTs of JSON as brotli, and of as many bytes each without an encoding. */
function encodedRequests({ store }: Scene): EncodedRequests {
  const records = sampleRecords(recordCount, jsonBytes).map(({ key, value }) => ({
    key,
    bytes: brotliCompressSync(value),
  }))
  const path = recordsPath(store.split('/').at(-1) ?? '')
  return {
    keys: records.map(({ key }) => key),
    encoded: records.map(({ key, bytes }) => putBytesRequest(`${path}/${key}`, bytes, 'br')),
    plain: records.map(({ key, bytes }) => putBytesRequest(`${path}/plain-${key}`, bytes)),
  }
}

async function putOnce({ load, server }: Scene, requests: readonly Buffer[]): Promise<void> {
  const plan = { port: server.port, clients, requests, expected: { status: 201 } }
  await load.run({ ...plan, duration: 'once' })
}

function repeated(
  { load, server, roundMs }: Scene,
  plan: Pick<LoadPlan, 'requests' | 'expected'>,
): Measure {
  const whole = { ...plan, port: server.port, clients, duration: roundMs }
  return () => sampleOf(server, () => load.run(whole))
}

/** For replies whose length is not known before. */
function downloads(scene: Scene, pathOf: (count: number) => string): Measure {
  const { server, roundMs } = scene
  return async () => {
    const cpuBefore = server.cpuMs()
    const began = performance.now()
    let count = 0
    while (count === 0 || performance.now() - began < roundMs) {
      await download(scene, pathOf(count))
      count += 1
    }
    const elapsedMs = performance.now() - began
    return { count, elapsedMs, cpuMs: server.cpuMs() - cpuBefore }
  }
}

/** Returns how many bytes came. */
async function download({ server: { port } }: Scene, path: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const sent = request({ host: '127.0.0.1', port, path, headers }).end()
  const [reply] = await once(sent, 'response')
  let bytes = 0
  for await (const part of reply) bytes += part.length
  if (reply.statusCode !== 200) throw new Error(`Status ${reply.statusCode}, not 200.`)
  return bytes
}
