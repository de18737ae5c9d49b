import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../../../test/support/postgres/postgres.ts'
import { describeEngine } from '../conformance/conformance.ts'
import { parsePostgresAddress } from './link/address.ts'
import { openPostgres } from './postgres.ts'

let server: PostgresServer
beforeAll(async () => {
  // These tests do not simulate a power failure.
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
