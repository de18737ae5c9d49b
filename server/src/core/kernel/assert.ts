/** For what only a mistake of ours can break; what a user can break is a `StorageError`. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`Broken assumption: ${claim}`)
}
