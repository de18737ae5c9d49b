import { type Cell, sizeCell, textCell, timeCell } from '../terminal/readable.ts'
import type { Column, Screen } from '../terminal/screen.ts'

/** As the API describes what happened. */
interface EventData {
  readonly revision: number
  readonly at: string
  readonly action: string
  readonly subject: string
  readonly username: string | null
  readonly door: string | null
  readonly size?: number
  readonly details?: object
}

/** A page of an audit trail. */
export interface TrailData {
  readonly items: readonly EventData[]
  /** Undefined behind the oldest. */
  readonly nextBefore: number | null
}

/** Lines that are shown where nobody says how many. */
const usualLimit = '100'
const limitMax = 1_000

const columns: readonly Column<EventData>[] = [
  { title: 'AT', cellOf: ({ at }) => timeCell(at) },
  { title: 'WHO', cellOf: ({ username }) => textCell(username) },
  { title: 'DOOR', cellOf: ({ door }) => textCell(door) },
  { title: 'ACTION', cellOf: ({ action }) => textCell(action) },
  { title: 'SUBJECT', cellOf: ({ subject }) => textCell(subject) },
  { title: 'SIZE', isNumber: true, cellOf: ({ size }) => sizeCell(size) },
  { title: 'REVISION', isNumber: true, cellOf: ({ revision }) => textCell(String(revision)) },
  { title: 'DETAILS', cellOf: detailsCell },
]

export const trailFlags = { limit: { type: 'string' }, before: { type: 'string' } } as const

/** What of a trail is asked for. Throws UsageError. */
export function trailQueryOf(given: {
  count(name: string, max: number): string | undefined
}): Record<string, string | undefined> {
  return {
    limit: given.count('limit', limitMax) ?? usualLimit,
    before: given.count('before', Number.MAX_SAFE_INTEGER),
  }
}

export function showTrail(screen: Screen, data: TrailData): void {
  if (screen.isJson) {
    screen.json(data)
    return
  }
  screen.table(columns, data.items)
  if (data.nextBefore !== null) screen.note(`What is older: --before ${data.nextBefore}`)
}

function detailsCell({ details }: EventData): Cell {
  return textCell(details === undefined ? undefined : JSON.stringify(details))
}
