import type { Environment } from '../kernel/environment.ts'
import type { Revision } from './engine.ts'

/** The clock's part of a revision counts from here, so that it stays a safe integer for long. */
const beginning = Date.UTC(2026, 0, 1)
/** More revisions than any engine uses in a millisecond. */
const revisionsPerMs = 2_048
/** The clock may not use up all revisions: this much is reached in the year 2095. */
const clockPartMax = 2 ** 52
/**
 * How far a start moves on at random: in half a second's worth of revisions beyond the clock's
 * part, so that starts which follow each other also do so in revisions; further if the clock says
 * nothing.
 */
const randomMax = { withClock: 2 ** 20, withoutClock: 2 ** 24 } as const

/**
 * The revision above which a server goes on after a start. A start can't know whether the storage
 * is a restored copy. After the copy was made, the installation may have used revisions that the
 * copy does not know. If they were used again, clients would take a new version of a record for the
 * old one that they know. So each start moves on: to a number made of the clock, which is above all
 * revisions used until now, and by a random number if the clock is too slow, wrong or standing
 * still.
 */
export function floorAfter(
  newest: Revision,
  environment: Pick<Environment, 'now' | 'randomBytes'>,
): Revision {
  const random = Buffer.from(environment.randomBytes(4)).readUInt32BE()
  const clockPart = Math.floor(environment.now() - beginning) * revisionsPerMs
  const isUsable = clockPart > newest && clockPart <= clockPartMax
  const floor = isUsable
    ? clockPart + (random % randomMax.withClock)
    : newest + 1 + (random % randomMax.withoutClock)
  return floor < Number.MAX_SAFE_INTEGER - 2 ** 40 ? floor : newest
}
