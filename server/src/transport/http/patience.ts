import { limits } from '../../core/kernel/limits.ts'
import type { IdlePatience } from '../bounds/idle-connections.ts'

/** How long the server waits for a client. */
export interface Patience {
  /** A client is cut off if nothing moves on its connection for this long. */
  readonly stallMs: number
  /** How long a body or a reply may take to move `httpMovedBytesMin`; 10 times `stallMs`. */
  readonly slowMs?: number
  /** The same while others wait for room. */
  readonly shortMs?: number
  /** A client is cut off if its headers are not complete after this long. */
  readonly headersMs: number
  /** How often connections are checked. */
  readonly checkIntervalMs: number
}

export const usualPatience: Patience = {
  stallMs: limits.httpStallMsMax,
  slowMs: limits.httpSlowMsMax,
  shortMs: limits.shortStallMsMax,
  headersMs: limits.httpHeadersMsMax,
  checkIntervalMs: limits.httpCheckIntervalMs,
}

export function idlePatienceOf({ stallMs, headersMs, slowMs, shortMs }: Patience): IdlePatience {
  const usualSlowMs = 10 * stallMs
  return {
    idleMs: stallMs,
    silentMs: headersMs,
    slowMs: slowMs ?? usualSlowMs,
    shortMs: shortMs ?? usualSlowMs,
  }
}
