import { afterAll, beforeAll } from 'vitest'
import { startTestServer, type TestServer } from '../../server/test/support/network/test-server.ts'
import { CoatcheckClient, type CoatcheckClientOptions, type CoatcheckStore } from '../src/index.ts'

type Settings = Parameters<typeof startTestServer>[0]

/** A real server for all tests of a `describe`, with clients and new stores. */
export function useCoatcheck(settings: Settings = {}): {
  server(): TestServer
  client(options?: Partial<CoatcheckClientOptions>): CoatcheckClient
  newStore(options?: Partial<CoatcheckClientOptions>): Promise<CoatcheckStore>
} {
  let server: TestServer | undefined
  const running = (): TestServer => {
    if (!server) throw new Error('The server runs only inside tests.')
    return server
  }
  beforeAll(async () => {
    server = await startTestServer(settings)
  })
  afterAll(() => server?.close())
  const client = (options: Partial<CoatcheckClientOptions> = {}): CoatcheckClient =>
    new CoatcheckClient({ url: running().url, token: running().token, ...options })
  return {
    server: running,
    client,
    newStore: async (options) => {
      const { id } = await (await client().stores.create()).info()
      return client(options).store(id)
    },
  }
}
