import { Client } from 'pg'
import { PostgresServer } from '../../server/test/support/postgres.ts'
import { PostgresCluster } from '../../server/test/support/postgres-cluster.ts'
import { compare, type Measure, type Sample } from '../comparison.ts'
import { LoadProcess } from '../load/load-process.ts'
import type { Expected, LoadPlan } from '../load/plan.ts'
import { createStore, getRequest, putRequest, recordsPath, sampleRecords } from '../requests.ts'
import type { Bench, Outcome, Row } from '../row.ts'
import { ServerProcess } from '../server-process.ts'

interface PostgresCase {
  readonly method: 'GET' | 'PUT'
  readonly servers: 1 | 2
  /** Each commit waits for a standby, on this machine as well. */
  readonly isReplicated: boolean
  readonly target?: number
}

const clients = 64
const recordCount = 1_000
const valueBytes = 1_024

const cases: readonly PostgresCase[] = [
  { method: 'GET', servers: 1, isReplicated: false, target: 0.7 },
  { method: 'PUT', servers: 1, isReplicated: false, target: 1 },
  { method: 'GET', servers: 2, isReplicated: false },
  { method: 'PUT', servers: 2, isReplicated: false },
  { method: 'PUT', servers: 1, isReplicated: true, target: 1 },
  { method: 'PUT', servers: 2, isReplicated: true },
]

/**
 * Coatcheck on PostgreSQL against plain `pg` on the same database: as many connections as there are
 * clients, each of which reads or upserts one row of as many bytes after the other. PostgreSQL's own
 * processes are in neither CPU column.
 */
export const postgresRows: readonly Row[] = cases.map((one) => ({
  name: nameOf(one),
  run: (bench) => runCase(bench, one),
}))

function nameOf({ method, servers, isReplicated }: PostgresCase): string {
  const parts = [isReplicated ? '-replicated' : '', servers === 2 ? '-two-servers' : '']
  return `${method.toLowerCase()}-postgresql${parts.join('')}-${clients}`
}

async function runCase(bench: Bench, one: PostgresCase): Promise<readonly Outcome[]> {
  await using stack = new AsyncDisposableStack()
  const database = await createDatabase(stack, one)
  const own = await prepareServers(bench, one, { stack, engine: database })
  const reference = await preparePlain(bench, one, { stack, database })
  const compared = await compare({ own, reference }, bench.rounds)
  const target = one.target === undefined ? {} : { target: one.target }
  return [{ name: nameOf(one), what: describe(one), ...target, ...compared }]
}

function describe({ method, servers, isReplicated }: PostgresCase): string {
  const kept = isReplicated ? 'replicated ' : method === 'PUT' ? 'durable ' : ''
  const through = servers === 1 ? 'one server' : 'two servers'
  const plain = method === 'GET' ? 'select' : 'upsert'
  return `${kept}${method} 1 KB, ${clients} clients, ${through} / plain pg ${plain}`
}

/** The address of an empty one, which goes with the stack. */
async function createDatabase(
  stack: AsyncDisposableStack,
  { isReplicated }: PostgresCase,
): Promise<string> {
  const settings = { max_connections: '120', shared_buffers: '128MB' }
  const server = isReplicated
    ? await PostgresCluster.start(settings)
    : await PostgresServer.start({ settings })
  stack.defer(() => server.cleanUp())
  return server.createDatabase()
}

/** Puts all records once, so that GETs find them and PUTs replace. */
async function prepareServers(
  { program, nodeFlags, createFolder, roundMs }: Bench,
  { method, servers }: PostgresCase,
  { stack, engine }: { stack: AsyncDisposableStack; engine: string },
): Promise<Measure> {
  const running: { server: ServerProcess; load: LoadProcess }[] = []
  while (running.length < servers) {
    const options = { program, engine, data: createFolder(), nodeFlags }
    const server = await ServerProcess.startCoatcheck(options)
    stack.defer(() => server.stop())
    const load = new LoadProcess()
    stack.defer(() => load.stop())
    running.push({ server, load })
  }
  const [first] = running
  if (!first) throw new Error('There is a server.')
  const path = recordsPath(await createStore(first.server.port, 'benchmark'))
  const records = sampleRecords(recordCount, valueBytes)
  const puts = records.map(({ key, value }) => putRequest(`${path}/${key}`, value))
  const requests = method === 'PUT' ? puts : records.map(({ key }) => getRequest(`${path}/${key}`))
  const filling = { port: first.server.port, clients, requests: puts, expected: { status: 201 } }
  await first.load.run({ ...filling, duration: 'once' })
  const plan = { clients: clients / servers, requests, duration: roundMs }
  const expected = expectedOf(method)
  return async () => {
    const samples = running.map(({ server, load }) =>
      measureOne({ ...plan, expected, port: server.port }, { server, load }),
    )
    return sumOf(await Promise.all(samples))
  }
}

function expectedOf(method: PostgresCase['method']): Expected {
  return method === 'PUT' ? { status: 201 } : { status: 200, bodyBytes: valueBytes }
}

async function measureOne(
  plan: LoadPlan,
  { server, load }: { server: ServerProcess; load: LoadProcess },
): Promise<Sample> {
  const before = server.cpuMs()
  const { requestCount: count, elapsedMs } = await load.run(plan)
  return { count, elapsedMs, cpuMs: server.cpuMs() - before }
}

function sumOf(samples: readonly Sample[]): Sample {
  return {
    count: samples.reduce((sum, { count }) => sum + count, 0),
    elapsedMs: Math.max(...samples.map(({ elapsedMs }) => elapsedMs)),
    cpuMs: samples.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
  }
}

/** What a program without Coatcheck would do: one row, one statement, one round trip. */
async function preparePlain(
  { roundMs }: Bench,
  { method }: PostgresCase,
  { stack, database }: { stack: AsyncDisposableStack; database: string },
): Promise<Measure> {
  const connections = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new Client({ connectionString: firstWritable(database) })
      await client.connect()
      stack.defer(() => client.end())
      return client
    }),
  )
  const [first] = connections
  await first?.query('create table plain (key text primary key, value bytea not null)')
  const records = sampleRecords(recordCount, valueBytes).map(({ key, value }) => ({
    key,
    value: Buffer.from(value),
  }))
  for (const { key, value } of records) await first?.query(upsert(key, value))
  const work = async (client: Client, endsAt: number): Promise<number> => {
    let count = 0
    for (; performance.now() < endsAt; count += 1) {
      const record = records[Math.floor(Math.random() * records.length)]
      if (!record) throw new Error('There are records.')
      const { key, value } = record
      const { rowCount } = await client.query(method === 'GET' ? select(key) : upsert(key, value))
      if (rowCount !== 1) throw new Error('Each statement is about one row.')
    }
    return count
  }
  return async () => {
    const cpu = process.cpuUsage()
    const began = performance.now()
    const counts = await Promise.all(connections.map((client) => work(client, began + roundMs)))
    const { user, system } = process.cpuUsage(cpu)
    const count = counts.reduce((sum, one) => sum + one, 0)
    return { count, elapsedMs: performance.now() - began, cpuMs: (user + system) / 1_000 }
  }
}

/** `pg` knows one host: of several, the first is the primary here. */
function firstWritable(database: string): string {
  return database.replace(/,[^/]*/, '')
}

function select(key: string) {
  return { name: 'select', text: 'select value from plain where key = $1', values: [key] }
}

function upsert(key: string, value: Buffer) {
  const text =
    'insert into plain values ($1, $2) on conflict (key) do update set value = excluded.value'
  return { name: 'upsert', text, values: [key, value] }
}
