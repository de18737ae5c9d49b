import type { HttpReply, HttpRequest } from '../../transport/exchange.ts'

export function jsonReply(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  // A text, not bytes, because Node sends a text in one piece with the head.
  const text = JSON.stringify(body)
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      ...headers,
    },
    body: text,
  }
}

export function emptyReply(
  status: number,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return { status, headers: { ...headers }, body: '' }
}

/** The name of a header (RFC 9110, 5.6.2). */
const headerName = /^[\w!#$%&'*+\-.^`|~]+$/

/**
 * The reply to a preflight. Any page may call, with any header: callers log in by token, never by
 * cookie. So the headers that the browser names are allowed besides the usual ones: tracing, for
 * one, adds its own to every request of a page.
 */
export function preflightReply(
  request: Pick<HttpRequest, 'header'>,
  { methods, usualHeaders }: { methods: readonly string[]; usualHeaders: string },
): HttpReply {
  const usual = new Set(usualHeaders.toLowerCase().split(', '))
  const asked = (request.header('access-control-request-headers') ?? '').split(',')
  const names = asked.map((name) => name.trim()).filter((name) => headerName.test(name))
  const others = names.filter((name) => !usual.has(name.toLowerCase()))
  return emptyReply(204, {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': ['OPTIONS', ...methods].join(','),
    'Access-Control-Allow-Headers': [usualHeaders, ...others].join(', '),
    'Access-Control-Max-Age': '86400',
    Vary: 'Access-Control-Request-Headers',
  })
}
