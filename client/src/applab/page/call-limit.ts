import { AppLabError } from './errors.ts'

const callsMax = 600
const windowMs = 60_000

/** A page made more calls than it may in a minute; nothing was sent. */
export class TooManyCalls extends AppLabError {}

/** Limits how many calls a page makes in any minute, reads and writes together. */
export class CallLimit {
  /** The times of the last minute's calls, the oldest first. */
  readonly #times: number[] = []

  /** Counts a call, at a time in milliseconds. Throws TooManyCalls, in App Lab's own words. */
  count(nowMs: number): void {
    const times = this.#times
    while (times[0] !== undefined && nowMs - times[0] >= windowMs) times.shift()
    const [oldest] = times
    if (oldest !== undefined && times.length >= callsMax) throw tooMany(windowMs - nowMs + oldest)
    times.push(nowMs)
  }
}

function tooMany(waitMs: number): TooManyCalls {
  const msg =
    `Data access rate limit exceeded; Please wait ${Math.ceil(waitMs / 1000)} seconds before ` +
    'retrying. The app is reading/writing data too many times per second. ' +
    "If you were trying to write data, it wasn't written."
  return new TooManyCalls({ msg, type: 'RATE_LIMIT' })
}
