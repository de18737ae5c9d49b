import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Outcome, Row } from '../measurement/row.ts'
import type { Memory } from '../servers/process-usage.ts'
import { createStore, recordsPath } from '../servers/requests.ts'
import { ServerProcess, token } from '../servers/server-process.ts'

const blockBytes = 1_048_576
const blockCount = 1_024
const quickBlockCount = 128
const sampleIntervalMs = 20

/** Uploads and downloads one large value, and measures the memory that the server takes for it. */
export const largeValueRow: Row = {
  name: 'large-value',
  run: async (bench) => {
    const { program, nodeFlags } = bench
    const data = bench.createFolder()
    const options = { program, engine: 'lmdb', data, nodeFlags } as const
    await using stack = new AsyncDisposableStack()
    const server = await ServerProcess.startCoatcheck(options)
    stack.defer(() => server.stop())
    const path = `${recordsPath(await createStore(server.port, 'large'))}/value`
    const address = { port: server.port, path }
    const blocks = bench.isQuick ? quickBlockCount : blockCount
    const up = await watched(server, () => upload(address, blocks))
    const down = await watched(server, () => download(address))
    if (up.result !== down.result) throw new Error('The downloaded value is not the uploaded one.')
    return [
      ...outcomesOf('upload', { ...up, blocks }),
      ...outcomesOf('download', { ...down, blocks }),
    ]
  },
}

interface Address {
  readonly port: number
  readonly path: string
}

interface Watched {
  readonly result: string
  readonly elapsedMs: number
  readonly cpuMs: number
  readonly peaks: Memory
}

/** Samples the memory while `work` runs. */
async function watched(server: ServerProcess, work: () => Promise<string>): Promise<Watched> {
  let peaks = server.memory()
  const timer = setInterval(() => {
    peaks = greatest(peaks, server.memory())
  }, sampleIntervalMs)
  const began = performance.now()
  const cpuBefore = server.cpuMs()
  try {
    const result = await work()
    const elapsedMs = performance.now() - began
    peaks = greatest(peaks, server.memory())
    return { result, elapsedMs, cpuMs: server.cpuMs() - cpuBefore, peaks }
  } finally {
    clearInterval(timer)
  }
}

function greatest(one: Memory, other: Memory): Memory {
  return {
    resident: Math.max(one.resident, other.resident),
    anonymous: Math.max(one.anonymous, other.anonymous),
    mapped: Math.max(one.mapped, other.mapped),
    peak: Math.max(one.peak, other.peak),
  }
}

/** Sends chunked, so that the server can't know the size; returns the hash of what was sent. */
async function upload({ port, path }: Address, blocks: number): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
  const sending = request({ port, path, host: '127.0.0.1', method: 'PUT', headers })
  const replying = once(sending, 'response')
  const hash = createHash('sha256')
  const block = randomBytes(blockBytes)
  for (let index = 0; index < blocks; index += 1) {
    for (let offset = 0; offset < blockBytes; offset += 64) block.writeUInt32LE(index, offset)
    hash.update(block)
    // A copy, since the socket may still hold the block before.
    if (!sending.write(Buffer.from(block))) await once(sending, 'drain')
  }
  sending.end()
  const [reply] = await replying
  reply.resume()
  assertStatus(reply, 201)
  return hash.digest('hex')
}

async function download({ port, path }: Address): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const [reply] = await once(request({ port, path, host: '127.0.0.1', headers }).end(), 'response')
  assertStatus(reply, 200)
  const hash = createHash('sha256')
  for await (const part of reply) hash.update(part)
  return hash.digest('hex')
}

function assertStatus({ statusCode }: IncomingMessage, expected: number): void {
  if (statusCode !== expected) throw new Error(`Status ${statusCode}, not ${expected}.`)
}

const memoryTarget = 200

function outcomesOf(
  direction: 'upload' | 'download',
  { peaks, elapsedMs, cpuMs, blocks }: Watched & { blocks: number },
): Outcome[] {
  const size = blocks === blockCount ? '1 GiB' : `${blocks} MiB`
  const line = (part: string, what: string): Pick<Outcome, 'name' | 'what'> => ({
    name: `large-${direction}-${part}`,
    what: `${direction} of ${size}: ${what}`,
  })
  const side = { perSecond: (blocks / elapsedMs) * 1_000, cpuUs: (cpuMs * 1_000) / blocks }
  return [
    { ...line('time', 'time, and MiB by second'), value: elapsedMs / 1_000, unit: 's', own: side },
    {
      ...line('anonymous', "the server's own memory"),
      value: peaks.anonymous,
      unit: 'MB',
      target: memoryTarget,
    },
    { ...line('mapped', 'touched pages of mapped files'), value: peaks.mapped, unit: 'MB' },
    { ...line('resident', 'all that was resident'), value: peaks.resident, unit: 'MB' },
  ]
}
