import { PostgresServer } from '../../server/test/support/postgres/postgres.ts'
import { LoadProcess } from '../load/load-process.ts'
import { PlainProcess } from '../load/plain-process.ts'
import type { LoadPlan } from '../load/plan.ts'
import { compare, type Measure, type Sample, sampleOf } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import {
  createStore,
  getRequest,
  putRequest,
  recordsPath,
  type SampleRecord,
  sampleRecords,
} from '../servers/requests.ts'
import { ServerProcess } from '../servers/server-process.ts'

interface PostgresCase {
  readonly name: string
  readonly method: 'GET' | 'PUT'
  /** How many Coatcheck servers share the clients. */
  readonly servers: 1 | 2
  /** Whether a standby has each commit on its disk before the answer. */
  readonly isReplicated: boolean
  readonly target?: number
}

const clients = 64
const recordCount = 1_000
const valueBytes = 1_024

const cases: readonly PostgresCase[] = [
  { name: 'postgres-get', method: 'GET', servers: 1, isReplicated: false, target: 0.7 },
  { name: 'postgres-put', method: 'PUT', servers: 1, isReplicated: false, target: 1 },
  { name: 'postgres-get-two', method: 'GET', servers: 2, isReplicated: false },
  { name: 'postgres-put-two', method: 'PUT', servers: 2, isReplicated: false },
  { name: 'postgres-put-replicated', method: 'PUT', servers: 1, isReplicated: true },
  { name: 'postgres-put-two-replicated', method: 'PUT', servers: 2, isReplicated: true },
]

/**
 * Records of 1 KB through Coatcheck on PostgreSQL, compared with plain `pg`: one statement for each
 * record, on as many connections to the same database server.
 */
export const postgresRows: readonly Row[] = cases.map((one) => ({
  name: one.name,
  run: (bench) => runCase(bench, one),
}))

async function runCase(bench: Bench, one: PostgresCase): Promise<readonly Outcome[]> {
  await using stack = new AsyncDisposableStack()
  const database = await startDatabase(stack, one)
  const url = await database.createDatabase()
  const records = sampleRecords(recordCount, valueBytes)
  const servers: Serving[] = []
  // One after the other: the first server makes the user, and the others find it.
  for (let count = 0; count < one.servers; count += 1) {
    servers.push(await startServing(stack, { bench, url }))
  }
  const own = await prepare(servers, { bench, one, records })
  const reference = plainMeasure(stack, { bench, one, url, records })
  const compared = await compare({ own, reference }, bench.rounds)
  const { name, target } = one
  return [{ name, what: describe(one), ...(target !== undefined && { target }), ...compared }]
}

function describe({ method, servers, isReplicated }: PostgresCase): string {
  const who = servers === 1 ? '1 server' : `${servers} servers`
  const where = isReplicated ? ', on a standby too' : ''
  return `${method} 1 KB, ${clients} clients, ${who}${where} / plain pg`
}

async function startDatabase(
  stack: AsyncDisposableStack,
  { isReplicated }: PostgresCase,
): Promise<PostgresServer> {
  const settings = { max_connections: '200', shared_buffers: '256MB' }
  const database = await PostgresServer.start({ settings })
  stack.defer(() => database.cleanUp())
  if (!isReplicated) return database
  const standby = await PostgresServer.startStandbyOf(database, { settings })
  stack.defer(() => standby.cleanUp())
  await database.query("alter system set synchronous_standby_names = 'ANY 1 (*)'")
  await database.query('select pg_reload_conf()')
  return database
}

/** A server and its own load generator: one generator alone could hold up two servers. */
interface Serving {
  readonly server: ServerProcess
  readonly load: LoadProcess
}

async function startServing(
  stack: AsyncDisposableStack,
  { bench, url }: { bench: Bench; url: string },
): Promise<Serving> {
  const { program, nodeFlags } = bench
  const data = bench.createFolder()
  const server = await ServerProcess.startCoatcheck({ program, engine: url, data, nodeFlags })
  stack.defer(() => server.stop())
  const load = new LoadProcess()
  stack.defer(() => load.stop())
  return { server, load }
}

/** Puts all records once, and returns what a round does on all servers at once. */
async function prepare(
  servers: readonly Serving[],
  { bench, one, records }: { bench: Bench; one: PostgresCase; records: readonly SampleRecord[] },
): Promise<Measure> {
  const [first] = servers
  if (!first) throw new Error('At least one server is measured.')
  const path = recordsPath(await createStore(first.server.port, 'benchmark'))
  const puts = records.map(({ key, value }) => putRequest(`${path}/${key}`, value))
  const gets = records.map(({ key }) => getRequest(`${path}/${key}`))
  const { port } = first.server
  const stored = { status: 201 }
  await first.load.run({ port, clients, requests: puts, expected: stored, duration: 'once' })
  const isPut = one.method === 'PUT'
  const plan = {
    clients: clients / servers.length,
    requests: isPut ? puts : gets,
    expected: isPut ? stored : { status: 200, bodyBytes: valueBytes },
    duration: bench.roundMs,
  }
  return async () => {
    const samples = await Promise.all(servers.map((serving) => measure(serving, plan)))
    return samples.reduce(together)
  }
}

function measure({ server, load }: Serving, plan: Omit<LoadPlan, 'port'>): Promise<Sample> {
  return sampleOf(server, () => load.run({ ...plan, port: server.port }))
}

function together(one: Sample, other: Sample): Sample {
  return {
    count: one.count + other.count,
    elapsedMs: Math.max(one.elapsedMs, other.elapsedMs),
    cpuMs: one.cpuMs + other.cpuMs,
  }
}

function plainMeasure(
  stack: AsyncDisposableStack,
  parts: { bench: Bench; one: PostgresCase; url: string; records: readonly SampleRecord[] },
): Measure {
  const { bench, one, url, records } = parts
  const plain = new PlainProcess()
  stack.defer(() => plain.stop())
  const value = records[0]?.value ?? ''
  const { method } = one
  return () => plain.run({ url, method, clients, recordCount, value, duration: bench.roundMs })
}
