const mebibyte = 1_048_576

/** What one request may do with many records of a store. A part of `limits`. */
export const manyRecordLimits = {
  /** Records that one search by value looks at, the text that it reads, and how long it takes. */
  findRecordsMax: 10_000,
  findBytesMax: 64 * mebibyte,
  findMsMax: 2_000,
  /** A longer value is not searched, decoded. */
  findValueBytesMax: mebibyte,
  /** The text that is sought, in UTF-16 units: the work grows with it in the worst case. */
  findTextLengthMax: 200,
  /** The place of a value in its JSON. A longer one is not told. */
  findPlaceLengthMax: 1_000,
  /** What is told of a value before and behind the text that was found in it. */
  findExcerptBefore: 40,
  findExcerptAfter: 80,
  /** What a search holds, and what all searches hold, and those of one user or address. */
  findRoomBytes: 4 * mebibyte,
  findsBytesMax: 128 * mebibyte,
  findsBytesOwnerMax: 64 * mebibyte,
  /** Keys that one request names for a ZIP archive. */
  archivedKeysMax: 10_000,
} as const
