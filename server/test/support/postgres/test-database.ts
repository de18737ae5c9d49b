import { afterAll } from 'vitest'
import {
  type PostgresAddress,
  parsePostgresAddress,
} from '../../../src/engines/postgres/link/address.ts'
import { PostgresServer } from './postgres.ts'

/** One for all tests of a file: whoever needs it first has it started. */
let postgres: Promise<PostgresServer> | undefined

afterAll(async () => (await postgres)?.cleanUp())

/** A fresh database of a PostgreSQL that ends with the file. */
export async function createTestDatabase(): Promise<PostgresAddress> {
  // What survives a loss of power is asked elsewhere.
  postgres ??= PostgresServer.start({ settings: { fsync: 'off' } })
  return parsePostgresAddress(await (await postgres).createDatabase())
}
