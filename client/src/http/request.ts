import type { CoatcheckError } from './errors.ts'

/** A body that can be sent again, or a stream, which can't. */
export type SentBody = string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>

/** One call of the HTTP API. */
export interface CoatcheckRequest {
  readonly method: string
  /** Percent-encoded, from the slash after the host. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: SentBody | undefined
  /** Stops the call, also while its body is on the way. It then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
  /** As those of CoatcheckClient, for this call alone. */
  readonly timeoutMs?: number | undefined
  readonly retries?: number | undefined
  /**
   * When it is repeated after a failure. `safe`: whenever that may help. `refused`: only if the
   * server says that it has not done it (429), since to do it twice is not the same as once.
   */
  readonly repeat?: 'safe' | 'refused'
  /** Called before a further attempt, with the failure that leads to it. */
  readonly onRepeat?: ((error: CoatcheckError) => void) | undefined
}

/** The path and query of a request. */
export function targetOf({ path, query = {} }: Pick<CoatcheckRequest, 'path' | 'query'>): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`
}

/** How many bytes a body has; undefined for a stream. A character counts as three. */
export function sentBytes(body: SentBody | undefined): number | undefined {
  if (body === undefined) return 0
  if (typeof body === 'string') return body.length * 3
  if (body instanceof Uint8Array) return body.byteLength
  return body instanceof Blob ? body.size : undefined
}

/** Sixteen random bytes in hex. Not `randomUUID`, which pages loaded by plain http do not have. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
