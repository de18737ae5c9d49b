import type { EngineHealth } from '../../core/engine/installed-engine.ts'
import { limits } from '../../core/kernel/limits.ts'
import { reasonOf } from './link/primary.ts'
import { type Session, sqlStateOf } from './link/session.ts'

export interface HealthQuestion {
  /** Waits for work no longer than for any operation; then it rejects. */
  within<T>(work: () => Promise<T>): Promise<T>
  session(): Promise<Session>
  /** Names the database server in messages. */
  readonly name: string
  /** Whether a new primary lacked commits. */
  readonly hasLost: boolean
}

type Settings = Readonly<Record<string, string | null>>

const settings = [
  'fsync',
  'full_page_writes',
  'synchronous_commit',
  'synchronous_standby_names',
  'data_checksums',
] as const

/**
 * Reads the settings and the standbys of the database. A role that may not see something gets fewer
 * notes. Never throws.
 */
export async function readHealth(question: HealthQuestion): Promise<EngineHealth> {
  try {
    return await question.within(() => readAll(question))
  } catch (error) {
    const whyNot = `PostgreSQL (${question.name}) does not serve: ${reasonOf(error)}.`
    return { whyNot, durability: 'unknown', notes: lossNotes(question), now: undefined }
  }
}

async function readAll(question: HealthQuestion): Promise<EngineHealth> {
  const session = await question.session()
  const found = await readSettings(session)
  const standbys = await readStandbys(session)
  const { durability, notes } = judge(found, standbys)
  const all = [...lossNotes(question), ...notes, ...(await snapshotNotes(session))]
  return { whyNot: undefined, durability, notes: all, now: Number(found.now) }
}

async function readSettings(session: Session): Promise<Settings> {
  const columns = settings.map((name) => `current_setting('${name}', true) as ${name}`)
  const now = `floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now`
  const [row = {}] = await session.read(`select ${columns.join(', ')}, ${now}`)
  return row
}

/** The `sync_state` of each standby; undefined: this role may not see it. */
async function readStandbys(session: Session): Promise<string[] | undefined> {
  const rows = await readIfAllowed(session, 'select sync_state from pg_stat_replication')
  const states = rows?.map(({ sync_state }) => sync_state).filter((one) => typeof one === 'string')
  return states && states.length === rows?.length ? states : undefined
}

function judge(
  found: Settings,
  standbys: readonly string[] | undefined,
): Pick<EngineHealth, 'durability' | 'notes'> {
  const notes = settingNotes(found)
  if (found.fsync === 'off') return { durability: 'none', notes }
  const wanted = standbysWanted(found.synchronous_standby_names ?? '')
  if (wanted === 0) {
    return {
      durability: 'single',
      notes: [...notes, 'Writes are acknowledged by one server alone.'],
    }
  }
  if (found.synchronous_commit === 'local' || found.synchronous_commit === 'remote_write') {
    const mode = `synchronous_commit is ${found.synchronous_commit}`
    return {
      durability: 'single',
      notes: [...notes, `${mode}: a write may be acknowledged before a standby has it.`],
    }
  }
  if (standbys === undefined) {
    const blind = 'This role may not see the standbys; a member of pg_monitor may.'
    return { durability: 'replicated', notes: [...notes, blind] }
  }
  const synchronous = standbys.filter((state) => state === 'sync' || state === 'quorum').length
  if (synchronous >= wanted) return { durability: 'replicated', notes }
  const missing = `${synchronous} of the ${wanted} standbys that writes wait for are connected.`
  return { durability: 'degraded', notes: [...notes, missing] }
}

/**
 * How many standbys a commit waits for: `ANY 2 (a, b, c)`, `FIRST 1 (a, b)`, `2 (a, b)`, or `a, b`,
 * which waits for the first of them.
 * https://www.postgresql.org/docs/current/runtime-config-replication.html
 */
export function standbysWanted(names: string): number {
  const text = names.trim()
  if (text === '') return 0
  const counted = /^(?:(?:ANY|FIRST)\s+)?(\d+)\s*\(/i.exec(text)
  return counted ? Number(counted[1]) : 1
}

function settingNotes(found: Settings): string[] {
  const notes: string[] = []
  if (found.fsync === 'off') notes.push('fsync is off: a power failure loses or damages data.')
  if (found.full_page_writes === 'off') {
    notes.push('full_page_writes is off: a power failure may damage data.')
  }
  if (found.data_checksums === 'off') {
    notes.push('data_checksums is off: damaged bytes are not noticed.')
  }
  return notes
}

async function snapshotNotes(session: Session): Promise<string[]> {
  const query = 'select max(age(backend_xmin)) as oldest from pg_stat_activity'
  const [row] = (await readIfAllowed(session, query)) ?? []
  if (Number(row?.oldest ?? 0) < limits.postgresSnapshotTransactionsMax) return []
  return [`A transaction stayed open while ${row?.oldest} others ran: it makes the tables grow.`]
}

async function readIfAllowed(session: Session, query: string): Promise<Settings[] | undefined> {
  try {
    return await session.read(query)
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error
    return undefined
  }
}

function lossNotes({ hasLost }: HealthQuestion): string[] {
  if (!hasLost) return []
  return [
    'A server that took over lacked acknowledged commits: its replication was not synchronous, or ' +
      'the database was restored.',
  ]
}
