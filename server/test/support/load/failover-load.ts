import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../network/client.ts'
import { SocketClient } from '../network/socket-client.ts'
import { until } from '../postgres/postgres-cluster.ts'
import {
  type Count,
  CountWriter,
  type FailoverWriter,
  RecordWriter,
  SessionWriter,
  TokenWriter,
  Unacknowledged,
} from './failover-writers.ts'
import { Random } from './random.ts'

export interface LoadedServer {
  readonly url: string
  readonly token: string
}

interface Stores {
  readonly storeId: string
  readonly sessionToken: number
}

const recordWritersPerServer = 6
/** The time until a refused writer retries. */
const refusedMs = 50
/** A pause after each write: the load goes on for as long as a database needs to take over. */
const betweenMs = 80

/** Writers at all doors of several servers, until `end()`. */
export class FailoverLoad {
  readonly #writers: readonly FailoverWriter[]
  readonly #running: Promise<void>[]
  readonly #defects: string[] = []
  #acknowledged = 0
  #refused = 0
  #lastAt = performance.now()
  #longestGapMs = 0
  #isOver = false

  private constructor(writers: readonly FailoverWriter[]) {
    this.#writers = writers
    this.#running = writers.map((writer) => this.#run(writer))
  }

  static async start(servers: readonly LoadedServer[], { seed }: { seed: number }) {
    const stores = await makeStores(servers)
    const count: Count = { acknowledged: 0, unknown: 0 }
    const writers = servers.flatMap((server, index) =>
      writersOf(server, { ...stores, count, name: `server-${index}`, seed: seed + 100 * index }),
    )
    return new FailoverLoad(writers)
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** The number of writes that were refused, or whose outcome is unknown. */
  get refused(): number {
    return this.#refused
  }

  /** Errors that a server may never cause, whatever fails. */
  get defects(): readonly string[] {
    return this.#defects
  }

  /** The longest time without an acknowledged write since the last call. */
  takeLongestGapMs(): number {
    const gap = Math.max(this.#longestGapMs, performance.now() - this.#lastAt)
    this.#longestGapMs = 0
    this.#lastAt = performance.now()
    return gap
  }

  /** Resolves when `count` more writes are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.#acknowledged + count
    await until(`${count} more writes are acknowledged`, () => this.#acknowledged >= wanted)
  }

  /** Waits for open writes; returns what is wrong with the stored data. */
  async end(): Promise<readonly string[]> {
    this.#isOver = true
    let isDone = false
    const done = Promise.all(this.#running).then(() => {
      isDone = true
    })
    await until('all writes are answered', () => isDone)
    await done
    const problems: string[] = []
    for (const writer of this.#writers) problems.push(...(await writer.problems()))
    for (const writer of this.#writers) writer.close()
    return problems
  }

  async #run(writer: FailoverWriter): Promise<void> {
    while (!this.#isOver) {
      try {
        await writer.step()
        this.#acknowledge()
        await sleep(betweenMs)
      } catch (error) {
        this.#refused += 1
        if (!(error instanceof Unacknowledged)) this.#defects.push(String(error))
        await sleep(refusedMs)
      }
    }
  }

  #acknowledge(): void {
    const now = performance.now()
    this.#acknowledged += 1
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastAt)
    this.#lastAt = now
  }
}

async function makeStores([server]: readonly LoadedServer[]): Promise<Stores> {
  if (!server) throw new Error('There must be a server.')
  const client = new Client(server)
  const store = await client.openStore('failover')
  await store.put('COUNT', '0')
  client.close()
  const socket = await openSocket(server)
  const { tkn } = await socket.command('SH_NEW', { name: 'failover' })
  socket.close()
  return { storeId: store.address, sessionToken: Number(tkn) }
}

function openSocket({ url, token }: LoadedServer): Promise<SocketClient> {
  const headers = { Authorization: `Bearer ${token}` }
  return SocketClient.open(`${url.replace('http', 'ws')}/nemesis`, { headers })
}

function writersOf(
  server: LoadedServer,
  parts: Stores & { count: Count; name: string; seed: number },
): FailoverWriter[] {
  const { storeId, sessionToken, count, name, seed } = parts
  const client = new Client(server, { connections: recordWritersPerServer + 10 })
  const partsOf = (index: number) => ({
    client,
    random: new Random(seed + index),
    name: `${name}-${index}`,
  })
  const records = Array.from(
    { length: recordWritersPerServer },
    (_, index) => new RecordWriter(partsOf(index), { storeId }),
  )
  const session = { open: () => openSocket(server), token: sessionToken }
  const path = `/v2/key-value-stores/${storeId}/records/COUNT`
  return [
    ...records,
    new SessionWriter(partsOf(recordWritersPerServer), session),
    new TokenWriter(partsOf(recordWritersPerServer + 1)),
    new CountWriter(client, { path, count }),
  ]
}
