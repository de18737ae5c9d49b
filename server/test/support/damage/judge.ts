import { commitsIn, damaged, replay, type Shown, type ShownEntry } from '../disk/workload.ts'
import type { TimedEvent } from '../disk/writer-job.ts'
import type { Ending, Examination, Reading } from './examiner.ts'

/** What is wrong with a folder, as the first word says: `lost: ...`. Undefined: nothing. */
export type Fault = string | undefined

/** Which commits were acknowledged, and the moment of the crash. */
interface Story {
  readonly events: readonly TimedEvent[]
  readonly at: number
}

/**
 * Judges a folder after a crash at `at`. Every commit that was acknowledged before is there; a
 * commit that is there implies all before it; each is there as a whole; and the next commit gets a
 * revision that none of them has.
 */
export function judgeCrash(result: Examination | Ending, story: Story): Fault {
  if ('ended' in result) return `${result.ended}: ${result.how}`
  const { first, again } = result
  if (first.refusal !== undefined) return `refused: ${first.refusal}`
  const fault = judgeReading(first, story)
  if (fault !== undefined || again === undefined) return fault
  if (again.refusal !== undefined) return `refused again: ${again.refusal}`
  const there = again.listed.filter(([key]) => key !== 'examined')
  return differenceOf(new Map(first.listed), new Map(there), 'changed by a stop')
}

function judgeReading({ listed, failures, next }: Reading, story: Story): Fault {
  if (failures.length > 0) return `failed: ${failures[0]}`
  if (listed.some(([, { value }]) => value === damaged)) return 'damaged: an entry'
  const stored = new Map(listed)
  const commits = commitsIn(stored)
  const newest = Math.max(0, ...commits.keys())
  const lost = lostOf(new Set(commits.keys()), newest, story)
  if (lost.length > 0) return `lost: ${lost.length} acknowledged commits, such as ${lost[0]}`
  if (next !== undefined && next <= newest) return `revision again: ${next} after ${newest}`
  return differenceOf(replay(commits), stored, 'half')
}

/** Revisions that should be there. What was acknowledged later may be missing at the end. */
function lostOf(there: ReadonlySet<number>, newest: number, { events, at }: Story): number[] {
  return events.flatMap(({ event, at: toldAt }) => {
    if (event.kind !== 'acknowledged' || there.has(event.revision)) return []
    return toldAt < at || event.revision < newest ? [event.revision] : []
  })
}

function differenceOf(expected: Shown, there: Shown, word: string): Fault {
  for (const key of new Set([...expected.keys(), ...there.keys()])) {
    const [one, other] = [expected.get(key), there.get(key)].map(textOf)
    if (one !== other) return `${word}: ${JSON.stringify(key)} is ${other} instead of ${one}`
  }
  return undefined
}

function textOf(entry: ShownEntry | undefined): string {
  return entry ? `${entry.value} of revision ${entry.revision}` : 'absent'
}
