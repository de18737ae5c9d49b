import type { HttpReply } from '../../transport/exchange.ts'

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
