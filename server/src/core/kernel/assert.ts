/**
 * Throws an Error if the condition is false: a bug of ours. A user's mistake is a `StorageError`.
 */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`Broken assumption: ${claim}`)
}
