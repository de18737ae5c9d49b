import { setTimeout as sleep } from 'node:timers/promises'
import { HostileProcess } from '../hostile/hostile-process.ts'
import { requestAttacks } from '../hostile/requests.ts'
import { socketAttacks } from '../hostile/sockets.ts'
import type { LoadPlan, LoadResult, SocketPlan } from '../load/plan.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import { createProject, pageRequest } from '../servers/projects.ts'
import {
  createStore,
  getRequest,
  putRequest,
  recordsPath,
  sampleRecords,
} from '../servers/requests.ts'
import { ServerProcess, token } from '../servers/server-process.ts'
import { openSession } from '../servers/sessions.ts'

const recordCount = 100
/**
 * As many as a busy installation has at one time. One alone would be answered in 0.3 ms: five times
 * that is less than the kernel gives a process at a time, and the attacker's process runs too.
 */
const healthyCount = 16
const valueBytes = 64
/** Pages may make only so many calls to one project. */
const projectCount = 16
const quickMs = 1_000
const fullMs = 10_000
/** After this long an attack has reached its worst. */
const settleMs = 2_000
const timesMax = 5
const msMax = 250

/** What a healthy client does at one door. */
interface Health {
  readonly door: string
  readonly plan: LoadPlan | SocketPlan
}

/**
 * The 99th percentile of a healthy client at each door while a hostile client does its worst, as a
 * multiple of the same while all is quiet.
 */
export const hostileRows: readonly Row[] = Object.entries({
  ...socketAttacks,
  ...requestAttacks,
}).map(([name, { what }]) => ({
  name: `hostile-${name}`,
  run: (bench) => runAttack(bench, { name, what }),
}))

async function runAttack(
  bench: Bench,
  { name, what }: { name: string; what: string },
): Promise<readonly Outcome[]> {
  const { program, nodeFlags, isQuick, load } = bench
  const options = { program, engine: 'lmdb', data: bench.createFolder(), nodeFlags } as const
  await using stack = new AsyncDisposableStack()
  const server = await ServerProcess.startCoatcheck(options)
  stack.defer(() => server.stop())
  const hostile = new HostileProcess()
  stack.defer(() => hostile.stop())
  const healthy = await healthyClients(bench, server)
  await hostile.prepare(name, { port: server.port, token, isQuick })
  const quiet: LoadResult[] = []
  for (const { plan } of healthy) quiet.push(await load.run(plan))
  hostile.start()
  await sleep(settleMs)
  const outcomes: Outcome[] = []
  for (const [index, { door, plan }] of healthy.entries()) {
    const { p99Ms } = await load.run(plan)
    const quietMs = quiet[index]?.p99Ms ?? Number.NaN
    const line = { name: `hostile-${name}-${door}`, what: `${door} beside ${what}` }
    outcomes.push(
      { ...line, value: p99Ms / quietMs, unit: 'times', target: timesMax },
      { ...line, name: `${line.name}-ms`, value: p99Ms, unit: 'ms', target: msMax },
    )
  }
  return outcomes
}

async function healthyClients(
  { load, isQuick }: Bench,
  { port }: ServerProcess,
): Promise<readonly Health[]> {
  const records = sampleRecords(recordCount, valueBytes)
  const duration = isQuick ? quickMs : fullMs
  const store = recordsPath(await createStore(port, 'healthy'))
  const puts = records.map(({ key, value }) => putRequest(`${store}/${key}`, value))
  const gets = records.map(({ key }) => getRequest(`${store}/${key}`))
  const projects = await Promise.all(
    Array.from({ length: projectCount }, (_, index) => createProject(port, `healthy ${index}`)),
  )
  const pairs = projects.map(({ storeId }) => putRequest(`${recordsPath(storeId)}/pair`, '1'))
  const pages = projects.map(({ channelId }) =>
    pageRequest('GET', `${channelId}/get_key_value?key=pair`),
  )
  const session = await openSession(port, records)
  const filling = { port, clients: 1, expected: { status: 201 }, duration: 'once' } as const
  for (const requests of [puts, pairs]) await load.run({ ...filling, requests })
  const reading = { port, clients: healthyCount, duration, expected: { status: 200 } }
  const messages = records.map(({ key }) => `{"KV_GET":{"tkn":${session},"keys":["${key}"]}}`)
  const socket = {
    port,
    path: '/nemesis',
    headers: {},
    connections: healthyCount,
    depth: 1,
    duration,
  }
  const replyStart = `{"KV_GET_RSP":{"tkn":${session}`
  return [
    { door: 'apify-get', plan: { ...reading, requests: gets } },
    { door: 'apify-put', plan: { ...reading, requests: puts, expected: { status: 201 } } },
    { door: 'applab-get', plan: { ...reading, requests: pages } },
    { door: 'kv-get', plan: { ...socket, messages, replyStart } },
  ]
}
