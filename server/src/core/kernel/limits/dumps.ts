const mebibyte = 1_048_576

/** Dumps of NemesisDB. A part of `limits`. */
export const dumpLimits = {
  /** The name of a dump. */
  dumpNameBytesMax: 200,
  /** A longer file of a dump gets no further session. */
  dumpFileBytesMax: 10 * mebibyte,
  /** Text of a dump that is written at once. */
  dumpBufferedLengthMax: 262_144,
  /**
   * A file of a dump. It is read and parsed as one text, and others wait meanwhile: for a second or
   * two, if it holds very many short values. So a save fails rather than write a longer one.
   */
  dumpReadFileBytesMax: 64 * mebibyte,
}
