import { type Database, open } from 'lmdb'
import {
  changeKey,
  contentRange,
  recordKey,
  storeKey,
} from '../../server/src/core/disk/keyspace.ts'
import type { Check, Entry, Revision } from '../../server/src/core/engine/engine.ts'
import { LmdbEngine } from '../../server/src/engines/lmdb/lmdb.ts'
import { compare, type Measure } from '../measurement/comparison.ts'
import type { Bench, Outcome, Row } from '../measurement/row.ts'

const recordCount = 20_000
const valueBytes = 1_024
const scanLimit = 1_000
/** Reads between two turns of the event loop, as if so many requests had come in one turn. */
const readsInTurn = 64

const storeId = 'BenchmarkStore000'
const contentId = Buffer.alloc(12, 7)
const keys = Array.from({ length: recordCount }, (_, index) =>
  recordKey(contentId, `record-${String(index).padStart(7, '0')}`),
)
const value = Buffer.alloc(valueBytes, 'coatcheck ')

/** The LMDB engine against `lmdb` itself, without HTTP and without the domain. */
export const engineRows: readonly Row[] = [
  commitRow(64),
  commitRow(256),
  {
    name: 'engine-get',
    run: (bench) =>
      runCase(bench, 'engine-get', { what: 'get of 2 keys', own: gets, reference: bareGets }),
  },
  {
    name: 'engine-scan',
    run: (bench) =>
      runCase(bench, 'engine-scan', { what: 'scan of 1,000', own: scans, reference: bareScans }),
  },
]

type Bare = Database<Buffer, Buffer>
type Operation = () => Promise<unknown>

function commitRow(writers: number): Row {
  const name = `engine-commit-${writers}`
  const what = `commit of a record PUT, ${writers} writers`
  const own = (engine: LmdbEngine, roundMs: number): Promise<Measure> =>
    commits(engine, { writers, roundMs })
  const reference = async (bare: Bare, roundMs: number): Promise<Measure> =>
    barePuts(bare, { writers, roundMs })
  return { name, run: (bench) => runCase(bench, name, { what, own, reference }) }
}

async function runCase(
  bench: Bench,
  name: string,
  sides: {
    what: string
    own: (engine: LmdbEngine, roundMs: number) => Promise<Measure>
    reference: (bare: Bare, roundMs: number) => Promise<Measure>
  },
): Promise<readonly Outcome[]> {
  const { roundMs, rounds } = bench
  await using stack = new AsyncDisposableStack()
  const engine = new LmdbEngine(bench.createFolder())
  stack.defer(() => engine.close())
  const bare = openBare(bench.createFolder())
  stack.defer(() => bare.close())
  await Promise.all(keys.map((key) => bare.put(key, value)))
  const measures = {
    own: await sides.own(engine, roundMs),
    reference: await sides.reference(bare, roundMs),
  }
  const compared = await compare(measures, rounds)
  return [{ name, what: `${sides.what}: engine / bare lmdb`, ...compared }]
}

/** An `lmdb` that is as durable as the engine. */
function openBare(folder: string): Bare {
  return open<Buffer, Buffer>({
    path: folder,
    encoding: 'binary',
    keyEncoding: 'binary',
    pageSize: 8_192,
    overlappingSync: false,
  })
}

/** Runs `operation` in `workers` loops for so long; each run counts `weight` times. */
function measureFor(
  roundMs: number,
  { workers, operationOf }: { workers: number; operationOf: (worker: number) => Operation },
): Measure {
  return async () => {
    globalThis.gc?.()
    const cpu = process.cpuUsage()
    const began = performance.now()
    let count = 0
    const work = async (operation: Operation): Promise<void> => {
      while (performance.now() - began < roundMs) {
        await operation()
        count += 1
      }
    }
    await Promise.all(Array.from({ length: workers }, (_, worker) => work(operationOf(worker))))
    const { user, system } = process.cpuUsage(cpu)
    return { count, elapsedMs: performance.now() - began, cpuMs: (user + system) / 1_000 }
  }
}

