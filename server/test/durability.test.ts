import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createDiskFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { ServerProcess } from './support/processes/server-process.ts'
import { readSystemCalls, type SystemCall, straceWords } from './support/processes/strace.ts'

/** Larger values go into LMDB at once, without the journal. */
const journaledBytesMax = 262_144
const testMsMax = 120_000
const traced =
  'openat,fdatasync,fsync,pwrite64,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg'
/**
 * How many bytes of each call strace shows: enough for the keys of all records of a group, and for
 * the head of a request and of a reply.
 */
const textShown = 8_000

const smallSizes = Array.from({ length: 60 }, () => 300)
const chunkSizes = Array.from({ length: 20 }, () => 20_000)
/** Two whole chunks and a part of one. Each chunk is a commit before the commit of the record. */
const largeSizes = Array.from({ length: 3 }, () => 2_500_000)
/** More than twice as much as the journal holds. */
const journalsOfSizes = Array.from({ length: 160 }, () => 225_000)

/** Values of one kind, and what each of them needs before its reply. */
interface Kind {
  readonly name: string
  readonly sizes: readonly number[]
  readonly chunks: number
  readonly commits: number
}

const small: Kind = { name: 'small values', sizes: smallSizes, chunks: 0, commits: 1 }
/** The large ones first: what is in the journal moves into LMDB by commits of its own. */
const kinds: readonly Kind[] = [
  { name: 'values of three chunks', sizes: largeSizes, chunks: 3, commits: 4 },
  small,
  { name: 'values of a chunk', sizes: chunkSizes, chunks: 0, commits: 1 },
]

describe('an acknowledged write is on disk', { timeout: testMsMax }, () => {
  it.each([
    { who: 'one client', connections: 1, sent: kinds },
    { who: '8 clients', connections: 8, sent: [small] },
  ])('before the reply to $who', async ({ who, connections, sent }) => {
    const sizes = sent.flatMap((kind) => kind.sizes)
    const { calls, keys } = await tracePuts({ sizes, connections })
    const trace = new Trace(calls)
    const needed = sent.flatMap((kind) => kind.sizes.map((size) => ({ ...kind, size })))
    for (const [index, { name, chunks, commits, size }] of needed.entries()) {
      const key = keys[index] ?? ''
      const own = trace.commitsFor(key)
      expect(own.length, `${name}: ${key}`).toBeGreaterThanOrEqual(commits)
      expect(own.filter(({ into }) => into === 'lmdb').length, `${name}: ${key}`).toBe(chunks)
      const bytes = own.reduce((sum, commit) => sum + commit.bytes, 0)
      expect(bytes, `${name}: ${key}`).toBeGreaterThan(size)
    }
    const total = trace.commits.length
    process.stdout.write(`durability: ${who}: ${keys.length} PUTs, ${total} commits in all\n`)
    const least = needed.reduce((sum, { commits }) => sum + commits, 0)
    if (connections === 1) expect(total).toBeGreaterThanOrEqual(least)
  })
})

describe('the journal', { timeout: testMsMax }, () => {
  it('is overwritten only after all its content is durable in LMDB', async () => {
    const { calls } = await tracePuts({ sizes: journalsOfSizes, connections: 1, shown: 0 })
    const overwrites = overwritesOf(calls)
    expect(overwrites.length).toBeGreaterThanOrEqual(2)
    for (const { lost, moved } of overwrites) expect(moved).toBeGreaterThanOrEqual(lost)
  })
})

/** The system calls of the server while it answers these PUTs. */
async function tracePuts(options: {
  sizes: readonly number[]
  connections: number
  shown?: number
}): Promise<{ calls: SystemCall[]; keys: string[] }> {
  const folder = createDiskFolder()
  const log = join(folder, 'calls.log')
  const shown = String(options.shown ?? textShown)
  const under = straceWords(['-y', '-s', shown, '-e', `trace=${traced}`, '-o', log])
  const server = await ServerProcess.start({ data: join(folder, 'data'), under })
  const client = new Client(server, options)
  const store = await client.openStore('durable')
  const keys = options.sizes.map((_, index) => `key-${index}-`)
  const left = options.sizes.entries()
  const work = async (): Promise<void> => {
    for (const [index, size] of left) {
      const { status } = await store.put(keys[index] ?? '', Buffer.alloc(size, index))
      expect(status).toBe(201)
    }
  }
  await Promise.all(Array.from({ length: options.connections }, work))
  client.close()
  expect(await server.stop()).toBe(0)
  return { calls: readSystemCalls(log), keys }
}

/** The bytes that one sync made durable: from the first write to the call that made them valid. */
interface TracedCommit {
  readonly into: 'journal' | 'lmdb'
  readonly bytes: number
  /** The writes as strace shows them. */
  readonly text: string
  readonly beganAt: number
  readonly endedAt: number
}

/** The reads and writes of disk and sockets, with their times. */
class Trace {
  /** Commits of requests, without those that only move data from the journal into LMDB. */
  readonly commits: readonly TracedCommit[]
  readonly #calls: readonly SystemCall[]

  constructor(calls: readonly SystemCall[]) {
    this.#calls = calls
    const chunks = lmdbCommits(calls).filter(({ bytes }) => bytes >= journaledBytesMax)
    this.commits = [...journalCommits(calls), ...chunks]
  }

