import type { Expected } from '../load/plan.ts'
import { compare, type Measure, sampleOf } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import {
  createStore,
  getRequest,
  putRequest,
  recordsPath,
  sampleRecords,
} from '../servers/requests.ts'
import { ServerProcess } from '../servers/server-process.ts'

interface HttpCase {
  readonly method: 'GET' | 'PUT'
  readonly engine: 'lmdb' | 'memory'
  readonly clients: number
  readonly target?: number
}

const recordCount = 1_000
const valueBytes = 1_024

const cases: readonly HttpCase[] = [
  { method: 'GET', engine: 'lmdb', clients: 64, target: 0.7 },
  { method: 'PUT', engine: 'lmdb', clients: 64, target: 0.5 },
  { method: 'GET', engine: 'lmdb', clients: 1 },
  { method: 'PUT', engine: 'lmdb', clients: 1 },
  { method: 'GET', engine: 'memory', clients: 64 },
  { method: 'PUT', engine: 'memory', clients: 64 },
  { method: 'GET', engine: 'memory', clients: 1 },
  { method: 'PUT', engine: 'memory', clients: 1 },
]

/** Coatcheck against the bare server: 1,000 records of 1 KB JSON over keep-alive connections. */
export const httpRows: readonly Row[] = cases.map((one) => ({
  name: nameOf(one),
  run: (bench) => runCase(bench, one),
}))

function nameOf({ method, engine, clients }: HttpCase): string {
  return `${method.toLowerCase()}-${engine}-${clients}`
}

async function runCase(bench: Bench, one: HttpCase): Promise<readonly Outcome[]> {
  const { program, nodeFlags } = bench
  const { engine } = one
  const data = bench.createFolder()
  await using stack = new AsyncDisposableStack()
  const coatcheck = await ServerProcess.startCoatcheck({ program, engine, data, nodeFlags })
  stack.defer(() => coatcheck.stop())
  const bare = await ServerProcess.startBare()
  stack.defer(() => bare.stop())
  const storeId = await createStore(coatcheck.port, 'benchmark')
  const own = await prepare(bench, one, { server: coatcheck, storeId })
  const reference = await prepare(bench, one, { server: bare, storeId })
  const compared = await compare({ own, reference }, bench.rounds)
  return [{ name: nameOf(one), what: describe(one), ...targetOf(one), ...compared }]
}

function describe({ method, engine, clients }: HttpCase): string {
  const durable = method === 'PUT' && engine === 'lmdb' ? 'durable ' : ''
  const who = clients === 1 ? '1 client' : `${clients} clients`
  return `${durable}${method} 1 KB, ${who}, ${engine} / bare node:http`
}

function targetOf({ target }: HttpCase): Pick<Outcome, 'target'> {
  return target === undefined ? {} : { target }
}

/**
 * Puts all records once, so that GETs find them and PUTs replace, and returns what a round does.
 */
async function prepare(
  { load, roundMs }: Bench,
  { method, clients }: HttpCase,
  { server, storeId }: { server: ServerProcess; storeId: string },
): Promise<Measure> {
  const records = sampleRecords(recordCount, valueBytes)
  const path = recordsPath(storeId)
  const puts = records.map(({ key, value }) => putRequest(`${path}/${key}`, value))
  const gets = records.map(({ key }) => getRequest(`${path}/${key}`))
  const port = server.port
  const filling = { port, clients: 64, requests: puts, expected: { status: 201 } }
  await load.run({ ...filling, duration: 'once' })
  const requests = method === 'PUT' ? puts : gets
  const plan = { port, clients, requests, duration: roundMs, expected: expectedOf(method) }
  return () => sampleOf(server, () => load.run(plan))
}

function expectedOf(method: HttpCase['method']): Expected {
  return method === 'PUT' ? { status: 201 } : { status: 200, bodyBytes: valueBytes }
}
