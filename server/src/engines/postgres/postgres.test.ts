import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../../../test/support/postgres/postgres.ts'
import { describeEngine } from '../conformance/conformance.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres } from './postgres.ts'

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
