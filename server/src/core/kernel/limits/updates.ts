/** Updates, and requests that are sent again. A part of `limits`. */
export const updateLimits = {
  /** Numbers with more characters are neither added nor compared by updates. */
  numberLengthMax: 1_000,
  /** How many items of a list an update may keep. */
  keptItemsMax: 100_000,
  /** Operations of a JSON Patch, and the values and characters that all of them may touch. */
  patchOperationsMax: 1_000,
  patchWorkMax: 50_000_000,
  /** A longer value of an update is not remembered for a request that is sent again. */
  rememberedValueBytesMax: 4_096,
  /** The value of an `Idempotency-Key`. */
  idempotencyKeyLengthMax: 255,
} as const