/** Two checks, a stamped line in the change log, and the record itself. */
async function commits(
  engine: LmdbEngine,
  { writers, roundMs }: { writers: number; roundMs: number },
): Promise<Measure> {
  const revisions = await fill(engine)
  const store = await storeCheck(engine)
  const log = changeKey(storeId)
  const line = Buffer.alloc(31)
  const operationOf = (writer: number): Operation => {
    let index = writer
    return async () => {
      index = (index + writers) % recordCount
      const key = keyAt(index)
      const commit = await engine.commit({
        checks: [store, { key, revision: revisions[index] }],
        puts: [
          { key: log, value: line, stamped: true },
          { key, value },
        ],
      })
      if (!commit.applied) throw new Error('Nobody else writes this record.')
      revisions[index] = commit.revision
    }
  }
  return measureFor(roundMs, { workers: writers, operationOf })
}

async function barePuts(
  bare: Bare,
  { writers, roundMs }: { writers: number; roundMs: number },
): Promise<Measure> {
  const operationOf = (writer: number): Operation => {
    let index = writer
    return () => {
      index = (index + writers) % recordCount
      return bare.put(keyAt(index), value)
    }
  }
  return measureFor(roundMs, { workers: writers, operationOf })
}

async function gets(engine: LmdbEngine, roundMs: number): Promise<Measure> {
  await fill(engine)
  const { key: store } = await storeCheck(engine)
  return measureFor(roundMs, {
    workers: 1,
    operationOf: () => inTurns(async () => verify(await engine.get([store, anyKey()]))),
  })
}

async function bareGets(bare: Bare, roundMs: number): Promise<Measure> {
  return measureFor(roundMs, {
    workers: 1,
    operationOf: () => inTurns(async () => [bare.getBinary(anyKey()), bare.getBinary(anyKey())]),
  })
}

async function scans(engine: LmdbEngine, roundMs: number): Promise<Measure> {
  await fill(engine)
  const { end } = contentRange(contentId)
  const bound = { limit: scanLimit, bytes: 4 * 1_048_576 }
  return measureFor(roundMs, {
    workers: 1,
    operationOf: () => async () => {
      const { entries } = await engine.scan({ start: anyStart(), end }, bound)
      verify(entries)
    },
  })
}

async function bareScans(bare: Bare, roundMs: number): Promise<Measure> {
  return measureFor(roundMs, {
    workers: 1,
    operationOf: () => async () => {
      await new Promise(setImmediate)
      return Array.from(bare.getRange({ start: anyStart(), limit: scanLimit }))
    },
  })
}

/** Reads every value, since an engine may put off a check until then. */
function verify(entries: readonly (Entry | undefined)[]): void {
  for (const entry of entries) {
    if (!entry || entry.value.length === 0) throw new Error('Every entry has a value.')
  }
}

/** Lets the event loop turn now and then, as it does between requests. */
function inTurns(operation: Operation): Operation {
  let count = 0
  return () => {
    count += 1
    return count % readsInTurn === 0 ? new Promise(setImmediate) : operation()
  }
}

async function fill(engine: LmdbEngine): Promise<Revision[]> {
  const commits = await Promise.all(keys.map((key) => engine.commit({ puts: [{ key, value }] })))
  return commits.map((commit) => {
    if (!commit.applied) throw new Error('A commit without checks is applied.')
    return commit.revision
  })
}

/** Writes a store's entry. Returns the check that it is unchanged. */
async function storeCheck(engine: LmdbEngine): Promise<Check> {
  const key = storeKey(storeId)
  const commit = await engine.commit({ puts: [{ key, value: Buffer.alloc(300) }] })
  return { key, revision: commit.applied ? commit.revision : undefined }
}

function anyKey(): Buffer {
  return keyAt(Math.floor(Math.random() * recordCount))
}

function anyStart(): Buffer {
  return keyAt(Math.floor(Math.random() * (recordCount - scanLimit)))
}

function keyAt(index: number): Buffer {
  const key = keys[index]
  if (!key) throw new Error(`There is no record ${index}.`)
  return key
}
