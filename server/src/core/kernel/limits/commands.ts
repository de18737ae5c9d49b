const mebibyte = 1_048_576

/** What the commands about records hold, and how long they wait. A part of `limits`. */
export const commandLimits = {
  /** A value from a pipe up to this size is held, so that it can be sent again. */
  heldPipeBytesMax: mebibyte,
  /** A value, a patch or an event that a command has in memory as a whole. */
  commandValueBytesMax: 16 * mebibyte,
  /** One event of a watch, in characters. */
  commandEventLengthMax: mebibyte,
  /** A server that takes and sends nothing for so long counts as gone. */
  commandSilenceMsMax: 60_000,
  /** How long a long value waits until the server asks for it; then it is sent all the same. */
  commandContinueMsMax: 1_000,
  /** How long the completion of a word may look for stores. */
  completionMsMax: 2_000,
} as const
