/** Time, chance and the log come from outside, so that tests can turn the clock. */
export interface Environment {
  /** Milliseconds since 1970. */
  now(): number
  /** `count` bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array
  /** A failure that no caller can be told of: `cause` never goes to clients. */
  logError(message: string, cause: unknown): void
}
