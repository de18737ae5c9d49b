import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Commit, EngineError } from '../../../src/core/engine/engine.ts'
import type { InstalledEngine } from '../../../src/core/engine/installed-engine.ts'
import type { openEngine } from '../../../src/engines/open.ts'
import { injectFaults } from './file-faults.ts'
import { bytesOf, type CommitName, nameOf, writeOf } from './workload.ts'
import type { WriterEvent, WriterJob } from './writer-job.ts'

// A process that opens the engine in a folder, commits, and writes down what it was told. It writes
// to a file: a trace of the process shows the order of these lines and the writes of the engine.
const job: WriterJob = JSON.parse(process.argv[2] ?? '')
const events = openSync(job.events, 'a')
/** Longer than commits rest in the journal. */
const restMs = 1_200
const absentKey = bytesOf('absent')

if (job.faults) injectFaults(job.faults, () => tell({ kind: 'fault' }))
const engines: { openEngine: typeof openEngine } = await import(job.engine)
const engine = await open()
if (engine) {
  const writers = Array.from({ length: job.writers }, (_, writer) => write(engine, writer))
  await Promise.all(writers)
  if (job.restsAtEnd) await sleep(restMs)
  if (job.end === 'kill') process.kill(process.pid, 'SIGKILL')
  await engine.close()
  tell({ kind: 'closed' })
}

async function open(): Promise<InstalledEngine | undefined> {
  try {
    return await engines.openEngine({ name: 'lmdb', folder: job.folder })
  } catch (error) {
    tell({ kind: 'failed', sentence: String(error) })
    return undefined
  }
}

/** Ends with the first commit that fails: after a failed sync the engine takes no more writes. */
async function write(engine: InstalledEngine, writer: number): Promise<void> {
  const { seed, session, isHeavy = false } = job
  for (let number = 0; number < job.commits; number += 1) {
    if (number === job.restAt) await sleep(restMs)
    const name = { seed, session, writer, number, isHeavy }
    try {
      await commit(engine, name)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      tell({ kind: 'failed', sentence: String(error), writer })
      return
    }
  }
}

async function commit(engine: InstalledEngine, name: CommitName): Promise<void> {
  const write = writeOf(name)
  // What is read before may be kept in a cache: the reads below must not find it there.
  await engine.get([...write.puts.map(({ key }) => key), ...(write.deletes ?? [])])
  const commit = await whileReading(engine, engine.commit(write))
  if (!commit.applied) throw new EngineError('refused', 'A commit without checks was refused.')
  tell({ kind: 'acknowledged', name, revision: commit.revision })
  if (job.writers > 1) return
  const puts = write.puts.filter(({ stamped }) => !stamped)
  const entries = await engine.get(puts.map(({ key }) => key))
  for (const [index, { key, value }] of puts.entries()) {
    const entry = entries[index]
    const isRight = entry?.revision === commit.revision && Buffer.compare(entry.value, value) === 0
    if (!isRight) tell({ kind: 'stale', sentence: `${nameOf(key)} of revision ${commit.revision}` })
  }
  const gone = await engine.get(write.deletes ?? [])
  if (gone.some(Boolean)) tell({ kind: 'stale', sentence: `removed in ${commit.revision}` })
}

/** Reads LMDB in each turn until the commit is done, so that its read transactions are in use. */
async function whileReading(engine: InstalledEngine, committing: Promise<Commit>): Promise<Commit> {
  let isDone = false
  const done = committing.finally(() => {
    isDone = true
  })
  while (!isDone) {
    await Promise.race([done, new Promise(setImmediate)])
    await engine.get([absentKey])
  }
  return done
}

function tell(event: WriterEvent): void {
  writeSync(events, bytesOf(`${JSON.stringify(event)}\n`))
}
