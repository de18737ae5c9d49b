import type { EngineHealth } from '../../core/engine/installed-engine.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { type Cell, textCell } from '../terminal/readable.ts'
import type { Command, CommandCall } from './command.ts'

/** The answer of `/health` to admins. */
interface HealthData {
  readonly status: 'ok' | 'degraded' | 'unavailable' | 'stopped'
  readonly ready: boolean
  readonly whyNot: string | null
  readonly engine: string
  readonly durability: EngineHealth['durability']
  readonly clockSkewMs: number | null
  readonly notes: readonly string[]
  readonly version?: string
}

interface Counted {
  readonly count: number
  readonly isTruncated?: boolean
}

interface StatusData extends HealthData {
  /** The server's URL; null: no server has the data folder open. */
  readonly address: string | null
  /** Undefined while the server is not ready. */
  readonly users?: Counted
  readonly stores?: Counted
}

/** What the engine promises about acknowledged writes. */
const promises: Readonly<Record<EngineHealth['durability'], string>> = {
  none: 'acknowledged writes are lost when the server stops',
  single: "acknowledged writes are on one machine's disk",
  replicated: "each write is on several machines' disks before it is acknowledged",
  degraded: 'acknowledged writes should be on several machines, but at the moment are not',
  unknown: 'unknown while the storage does not answer',
}

/** `coatcheck status`: exit code 0 if a server is ready, 1 if none is. */
export const statusCommand: Command = {
  usage: 'status',
  about: 'shows whether the server works or why not, its engine, and what the engine promises',
  words: { min: 0, max: 0 },
  onlyReads: true,
  run: showStatus,
}

async function showStatus(call: CommandCall): Promise<void> {
  const data = await readStatus(call)
  if (call.screen.isJson) call.screen.json(data)
  else call.screen.facts(factsOf(data))
  if (!data.ready) throw new CommandError(data.whyNot ?? 'The server is not ready.')
}

async function readStatus({ api }: CommandCall): Promise<StatusData> {
  const health = await api.read<HealthData>('/health')
  const address = (await api.serverUrl()) ?? null
  if (!health.ready) return { ...health, address }
  const query = { user: '*', limit: '1000' }
  const stores = await api.ask<Counted>('GET', '/coatcheck/v1/search', { query })
  const users = await api.ask<Counted>('GET', '/coatcheck/v1/users')
  const counts = { users: countedOf(users), stores: countedOf(stores) }
  if (address !== null) return { ...health, address, ...counts }
  // This command itself read the data, and it serves nobody.
  const stopped = { status: 'stopped', ready: false, whyNot: notServed(health.engine) } as const
  return { ...health, ...stopped, address, ...counts }
}

/** Servers of a database have data folders of their own, so that others may serve it. */
function notServed(engine: string): string {
  const what = 'No server has this data folder open'
  return engine === 'postgresql' ? `${what}; others may serve the database.` : `${what}.`
}

/** Drops the items that were counted. */
function countedOf({ count, isTruncated = false }: Counted): Counted {
  return { count, isTruncated }
}

function factsOf(data: StatusData): readonly (readonly [name: string, cell: Cell])[] {
  const { status, engine, durability, address, version, clockSkewMs, notes } = data
  return [
    ['status', textCell(status)],
    ['engine', textCell(engine)],
    ['promise', textCell(promises[durability])],
    ['address', textCell(address ?? 'no server has this folder open')],
    ['version', textCell(version)],
    ['users', countCell(data.users)],
    ['stores', countCell(data.stores)],
    ['clock', textCell(clockSkewMs === null ? undefined : `${clockSkewMs} ms apart`)],
    ...notes.map((note) => ['note', textCell(note)] as const),
  ]
}

function countCell(counted: Counted | undefined): Cell {
  return textCell(counted && `${counted.count}${counted.isTruncated ? ' or more' : ''}`)
}
