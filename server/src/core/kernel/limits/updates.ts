const mebibyte = 1_048_576

/** Updates, and requests that are sent again. A part of `limits`. */
export const updateLimits = {
  /** Numbers with more characters are neither added nor compared by updates. */
  numberLengthMax: 1_000,
  /** How many items of a list an update may keep. */
  keptItemsMax: 100_000,
  /** A longer value is not updated, in characters of JSON. */
  updatedValueLengthMax: 4 * mebibyte,
  /**
   * Values that updates have in memory: all of them, and those of one user. Each counts four times
   * its size.
   */
  updatesBytesMax: 256 * mebibyte,
  updatesBytesOwnerMax: 128 * mebibyte,
  /** Operations of a JSON Patch. */
  patchOperationsMax: 1_000,
  /** Members and items that one patch may touch. 64 characters that are compared count as one. */
  patchWorkMax: 100_000,
  /** A longer value of an update is not remembered for a request that is sent again. */
  rememberedValueBytesMax: 4_096,
  /** The value of an `Idempotency-Key`. */
  idempotencyKeyLengthMax: 255,
} as const
