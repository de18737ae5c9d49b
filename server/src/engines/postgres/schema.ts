import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../../core/engine/engine.ts'
import { limits } from '../../core/kernel/limits.ts'
import { type Session, sqlStateOf } from './link/session.ts'

/**
 * The statements that take a database from each version to the next. DO NOT CHANGE existing steps:
 * databases were built with them. Add to the end.
 *
 * An entry has a `value`, or a `total` if it is a counter. Only the key is indexed, so that an
 * overwritten row stays on its page. Values are stored without compression, as clients sent them.
 * Each commit locks the one row of the clock until it ends: see decision 0011.
 */
const steps: readonly (readonly string[])[] = [
  [
    `create table coatcheck_entry (
      key bytea primary key, revision bigint not null, total bigint, value bytea)`,
    'alter table coatcheck_entry alter column value set storage external',
    'create table coatcheck_clock (id int primary key, revision bigint not null)',
    'insert into coatcheck_clock (id, revision) values (1, 0)',
  ],
]

const schemaVersion = steps.length

const undefinedTable = '42P01'

/** SQLSTATEs that two sessions get when they create the same table at once, besides conflicts. */
const raced = ['23505', '42P07', '42710', '40001', '40P01', '55P03', 'XX000']

/**
 * Brings the database to this version, even if other servers do so at the same time. Throws
 * EngineError `unavailable` if a newer Coatcheck has changed the database, or whatever `pg` throws.
 */
export async function migrate(session: Session): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (isCurrent(await findVersion(session))) return
      return await migrateLocked(session)
    } catch (error) {
      const isRaced = raced.some((state) => state === sqlStateOf(error))
      if (!isRaced || attempt >= limits.postgresSchemaAttemptsMax) throw error
      await session.tell('rollback')
      await sleep(attempt * limits.postgresSchemaRetryMs)
    }
  }
}

/**
 * Whether the database has Coatcheck's tables. Changes nothing. Throws EngineError `unavailable` if
 * they are not of this version.
 */
export async function hasTables(session: Session): Promise<boolean> {
  const [table] = await session.read(`select to_regclass('coatcheck_schema') as name`)
  const version = table?.name ? await readVersion(session, '') : 0
  if (version === 0 || isCurrent(version)) return version > 0
  throw new EngineError(
    'unavailable',
    'The tables of this database are of an earlier version: start a server, which updates them.',
  )
}

/**
 * The version of the tables. If there is no table for the version, it creates one and returns 0.
 */
async function findVersion(session: Session): Promise<number> {
  try {
    return await readVersion(session, '')
  } catch (error) {
    if (sqlStateOf(error) !== undefinedTable) throw error
  }
  await session.tell(
    'create table if not exists coatcheck_schema (id int primary key, version int not null)',
  )
  await session.tell('insert into coatcheck_schema values (1, 0) on conflict (id) do nothing')
  return 0
}

/** The session that gets the row's lock migrates; the others then find the work done. */
async function migrateLocked(session: Session): Promise<void> {
  await session.tell('begin isolation level read committed')
  const version = await readVersion(session, 'for update')
  if (!isCurrent(version)) {
    for (const step of steps.slice(version)) {
      for (const statement of step) await session.tell(statement)
    }
    await session.tell(`update coatcheck_schema set version = ${schemaVersion} where id = 1`)
  }
  const { command } = await session.tell('commit')
  if (command !== 'COMMIT') throw new EngineError('unavailable', 'The tables could not be created.')
}

async function readVersion(session: Session, lock: string): Promise<number> {
  const text = `select version from coatcheck_schema where id = 1 ${lock}`
  const [row] = await session.read(text)
  return Number(row?.version ?? 0)
}

function isCurrent(version: number): boolean {
  if (version <= schemaVersion) return version === schemaVersion
  throw new EngineError(
    'unavailable',
    `The database has tables of version ${version}, created by a newer Coatcheck; ` +
      `this one knows version ${schemaVersion}.`,
  )
}
