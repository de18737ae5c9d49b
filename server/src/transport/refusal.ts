import type { HttpReply } from './exchange.ts'

/** Why a request is refused before a door sees it. */
export interface Refusal {
  readonly status: number
  /** The kind of error, as Apify's API spells them. */
  readonly type: string
  /** One sentence for people. */
  readonly message: string
}

export interface TextReply extends HttpReply {
  readonly body: string
}

/**
 * A refusal in the form of the API's errors. Pages of every origin may read it, as they may read
 * all replies: it holds nobody's data.
 */
export function refusalReply({ status, type, message }: Refusal): TextReply {
  const body = JSON.stringify({ error: { type, message } })
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': '*',
  }
  return { status, headers, body }
}

/** The same reply, after which the connection is closed. */
export function lastReply(refusal: Refusal): TextReply {
  const reply = refusalReply(refusal)
  return { ...reply, headers: { ...reply.headers, Connection: 'close' } }
}

/** The reply to a request that the server failed to serve. The log says why. */
export function failureReply(): TextReply {
  const message = 'There was an internal error; the server has logged it.'
  return refusalReply({ status: 500, type: 'internal-server-error', message })
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
