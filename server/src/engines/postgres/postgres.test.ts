import { createTestDatabase } from '../../../test/support/postgres/test-database.ts'
import { describeEngine } from '../conformance/conformance.ts'
import { openPostgres } from './postgres.ts'

describeEngine('postgres', async () => {
  const address = await createTestDatabase()
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
