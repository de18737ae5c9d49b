import { inject } from 'vitest'
import {
  type PostgresAddress,
  parsePostgresAddress,
} from '../../../src/engines/postgres/link/address.ts'
import { createDatabase, query } from './postgres.ts'

/** The PostgreSQL that runs for all tests. Tests that stop or configure one start their own. */
export const sharedPostgres = {
  /** A new, empty database; answers its URL. It stays until all tests have ended. */
  createDatabase(): Promise<string> {
    const { url, error } = inject('postgres')
    if (url === '') throw new Error(`The tests need PostgreSQL, which did not start: ${error}`)
    return createDatabase(url)
  },

  /** Asks in a connection of its own, of the database that `url` names. Answers the rows. */
  query,
}

/** The address of a new, empty database. */
export async function createTestDatabase(): Promise<PostgresAddress> {
  return parsePostgresAddress(await sharedPostgres.createDatabase())
}

/** The settings of a server on a new, empty database. */
export async function createDatabaseEnv(): Promise<{ readonly COATCHECK_ENGINE: string }> {
  return { COATCHECK_ENGINE: await sharedPostgres.createDatabase() }
}
