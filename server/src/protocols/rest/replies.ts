import type { HttpReply } from '../../transport/exchange.ts'

/** Body of the endpoints that take JSON, decoded (`MAX_PAYLOAD_SIZE_BYTES` of @apify/consts). */
export const jsonBodyBytesMax = 9_437_184

export function jsonReply(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  // As text: Node sends it in one piece with the head.
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
