const minute = 60_000

/** What the log writes of lines that repeat. A part of `limits`. */
export const logLimits = {
  /** How often a line is written within `logWindowMs`; a count tells of the rest ... */
  logRepeatsMax: 5,
  /** ... and an event, which has no cause to look at. */
  logEventRepeatsMax: 1,
  logWindowMs: minute,
  /** Different lines within `logWindowMs`, and those that strangers can make, besides them. */
  logLinesMax: 200,
  logStrangerLinesMax: 20,
} as const
