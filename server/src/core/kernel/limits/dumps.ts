const mebibyte = 1_048_576

/** Dumps of NemesisDB. A part of `limits`. */
export const dumpLimits = {
  /** The name of a dump. */
  dumpNameBytesMax: 200,
  /** A file of a dump that is written, in characters, and the text that is written at once. */
  dumpFileLengthMax: 10 * mebibyte,
  dumpBufferedLengthMax: 262_144,
  /** A file of a dump that is read, as one text. */
  dumpReadFileBytesMax: 512 * mebibyte,
}
