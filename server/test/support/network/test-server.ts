import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApifyClient } from 'apify-client'
import { afterAll, beforeAll } from 'vitest'
import { startServer } from '../../../src/composition/server.ts'
import type { Environment } from '../../../src/core/kernel/environment.ts'
import type { Config } from '../../../src/installation/config.ts'
import type { EngineOpener } from '../../../src/installation/opened-data.ts'
import { createTestDatabase } from '../postgres/test-database.ts'

export const allEngines = ['memory', 'lmdb', 'postgresql'] as const
/** The engines that keep data: a suite about one door needs no more than these. */
export const engines = ['lmdb', 'postgresql'] as const
/**
 * For a long suite about what is on the wire: there the engine makes no difference, as `doors` and
 * the engine contract show. `npm run test:long` runs it on each that keeps data.
 */
export const wireEngines = process.env.COATCHECK_ENGINES === 'all' ? engines : (['lmdb'] as const)

/** A real server of this process, on a port and in a folder of its own. */
export interface TestServer {
  readonly url: string
  /** '' if that door has no port of its own. */
  readonly nemesisUrl: string
  /** The token of the first start; '' if there was a user already. */
  readonly token: string
  /** Its data folder. */
  readonly data: string
  /** The failures that the server logged, each with its cause. */
  readonly logged: unknown[]
  /** What else it logged. */
  readonly events: string[]
  close(): Promise<void>
}

/**
 * `open` opens the engine, instead of a new one of the named kind. `now` is the clock; time that a
 * test lets pass by it has passed, unless `monotonic` says something else.
 */
export async function startTestServer(
  settings: Partial<Config> = {},
  {
    open,
    now = () => Date.now(),
    monotonic = now,
  }: {
    readonly open?: EngineOpener
    readonly now?: () => number
    readonly monotonic?: () => number
  } = {},
): Promise<TestServer> {
  const data = await mkdtemp(join(tmpdir(), 'coatcheck-test-'))
  const isFresh = settings.engine === 'postgresql' && !open && !settings.database
  const config: Config = {
    host: '127.0.0.1',
    port: 0,
    data,
    engine: 'memory',
    isEngineGiven: true,
    database: isFresh ? await createTestDatabase() : undefined,
    durability: 'any',
    nemesisPort: 'off',
    isNemesisPortGiven: true,
    nemesisCompat: '0.4',
    nemesisSaveDir: join(data, 'nemesis'),
    nemesisMaxPayload: 1_048_576,
    applabAutoCreate: true,
    applabPairsMax: 20_000,
    unnamedRetentionDays: 7,
    publicUrl: undefined,
    allowedHosts: [],
    trustedProxies: [],
    isInsecureFolderTaken: false,
    initialToken: undefined,
    mustExist: false,
    warnings: [],
    ...settings,
  }
  const logged: unknown[] = []
  const events: string[] = []
  const environment = loggingTo({ logged, events }, { now, monotonic })
  const server = await startServer(config, environment, open && { open })
  return {
    url: server.url,
    nemesisUrl: server.nemesisUrl ?? '',
    token: server.firstStart?.token ?? '',
    data,
    logged,
    events,
    close: async () => {
      await server.close()
      await rm(data, { recursive: true })
    },
  }
}

/** A server that runs only while the tests of a `describe` do. */
export interface UsedServer {
  url(): string
  nemesisUrl(): string
  token(): string
  logged(): readonly unknown[]
  client(options?: { token?: string }): ApifyClient
}

/** One server for all tests of a `describe`. */
export function useTestServer(settings: Partial<Config> = {}): UsedServer {
  let server: TestServer | undefined
  const running = (): TestServer => {
    if (!server) throw new Error('The server runs only inside tests.')
    return server
  }
  beforeAll(async () => {
    server = await startTestServer(settings)
  })
  afterAll(() => server?.close())
  return {
    url: () => running().url,
    nemesisUrl: () => running().nemesisUrl,
    token: () => running().token,
    logged: () => running().logged,
    client: ({ token = running().token } = {}) =>
      // Without retries, a refusal is visible at once.
      new ApifyClient({
        baseUrl: running().url,
        publicBaseUrl: running().url,
        token,
        maxRetries: 0,
      }),
  }
}

function loggingTo(
  { logged, events }: Pick<TestServer, 'logged' | 'events'>,
  clocks: Pick<Environment, 'now' | 'monotonic'>,
): Environment {
  return {
    ...clocks,
    asleep: () => 0,
    randomBytes: (count) => randomBytes(count),
    logError: (message, cause) => {
      if (cause === undefined) events.push(message)
      else logged.push([message, cause])
    },
  }
}
