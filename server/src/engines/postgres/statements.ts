import { EngineError, type Revision } from '../../core/engine/engine.ts'
import { keyName, type State, type Upsert } from './batch.ts'
import { bigintArray, byteaArray } from './link/array.ts'
import type { Answer, Row, Session, Statement } from './link/session.ts'

export interface Changes {
  readonly deletes: readonly Buffer[]
  readonly upserts: readonly Upsert[]
}

const advanceClock: Statement = {
  name: 'coatcheck-clock',
  text: `update coatcheck_clock set revision = revision + $1::bigint where id = 1
    returning revision`,
}

const raiseClock: Statement = {
  name: 'coatcheck-raise',
  text: `update coatcheck_clock set revision = $1::bigint where id = 1 and revision < $1::bigint
    returning revision`,
}

const readNewest: Statement = {
  name: 'coatcheck-newest',
  text: 'select revision from coatcheck_clock where id = 1',
}

const readMilliseconds: Statement = {
  name: 'coatcheck-time',
  text: 'select floor(extract(epoch from clock_timestamp()) * 1000)::bigint',
}

const readStates: Statement = {
  name: 'coatcheck-states',
  text: 'select key, revision, total from coatcheck_entry where key = any($1::bytea[])',
}

const remove: Statement = {
  name: 'coatcheck-delete',
  text: 'delete from coatcheck_entry where key = any($1::bytea[])',
}

const upsert: Statement = {
  name: 'coatcheck-upsert',
  text: `insert into coatcheck_entry (key, revision, total, value)
    select * from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[])
    on conflict (key) do update
    set revision = excluded.revision, total = excluded.total, value = excluded.value`,
}

/**
 * Takes the next `count` revisions, and with them the lock of the clock, which lasts until the
 * transaction ends. Returns the newest revision before them.
 */
export async function takeRevisions(session: Session, count: number): Promise<Revision> {
  const { rows } = await session.ask(advanceClock, [String(count)])
  return numberIn(rows) - count
}

/**
 * Sets the clock forward to `revision` if it is behind. Returns whether it was behind. Within a
 * transaction it locks the clock until the end.
 */
export async function raiseRevision(session: Session, revision: Revision): Promise<boolean> {
  const { rows } = await session.ask(raiseClock, [String(revision)])
  return rows.length > 0
}

/**
 * As `raiseRevision`, in a transaction of its own that waits for no disk: if it is lost, then so is
 * every commit after it, and the next session raises the clock again.
 */
export async function raiseUnwaited(session: Session, revision: Revision): Promise<boolean> {
  const [, , raised] = await Promise.all([
    session.tell('begin isolation level read committed'),
    session.tell('set local synchronous_commit = off'),
    raiseRevision(session, revision),
    session.tell('commit'),
  ])
  return raised
}

/** The time of the database's clock, in ms since 1970. */
export async function readTime(session: Session): Promise<number> {
  const { rows } = await session.ask(readMilliseconds, [])
  return numberIn(rows)
}

export async function readRevision(session: Session): Promise<Revision> {
  const { rows } = await session.ask(readNewest, [])
  return numberIn(rows)
}

/** The states of the keys, by `keyName`. */
export async function statesOf(
  session: Session,
  keys: readonly Buffer[],
): Promise<Map<string, State>> {
  const states = new Map<string, State>()
  if (keys.length === 0) return states
  const { rows } = await session.ask(readStates, [byteaArray(keys)])
  for (const [key, revision, total] of rows) {
    if (!key || !revision) continue
    const counted = total ? total.readBigInt64BE() : undefined
    states.set(keyName(key), { revision: Number(revision.readBigInt64BE()), total: counted })
  }
  return states
}

/** Deletes, then puts. The statements are sent when this returns. */
export function writeAll(session: Session, { deletes, upserts }: Changes): Promise<Answer>[] {
  const asked: Promise<Answer>[] = []
  if (deletes.length > 0) asked.push(session.ask(remove, [byteaArray(deletes)]))
  if (upserts.length > 0) {
    const columns = [
      byteaArray(upserts.map(({ key }) => key)),
      bigintArray(upserts.map(({ revision }) => revision)),
      bigintArray(upserts.map(({ total }) => total)),
      byteaArray(upserts.map(({ value }) => value)),
    ]
    asked.push(session.ask(upsert, columns))
  }
  return asked
}

function numberIn(rows: readonly Row[]): number {
  const bytes = rows[0]?.[0]
  if (!bytes) throw new EngineError('unavailable', 'The table coatcheck_clock has lost its row.')
  return Number(bytes.readBigInt64BE())
}
