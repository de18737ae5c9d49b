/**
 * What went wrong. The first group is what servers of Coatcheck answer with (docs/compatibility.md
 * lists all), the second is found by the client itself.
 */
export type CoatcheckErrorType =
  | 'condition-failed'
  | 'idempotency-key-reused'
  | 'insufficient-permissions'
  | 'insufficient-storage'
  | 'invalid-record-key'
  | 'invalid-request'
  | 'invalid-value'
  | 'name-not-unique'
  | 'number-out-of-range'
  | 'patch-failed'
  | 'rate-limit-exceeded'
  | 'record-not-found'
  | 'record-too-large'
  | 'service-unavailable'
  | 'store-not-found'
  | 'token-not-provided'
  | 'unsupported-media-type'
  | 'user-or-token-not-found'
  | 'wrong-value-type'
  | 'answer-not-understood'
  | 'answer-too-large'
  | 'connection-failed'
  | 'timeout'
  | 'too-many-conflicts'
  // A newer server may have more: the union stays open, and editors still offer the known ones.
  | (string & {})

/** What is known about an error besides its message. */
export interface ErrorDetails {
  readonly status: number
  readonly type: CoatcheckErrorType
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** 408: the upload came too slowly. 502 and 504 come from proxies. */
const passing: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])
const passingTypes: ReadonlySet<CoatcheckErrorType> = new Set(['connection-failed', 'timeout'])

/**
 * A call that failed: the server refused it, or no answer came that can be used. A call that is
 * stopped by its `signal` rejects with `signal.reason` instead.
 */
export class CoatcheckError extends Error {
  override readonly name: string = 'CoatcheckError'
  /** The HTTP status; 0 if there is no answer. */
  readonly status: number
  readonly type: CoatcheckErrorType
  /** How long the server asks to wait; undefined if it does not say. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, { status, type, retryAfterMs, cause }: ErrorDetails) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
    this.type = type
    this.retryAfterMs = retryAfterMs
  }

  /** Whether the same call may succeed in a moment. */
  get isRetryable(): boolean {
    return passing.has(this.status) || passingTypes.has(this.type)
  }

  /**
   * `unknown`: if the call was to change something, it may have been done or not. `not-done`: the
   * server refused it.
   */
  get outcome(): 'not-done' | 'unknown' {
    return this.status >= 400 && this.status < 500 && this.status !== 408 ? 'not-done' : 'unknown'
  }
}

/** An answer that no Coatcheck server gives, such as that of a proxy. */
export function notUnderstood(status: number, what: string, cause?: unknown): CoatcheckError {
  return new CoatcheckError(what, { status, type: 'answer-not-understood', cause })
}
