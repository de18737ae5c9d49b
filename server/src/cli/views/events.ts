import { type Cell, sizeCell, textCell, timeCell } from '../terminal/readable.ts'
import type { Column, Screen } from '../terminal/screen.ts'

/** An event, as the API describes it. */
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
  /** Null on the last page, which ends with the oldest event. */
  readonly nextBefore: number | null
}

/** How many lines are shown without `--limit`. */
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

/** The query for the part of a trail that the flags ask for. Throws UsageError. */
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
  if (data.nextBefore !== null) screen.note(`Older events: --before ${data.nextBefore}`)
}

function detailsCell({ details }: EventData): Cell {
  return textCell(details === undefined ? undefined : JSON.stringify(details))
}
