import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../../test/support/postgres.ts'
import { describeEngine } from './conformance.ts'
import { openPostgres } from './postgres.ts'
import { parsePostgresAddress } from './postgres-address.ts'

let server: PostgresServer
beforeAll(async () => {
  // What survives a loss of power is not asked here.
  server = await PostgresServer.start({ settings: { fsync: 'off' } })
})
afterAll(() => server.cleanUp())

describeEngine('postgres', async () => {
  const address = parsePostgresAddress(await server.createDatabase())
  const engine = await openPostgres(address)
  return {
    engine,
    reopen: async () => {
      await engine.close()
      return openPostgres(address)
    },
    cleanUp: async () => undefined,
  }
})
