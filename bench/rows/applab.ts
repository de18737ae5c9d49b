import { setTimeout as sleep } from 'node:timers/promises'
import type { LoadPlan } from '../load/plan.ts'
import { percentile } from '../load/statistics.ts'
import { compare, type Measure, sampleOf } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'
import { createProject, type Project, pageRequest } from '../servers/projects.ts'
import {
  getRequest,
  putRequest,
  recordsPath,
  type SampleRecord,
  sampleRecords,
} from '../servers/requests.ts'
import { ServerProcess } from '../servers/server-process.ts'

const clients = 64
const recordCount = 1_000
const valueBytes = 1_024
/** Pages may make only so many calls to one project, so there are many projects. */
const projectCount = 64
const pageCount = 30
const saveEveryMs = 2_000
const classMs = 60_000
const quickClassMs = 4_000

interface ApplabCase {
  readonly name: string
  readonly what: string
  /** The request of a page for a record, and that of Apify's client for the same record. */
  requestsOf(record: SampleRecord, project: Project): { own: Buffer; reference: Buffer }
  readonly status: number
}

const cases: readonly ApplabCase[] = [
  {
    name: 'applab-get',
    what: 'get_key_value of 1 KB, 64 pages / GET of the Apify door',
    requestsOf: ({ key }, { channelId, storeId }) => ({
      own: pageRequest('GET', `${channelId}/get_key_value?key=${key}`),
      reference: getRequest(`${recordsPath(storeId)}/${key}`),
    }),
    status: 200,
  },
  {
    name: 'applab-set',
    what: 'durable set_key_value of 1 KB, 64 pages / PUT of the Apify door',
    requestsOf: ({ key, value }, { channelId, storeId }) => ({
      own: pageRequest('POST', `${channelId}/set_key_value`, JSON.stringify({ key, value })),
      reference: putRequest(`${recordsPath(storeId)}/${key}`, value),
    }),
    status: 201,
  },
]

/** Calls of pages through App Lab's routes, compared with the Apify door of the same server. */
export const applabRows: readonly Row[] = [
  ...cases.map((one) => ({ name: one.name, run: (bench: Bench) => runCase(bench, one) })),
  { name: 'applab-class', run: runClass },
]

async function runCase(bench: Bench, one: ApplabCase): Promise<readonly Outcome[]> {
  await using stack = new AsyncDisposableStack()
  const server = await start(bench, stack)
  const projects = await Promise.all(
    Array.from({ length: projectCount }, (_, n) => createProject(server.port, `project ${n}`)),
  )
  const placed = sampleRecords(recordCount, valueBytes).map((record, n) => ({
    record,
    project: projects[n % projectCount] ?? { channelId: '', storeId: '' },
  }))
  const puts = placed.map(({ record: { key, value }, project }) =>
    putRequest(`${recordsPath(project.storeId)}/${key}`, value),
  )
  const { port } = server
  const expected = { status: 201 }
  await bench.load.run({ port, clients, requests: puts, expected, duration: 'once' })
  const requests = placed.map(({ record, project }) => one.requestsOf(record, project))
  const own = { requests: requests.map((each) => each.own), expected: { status: 200 } }
  const references = requests.map((each) => each.reference)
  const reference = { requests: references, expected: { status: one.status } }
  const sides = {
    own: measureOf(bench, server, own),
    reference: measureOf(bench, server, reference),
  }
  return [{ name: one.name, what: one.what, ...(await compare(sides, bench.rounds)) }]
}

/** How long the pages of a school class wait until a value is saved. */
async function runClass(bench: Bench): Promise<readonly Outcome[]> {
  await using stack = new AsyncDisposableStack()
  const server = await start(bench, stack)
  const { channelId } = await createProject(server.port, 'class')
  const url = `http://127.0.0.1:${server.port}/datablock_storage/${channelId}/set_key_value`
  const saves = (bench.isQuick ? quickClassMs : classMs) / saveEveryMs
  const waitsOf = async (record: SampleRecord, index: number): Promise<number[]> => {
    await sleep((index * saveEveryMs) / pageCount)
    const waits: number[] = []
    for (let left = saves; left > 0; left -= 1) {
      const began = performance.now()
      await save(url, record)
      const waited = performance.now() - began
      waits.push(waited)
      await sleep(Math.max(0, saveEveryMs - waited))
    }
    return waits
  }
  const pages = sampleRecords(pageCount, valueBytes)
  const waits = (await Promise.all(pages.map(waitsOf))).flat()
  const what = `set_key_value of 1 KB, ${pageCount} pages every ${saveEveryMs / 1_000} s, 99 of 100`
  return [{ name: 'applab-class', what, value: percentile(waits, 0.99), unit: 'ms' }]
}

async function start(
  { program, nodeFlags, createFolder }: Bench,
  stack: AsyncDisposableStack,
): Promise<ServerProcess> {
  const options = { program, engine: 'lmdb', data: createFolder(), nodeFlags } as const
  const server = await ServerProcess.startCoatcheck(options)
  stack.defer(() => server.stop())
  return server
}

async function save(url: string, { key, value }: SampleRecord): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key, value }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Not saved: ${response.status} ${text}`)
}

function measureOf(
  { load, roundMs }: Bench,
  server: ServerProcess,
  plan: Pick<LoadPlan, 'requests' | 'expected'>,
): Measure {
  const whole = { ...plan, port: server.port, clients, duration: roundMs }
  return () => sampleOf(server, () => load.run(whole))
}
