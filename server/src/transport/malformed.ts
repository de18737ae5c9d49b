import type { Duplex } from 'node:stream'

/**
 * What is no HTTP, or too slow or too large to be a request: Node has no response object for it.
 */
export function refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { status, type, message } = malformed(error.code)
  const body = JSON.stringify({ error: { type, message } })
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function malformed(code: string | undefined): { status: string; type: string; message: string } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = 'The headers of the request are too large.'
    return { status: '431 Request Header Fields Too Large', type: 'invalid-request', message }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = 'The request took too long to arrive.'
    return { status: '408 Request Timeout', type: 'invalid-request', message }
  }
  const message = 'The request is not well-formed HTTP.'
  return { status: '400 Bad Request', type: 'invalid-request', message }
}
