/** Time, chance and the log come from outside, so that tests can control them. */
export interface Environment {
  /** Milliseconds since 1970. */
  now(): number
  /** `count` bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array
  /**
   * Logs a failure that no response can report, or without a cause an event that the operator
   * should know of. `cause` is never sent to clients. Of many equal ones the log may only tell the
   * number.
   */
  logError(message: string, cause: unknown): void
}
