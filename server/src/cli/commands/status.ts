import type { EngineHealth } from '../../core/engine/installed-engine.ts'
import { CommandError } from '../terminal/command-errors.ts'
import { type Cell, textCell } from '../terminal/readable.ts'
import type { Command, CommandCall } from './command.ts'

/** As `/health` tells admins. */
interface HealthData {
  readonly status: 'ok' | 'degraded' | 'unavailable'
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
  /** Where the server is; null: nobody serves the data. */
  readonly address: string | null
  /** Undefined where the storage can't be asked. */
  readonly users?: Counted
  readonly stores?: Counted
}

/** What is promised of what was acknowledged. */
const promises: Readonly<Record<EngineHealth['durability'], string>> = {
  none: 'what is acknowledged is lost when the server stops',
  single: "what is acknowledged is on one machine's disk",
  replicated: "what is acknowledged is on several machines' disks before it is answered",
  degraded: 'what is acknowledged should be on several machines, but is not kept so now',
}

/** `coatcheck status`: 0 where it serves, 1 where it does not. */
export const statusCommand: Command = {
  usage: 'status',
  about: 'whether the server serves or why not, its engine, and what that promises',
  words: { min: 0, max: 0 },
  run: showStatus,
}

async function showStatus(call: CommandCall): Promise<void> {
  const data = await readStatus(call)
  if (call.screen.isJson) call.screen.json(data)
  else call.screen.facts(factsOf(data))
  if (!data.ready) throw new CommandError(data.whyNot ?? 'The server does not serve now.')
}

async function readStatus({ api }: CommandCall): Promise<StatusData> {
  const health = await api.read<HealthData>('/health')
  const address = (await api.serverUrl()) ?? null
  if (!health.ready) return { ...health, address }
  const query = { user: '*', limit: '1000' }
  const stores = await api.ask<Counted>('GET', '/coatcheck/v1/search', { query })
  const users = await api.ask<Counted>('GET', '/coatcheck/v1/users')
  return { ...health, address, users: countedOf(users), stores: countedOf(stores) }
}

/** Without the items that were counted. */
function countedOf({ count, isTruncated = false }: Counted): Counted {
  return { count, isTruncated }
}

function factsOf(data: StatusData): readonly (readonly [name: string, cell: Cell])[] {
  const { status, engine, durability, address, version, clockSkewMs, notes } = data
  return [
    ['status', textCell(status)],
    ['engine', textCell(engine)],
    ['promise', textCell(promises[durability])],
    ['address', textCell(address ?? 'nobody serves it')],
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
