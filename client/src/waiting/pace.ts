/** How long to wait between attempts, in milliseconds. */
export interface Pace {
  /** The delay after the first failure; it doubles with every further one. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

/**
 * The delay after so many failures. Half of it is random, so that clients do not all come back at
 * the same moment to a server that starts.
 */
export function delayAfter(failures: number, { minDelayMs, maxDelayMs }: Pace): number {
  const delay = Math.min(maxDelayMs, minDelayMs * 2 ** (failures - 1))
  return delay / 2 + (Math.random() * delay) / 2
}
