import { randomBytes } from 'node:crypto'
import { ApifyClient } from 'apify-client'
import { afterAll, beforeAll } from 'vitest'
import { type Domain, openDomain } from '../../../src/core/domain.ts'
import type { StorageEngine } from '../../../src/core/engine/engine.ts'
import type { Environment } from '../../../src/core/kernel/environment.ts'
import { limits } from '../../../src/core/kernel/limits.ts'
import { createToken } from '../../../src/core/people/token-text.ts'
import { startTestServer, type TestServer } from '../network/test-server.ts'
import { createSharedData, type SharedData, type sharedEngines } from './shared-data.ts'

/** A domain on the same data, like a server without doors. */
export interface Neighbour extends Domain {
  readonly engine: StorageEngine
}

/** Several servers of this process on the same data, each with ports and memory of its own. */
export class SeveralServers {
  readonly #data: SharedData
  readonly #initialToken: string
  readonly #closers: (() => Promise<void>)[] = []
  readonly #servers: TestServer[] = []
  #aheadMs = 0

  private constructor(data: SharedData) {
    this.#data = data
    this.#initialToken = createToken(this.#environment)
  }

  static async start(
    engine: (typeof sharedEngines)[number],
    count: number,
  ): Promise<SeveralServers> {
    const servers = new SeveralServers(await createSharedData(engine))
    const { settings, open } = servers.#data
    const { now } = servers.#environment
    const common = { ...settings, nemesisPort: 0, initialToken: servers.#initialToken }
    while (servers.#servers.length < count) {
      const server = await startTestServer(common, { now, ...(open && { open }) })
      servers.#servers.push(server)
      servers.#closers.push(() => server.close())
    }
    return servers
  }

  /** The token of the first user. */
  get token(): string {
    return this.#initialToken
  }

  get all(): readonly TestServer[] {
    return this.#servers
  }

  /** The server at `index`, modulo their number. */
  at(index: number): TestServer {
    const server = this.#servers[index % this.#servers.length]
    if (!server) throw new Error('No server runs.')
    return server
  }

  client(index: number): ApifyClient {
    const { url: baseUrl } = this.at(index)
    return new ApifyClient({ baseUrl, publicBaseUrl: baseUrl, token: this.token, maxRetries: 0 })
  }

  /** The clock of all of them. */
  now(): number {
    return this.#environment.now()
  }

  advance(ms: number): void {
    this.#aheadMs += ms
  }

  async openNeighbour(): Promise<Neighbour> {
    const engine = await this.#data.openEngine()
    const { unnamedRetentionMs } = limits
    const domain = await openDomain(engine, this.#environment, { unnamedRetentionMs })
    this.#closers.push(async () => {
      await domain.close()
      await engine.close()
    })
    return { ...domain, engine }
  }

  /** Stops all servers in order; returns what `look` finds in the data. */
  async leave<T>(look: (engine: StorageEngine) => Promise<T>): Promise<T> {
    for (const close of this.#closers.splice(0).reverse()) await close()
    const engine = await this.#data.openEngine()
    try {
      return await look(engine)
    } finally {
      await engine.close()
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
    await this.#data.close()
  }

  get #environment(): Environment {
    return {
      now: () => Date.now() + this.#aheadMs,
      monotonic: () => performance.now() + this.#aheadMs,
      asleep: () => 0,
      randomBytes: (count) => randomBytes(count),
      logError: () => undefined,
    }
  }
}

/** Several servers for all tests of a `describe`. */
export function useSeveralServers(
  engine: (typeof sharedEngines)[number],
  count = 2,
): () => SeveralServers {
  let servers: SeveralServers | undefined
  beforeAll(async () => {
    servers = await SeveralServers.start(engine, count)
  })
  afterAll(() => servers?.close())
  return () => {
    if (!servers) throw new Error('The servers run only inside tests.')
    return servers
  }
}
