import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Refuses bytes that are not HTTP, or too slow or too large to be a request. Node has no response
 * object for them.
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

/**
 * Whether a request of HTTP/1.1 has no Host header. RFC 9112, 3.2: it must be refused; a request of
 * HTTP/1.0 need not have the header.
 */
export function lacksHost({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.host === undefined
}

/**
 * Refuses a request without a Host header. `node:http` by itself would send an empty reply, and
 * tell nobody about it.
 */
export function refuseHostless(response: ServerResponse): void {
  const { headers, body } = closingReply('An HTTP/1.1 request needs a Host header.')
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

/** The last reply on a connection. */
function closingReply(message: string): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ error: { type: 'invalid-request', message } })
  const headers = {
    Connection: 'close',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': `${Buffer.byteLength(body)}`,
  }
  return { headers, body }
}
