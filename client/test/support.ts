import { afterAll, afterEach, beforeAll } from 'vitest'
import { startTestServer, type TestServer } from '../../server/test/support/network/test-server.ts'
import { type ConnectOptions, NemesisClient } from '../src/index.ts'

type Settings = Parameters<typeof startTestServer>[0]

/** A real server for all tests of a `describe`, and clients that end with each test. */
export function useNemesis(settings: Settings = {}): {
  server(): TestServer
  connect(options?: ConnectOptions): Promise<NemesisClient>
} {
  let server: TestServer | undefined
  const clients: NemesisClient[] = []
  const running = (): TestServer => {
    if (!server) throw new Error('The server runs only inside tests.')
    return server
  }
  beforeAll(async () => {
    server = await startTestServer({ nemesisPort: 0, ...settings })
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
  })
  afterAll(() => server?.close())
  return {
    server: running,
    connect: async (options) => {
      const client = await NemesisClient.connect(running().nemesisUrl, options)
      clients.push(client)
      return client
    },
  }
}
