import type { Bench, Outcome, Row } from '../measurement/row.ts'
import {
  createStore,
  getRequest,
  openToAll,
  putRequest,
  recordsPath,
  sampleRecords,
} from '../servers/requests.ts'
import { ServerProcess } from '../servers/server-process.ts'

const recordCount = 1_000_000
const quickRecordCount = 100_000
const pageItems = 1_000
const requestCount = 2_000
/** Enough writers to fill the groups of writes that are synced together. */
const loadingClients = 256
/** How many records are in memory as requests at a time while loading. */
const loadingBatch = 50_000
/**
 * Steps through the records in an order far from that of their keys; coprime to every count used
 * here.
 */
const stride = 611_953
const msMax = 10

interface ListingCase {
  readonly name: string
  readonly valueBytes: number
  /** Whether each key comes with a signed link, as those of a restricted store do. */
  readonly isSigned: boolean
}

const cases: readonly ListingCase[] = [
  { name: 'list-small', valueBytes: 64, isSigned: false },
  { name: 'list-1kb', valueBytes: 1_024, isSigned: false },
  { name: 'list-signed', valueBytes: 1_024, isSigned: true },
]

/** A page of 1,000 keys from anywhere in a store of a million, one client. */
export const listingRows: readonly Row[] = cases.map((one) => ({
  name: one.name,
  run: (bench) => runCase(bench, one),
}))

async function runCase(bench: Bench, one: ListingCase): Promise<readonly Outcome[]> {
  const { program, nodeFlags, load, isQuick } = bench
  const options = { program, engine: 'lmdb', data: bench.createFolder(), nodeFlags } as const
  await using stack = new AsyncDisposableStack()
  const server = await ServerProcess.startCoatcheck(options)
  stack.defer(() => server.stop())
  const storeId = await createStore(server.port, 'listing')
  if (!one.isSigned) await openToAll(server.port, storeId)
  const count = isQuick ? quickRecordCount : recordCount
  await fill(bench, { port: server.port, storeId, count, valueBytes: one.valueBytes })
  const requests = listRequests(storeId, count)
  const plan = { port: server.port, clients: 1, requests, expected: { status: 200 } }
  await load.run({ ...plan, duration: bench.roundMs }) // warms up
  const cpuBefore = server.cpuMs()
  const result = await load.run({ ...plan, duration: bench.roundMs * bench.rounds })
  const own = {
    perSecond: (result.requestCount / result.elapsedMs) * 1_000,
    cpuUs: ((server.cpuMs() - cpuBefore) * 1_000) / result.requestCount,
  }
  const links = one.isSigned ? ', signed links' : ''
  const what = `1,000 of ${count} keys, ${one.valueBytes} B values${links}`
  const line = { unit: 'ms', target: msMax, own } as const
  return [
    { ...line, name: `${one.name}-median`, what: `${what}: median`, value: result.medianMs },
    { ...line, name: `${one.name}-p99`, what: `${what}: 99 of 100`, value: result.p99Ms },
  ]
}

async function fill(
  { load }: Bench,
  store: { port: number; storeId: string; count: number; valueBytes: number },
): Promise<void> {
  const { port, storeId, count, valueBytes } = store
  const path = recordsPath(storeId)
  const [sample] = sampleRecords(1, valueBytes)
  for (let first = 0; first < count; first += loadingBatch) {
    const requests = Array.from({ length: Math.min(loadingBatch, count - first) }, (_, index) =>
      putRequest(`${path}/${keyOf(((first + index) * stride) % count)}`, sample?.value ?? ''),
    )
    const plan = { port, clients: loadingClients, requests, expected: { status: 201 } }
    await load.run({ ...plan, duration: 'once' })
  }
}

/** Requests with start keys so far from the end that every page is full. */
function listRequests(storeId: string, count: number): Buffer[] {
  return Array.from({ length: requestCount }, () => {
    const start = keyOf(Math.floor(Math.random() * (count - pageItems - 1)))
    const query = `limit=${pageItems}&exclusiveStartKey=${start}`
    return getRequest(`/v2/key-value-stores/${storeId}/keys?${query}`)
  })
}

function keyOf(index: number): string {
  return `record-${String(index).padStart(7, '0')}`
}
