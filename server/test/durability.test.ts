import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Client } from './support/client.ts'
import { ServerProcess } from './support/server-process.ts'
import { readSystemCalls, type SystemCall, straceWords } from './support/strace.ts'
import { createTestFolder } from './support/test-folder.ts'

const testMsMax = 120_000
const traced =
  'openat,fdatasync,fsync,pwrite64,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg'
/** Long enough for the request line, and for the Location of the reply. */
const textShown = '500'

const smallSizes = Array.from({ length: 60 }, () => 300)
const chunkSizes = Array.from({ length: 20 }, () => 20_000)
const largeSizes = Array.from({ length: 5 }, () => 2_500_000)

describe('an acknowledged write is on disk', { timeout: testMsMax }, () => {
  it.each([
    { name: 'small values', sizes: smallSizes, connections: 1, syncsPerPut: 1 },
    { name: 'values of a chunk', sizes: chunkSizes, connections: 1, syncsPerPut: 1 },
    { name: 'values of three chunks', sizes: largeSizes, connections: 1, syncsPerPut: 4 },
    { name: 'small values of 8 clients', sizes: smallSizes, connections: 8, syncsPerPut: 1 },
  ])('before the reply: $name', async ({ name, sizes, connections, syncsPerPut }) => {
    const { calls, keys } = await tracePuts({ sizes, connections })
    const trace = new Trace(calls)
    const syncs = keys.map((key) => trace.syncsFor(key))
    const total = trace.syncs.length
    process.stdout.write(`durability: ${name}: ${keys.length} PUTs, ${total} syncs in all\n`)
    expect(Math.min(...syncs)).toBeGreaterThanOrEqual(syncsPerPut)
    if (connections === 1) expect(total).toBeGreaterThanOrEqual(keys.length * syncsPerPut)
  })
})

/** What the server asked of the system while it answered these PUTs. */
async function tracePuts(options: {
  sizes: readonly number[]
  connections: number
}): Promise<{ calls: SystemCall[]; keys: string[] }> {
  const folder = createTestFolder()
  const log = join(folder, 'calls.log')
  const under = straceWords(['-y', '-s', textShown, '-e', `trace=${traced}`, '-o', log])
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

/** Who wrote what to the disk and to the clients, and when. */
class Trace {
  /** Syncs of the data file that succeeded. */
  readonly syncs: readonly SystemCall[]
  readonly #calls: readonly SystemCall[]
  /** Writes of LMDB's first pages, which make a commit valid: to a file that syncs each write. */
  readonly #seals: readonly SystemCall[]

  constructor(calls: readonly SystemCall[]) {
    this.#calls = calls
    const data = calls.filter(({ args, result }) => result >= 0 && args.includes('/data.mdb'))
    this.syncs = data.filter(({ name }) => name === 'fdatasync' || name === 'fsync')
    const synced = data
      .filter(({ name, args }) => name === 'openat' && /\bO_D?SYNC\b/.test(args))
      .map(({ result }) => `${result}<`)
    this.#seals = data.filter(
      ({ name, args }) => name === 'pwrite64' && synced.some((file) => args.startsWith(file)),
    )
  }

  /**
   * How many syncs lie between the request for this key and its reply. The last must be followed by
   * the seal of its commit, and that by the reply; else there are none that count.
   */
  syncsFor(key: string): number {
    const request = this.#find((call) => isRead(call) && call.args.includes(`/records/${key} `))
    const reply = this.#find(
      (call) => isWritten(call) && call.args.includes('201 Created') && call.args.includes(key),
    )
    const seal = this.#seals.findLast(({ endedAt }) => endedAt < reply.beganAt)
    if (!seal) return 0
    return this.syncs.filter(
      ({ beganAt, endedAt }) => beganAt > request.endedAt && endedAt < seal.beganAt,
    ).length
  }

  #find(isWanted: (call: SystemCall) => boolean): SystemCall {
    const found = this.#calls.find(isWanted)
    if (!found) throw new Error('The trace shows no such request or reply.')
    return found
  }
}

function isRead({ name }: SystemCall): boolean {
  return ['read', 'readv', 'recvfrom', 'recvmsg'].includes(name)
}

function isWritten({ name }: SystemCall): boolean {
  return ['write', 'writev', 'sendto', 'sendmsg'].includes(name)
}
