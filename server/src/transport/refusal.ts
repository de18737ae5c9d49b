import type { HttpReply, HttpRequest } from './exchange.ts'

/** Why the transport refuses a request, before or after a door has seen it. */
export interface Refusal {
  readonly status: number
  /** The kind of error, as Apify's API spells them. */
  readonly type: string
  /** One sentence for people. */
  readonly message: string
  /** When the same request may succeed; undefined: nobody knows. */
  readonly retryAfterSeconds?: number
}

/** What the form of a refusal depends on. */
export type RefusedRequest = Pick<HttpRequest, 'method' | 'path' | 'header'>

/** The server failed to serve a request. The log says why. */
export const failed: Refusal = {
  status: 500,
  type: 'internal-server-error',
  message: 'There was an internal error; the server has logged it.',
}

/** There is no room for a long reply. */
export const noRoom: Refusal = {
  status: 503,
  type: 'service-unavailable',
  message: 'Too many long replies are under way. Try again.',
  retryAfterSeconds: 1,
}

export interface TextReply extends HttpReply {
  readonly body: string
}

/**
 * A refusal in the form of the API's errors. Pages of every origin may read it, as they may read
 * all replies: it holds nobody's data.
 */
export function refusalReply({ status, type, message, retryAfterSeconds }: Refusal): TextReply {
  const body = JSON.stringify({ error: { type, message } })
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': '*',
    ...(retryAfterSeconds !== undefined && { 'Retry-After': retryAfterSeconds }),
  }
  return { status, headers, body }
}

/** The same reply, after which the connection is closed. */
export function lastReply(refusal: Refusal): TextReply {
  const reply = refusalReply(refusal)
  return { ...reply, headers: { ...reply.headers, Connection: 'close' } }
}

/** One sentence for people, for clients of WebSockets. */
export function textReply(
  status: number,
  sentence: string,
  headers?: Readonly<Record<string, string>>,
): TextReply {
  const body = `${sentence}\n`
  const own = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
  }
  return { status, headers: { ...own, ...headers }, body }
}
