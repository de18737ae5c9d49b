import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * What is no HTTP, or too slow or too large to be a request: Node has no response object for it.
 */
export function refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { status, sentence } = malformed(error.code)
  const { headers, body } = closingReply(sentence)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`)
}

/** RFC 9112, 3.2: such a request is to be refused, and one of HTTP/1.0 not. */
export function lacksHost({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.host === undefined
}

/** Left to itself, `node:http` says nothing in this reply, and tells no one that it made one. */
export function refuseHostless(response: ServerResponse): void {
  const { headers, body } = closingReply('A request of HTTP/1.1 needs a Host header.')
  response.writeHead(400, headers).end(body)
}

function malformed(code: string | undefined): { status: string; sentence: string } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const sentence = 'The headers of the request are too large.'
    return { status: '431 Request Header Fields Too Large', sentence }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: '408 Request Timeout', sentence: 'The request took too long to arrive.' }
  }
  return { status: '400 Bad Request', sentence: 'The request is not well-formed HTTP.' }
}

/** The last that is said on a connection. */
function closingReply(message: string): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ error: { type: 'invalid-request', message } })
  const headers = {
    Connection: 'close',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': `${Buffer.byteLength(body)}`,
  }
  return { headers, body }
}