  /**
   * The commits between the request for this key and its reply, up to the journal commit that holds
   * the key. Empty without such a commit.
   */
  commitsFor(key: string): TracedCommit[] {
    const request = this.#find((call) => isRead(call) && call.args.includes(`/records/${key} `))
    const reply = this.#find(
      (call) => isWritten(call) && call.args.includes('201 Created') && call.args.includes(key),
    )
    const within = this.commits.filter(
      ({ beganAt, endedAt }) => beganAt > request.endedAt && endedAt < reply.beganAt,
    )
    const record = within.find(({ into, text }) => into === 'journal' && text.includes(key))
    return record ? within.filter(({ endedAt }) => endedAt <= record.endedAt) : []
  }

  #find(isWanted: (call: SystemCall) => boolean): SystemCall {
    const found = this.#calls.find(isWanted)
    if (!found) throw new Error('The trace shows no such request or reply.')
    return found
  }
}

/** Writes to the journal: each of them is synced. */
function journalCommits(calls: readonly SystemCall[]): TracedCommit[] {
  return syncedFileWrites(calls, '/lmdb/journal').map(({ args, result, beganAt, endedAt }) => {
    return { into: 'journal', bytes: result, text: args, beganAt, endedAt }
  })
}

/** Successful writes to a file that is opened with O_SYNC or O_DSYNC. */
function syncedFileWrites(calls: readonly SystemCall[], file: string): SystemCall[] {
  const own = calls.filter(({ args }) => args.includes(file))
  const synced = own
    .filter(({ name, args, result }) => {
      return name === 'openat' && result >= 0 && /\bO_D?SYNC\b/.test(args)
    })
    .map(({ result }) => `${result}<`)
  return own.filter(({ name, args, result }) => {
    return name === 'pwrite64' && result > 0 && synced.some((start) => args.startsWith(start))
  })
}

/**
 * A commit of LMDB is: writes of pages, a sync, and then, before the next sync, a synced write of
 * LMDB's first pages, which makes the pages valid.
 */
function lmdbCommits(calls: readonly SystemCall[]): TracedCommit[] {
  const data = calls.filter(({ args }) => args.includes('/lmdb/data.mdb'))
  const seals = syncedFileWrites(calls, '/lmdb/data.mdb')
  const isWrite = (call: SystemCall): boolean =>
    ['pwrite64', 'writev'].includes(call.name) && !seals.includes(call)
  const synced = syncedWrites(data, { into: 'lmdb', isWrite })
  return synced.flatMap((commit, index) => {
    const seal = seals.find(({ beganAt }) => beganAt > commit.endedAt)
    const next = synced[index + 1]
    if (!seal || (next && seal.endedAt > next.beganAt)) return []
    return [{ ...commit, endedAt: seal.endedAt }]
  })
}

/** One commit for each successful sync: the successful writes since the sync before it began. */
function syncedWrites(
  calls: readonly SystemCall[],
  parts: { into: TracedCommit['into']; isWrite: (call: SystemCall) => boolean },
): TracedCommit[] {
  const { into, isWrite } = parts
  const commits: TracedCommit[] = []
  let since = 0
  for (const sync of calls.filter(isSync)) {
    const writes = calls.filter(
      (call) =>
        isWrite(call) && call.result > 0 && call.endedAt > since && call.endedAt < sync.beganAt,
    )
    const [first] = writes
    since = sync.beganAt
    if (!first || sync.result < 0) continue
    commits.push({
      into,
      bytes: writes.reduce((sum, { result }) => sum + result, 0),
      text: writes.map(({ args }) => args).join(),
      beganAt: Math.min(...writes.map(({ beganAt }) => beganAt)),
      endedAt: sync.endedAt,
    })
  }
  return commits
}

/**
 * For each time that the journal is overwritten: the number of bytes that are lost, and the number
 * of bytes that became durable in LMDB since they were written.
 */
function overwritesOf(calls: readonly SystemCall[]): { lost: number; moved: number }[] {
  const moves = lmdbCommits(calls)
  const runs: { start: number; bytes: number; beganAt: number; endedAt: number }[] = []
  // The file is allocated in full, by writes that are not synced one by one.
  for (const { args, result, beganAt, endedAt } of syncedFileWrites(calls, '/lmdb/journal')) {
    const start = Number(/, (\d+)$/.exec(args)?.[1])
    const run = runs.at(-1)
    if (run && run.start + run.bytes === start) {
      run.bytes += result
      run.endedAt = endedAt
    } else runs.push({ start, bytes: result, beganAt, endedAt })
  }
  return runs.flatMap((run, index) => {
    const before = runs.slice(0, index).findLast(({ start }) => start === run.start)
    if (!before) return []
    const between = moves.filter(
      (move) => move.beganAt > before.endedAt && move.endedAt < run.beganAt,
    )
    return [{ lost: before.bytes, moved: between.reduce((sum, { bytes }) => sum + bytes, 0) }]
  })
}

function isSync({ name }: SystemCall): boolean {
  return name === 'fdatasync' || name === 'fsync'
}

function isRead({ name }: SystemCall): boolean {
  return ['read', 'readv', 'recvfrom', 'recvmsg'].includes(name)
}

function isWritten({ name }: SystemCall): boolean {
  return ['write', 'writev', 'sendto', 'sendmsg'].includes(name)
}
