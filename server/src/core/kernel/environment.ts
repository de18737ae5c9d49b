/** Time, chance and the log come from outside, so that tests can control them. */
export interface Environment {
  /** Milliseconds since 1970, as the machine's clock says, which may be wrong or be set anew. */
  now(): number
  /**
   * Milliseconds since some moment. They pass at the same pace whatever happens to the clock, but
   * may stop while the machine sleeps. For ages and intervals.
   */
  monotonic(): number
  /** For how many ms the machine has slept since some moment; 0 where `monotonic` goes on. */
  asleep(): number
  /** `count` bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array
  /**
   * Logs a failure that no response can report, or without a cause an event that the operator
   * should know of. `cause` is never sent to clients. Of many equal ones the log may only tell the
   * number. `isOfStranger`: whoever is not logged in can make the line different each time. Such
   * lines have few places in the log, so that they do not keep others out of it.
   */
  logError(message: string, cause: unknown, about?: { readonly isOfStranger: boolean }): void
}
