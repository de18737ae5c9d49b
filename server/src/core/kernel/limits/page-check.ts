const mebibyte = 1_048_576

/** The check of LMDB's pages before LMDB opens its file. A part of `limits`. */
export const pageCheckLimits = {
  /** What an opening checks at most, and for how long. `coatcheck check` checks all pages. */
  lmdbOpeningCheckBytesMax: 256 * mebibyte,
  lmdbOpeningCheckMsMax: 1_000,
  /** Pages that `coatcheck check` checks before others get a turn. */
  lmdbUnyieldedPagesMax: 256,
}
