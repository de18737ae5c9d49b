const minute = 60_000
const day = 24 * 60 * minute

/** How far the machine's clock is believed. A part of `limits`. */
export const clockLimits = {
  /** Steps of the clock that are taken over at once, and slowly; longer ones hold expiry. */
  clockJitterMsMax: 1_000,
  clockStepMsMax: minute,
  clockSlewShare: 0.05, // time passes a twentieth faster or slower meanwhile
  clockStoppedMsMax: day, // a server stopped for longer doubts the clock at its start
  clockLookMs: 1_000, // how often clocks are compared, begin anew, and are stored:
  clockAnchorMs: minute,
  clockKeptMs: 10 * minute,
}
