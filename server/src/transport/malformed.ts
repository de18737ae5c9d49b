import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { lastReply, type Refusal } from './refusal.ts'

/**
 * Refuses bytes that are not HTTP, or too slow or too large to be a request. Node has no response
 * object for them.
 */
export function refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const { status, headers, body } = lastReply(refusalOfBytes(error.code))
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
}

/**
 * Why no door may see a request that `node:http` accepts; undefined: a door may see it. The
 * connection must be closed after the refusal.
 */
export function refusalOfHead(message: IncomingMessage): Refusal | undefined {
  const { httpVersionMajor, httpVersionMinor, headers } = message
  // RFC 9112, 2.3: another major version has another grammar.
  if (httpVersionMajor !== 1) return unknownVersion
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    // RFC 9112, 6.1: the framing of such a message must be treated as faulty.
    if (httpVersionMinor === 0) return invalid('A request of HTTP/1.0 has no Transfer-Encoding.')
    const codings = codingsOf(coding)
    // RFC 9112, 6.3 and 7.1: such a body has no end, or is chunked twice.
    if (codings.indexOf('chunked') !== codings.length - 1) {
      return invalid('The last Transfer-Encoding, and no other, must be chunked.')
    }
    // RFC 9112, 6.1: without a decoder, the body would be stored as it was encoded.
    if (codings.length > 1) return unknownCoding
  }
  // RFC 9112, 3.2: only a request of HTTP/1.0 need not name its host.
  if (httpVersionMinor !== 0 && headers.host === undefined) {
    return invalid('An HTTP/1.1 request needs a Host header.')
  }
  return refusalOfRepeats(message) ?? refusalOfExpectation(message)
}

/** RFC 9110, 10.1.1: a client of HTTP/1.0 does not wait, and expects nothing. */
export function waitsToSend({ headers, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMinor !== 0 && headers.expect?.toLowerCase() === '100-continue'
}

function refusalOfExpectation(message: IncomingMessage): Refusal | undefined {
  const { headers, httpVersionMinor } = message
  const isUnknown = headers.expect !== undefined && httpVersionMinor !== 0 && !waitsToSend(message)
  return isUnknown ? unknownExpectation : undefined
}

/**
 * The headers of which `node:http` takes the first line and drops the others, as far as doors read
 * them. A proxy may have taken the last line.
 */
const single = new Set([
  ...['authorization', 'content-type', 'if-modified-since', 'if-unmodified-since'],
])

function refusalOfRepeats({ rawHeaders }: IncomingMessage): Refusal | undefined {
  const seen = new Map<string, string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? ''
    const isHost = name === 'host'
    if (!isHost && !single.has(name)) continue
    const value = rawHeaders[at + 1] ?? ''
    const before = seen.get(name)
    // RFC 9112, 3.2: more than one Host line is refused, even if all say the same.
    if (before !== undefined && (isHost || before !== value)) {
      return invalid(`The request has several ${rawHeaders[at]} headers.`)
    }
    seen.set(name, value)
  }
  return undefined
}

function codingsOf(header: string): string[] {
  const codings = header.split(',').map((one) => one.trim().toLowerCase())
  return codings.filter((one) => one !== '')
}

const unknownVersion = {
  status: 505,
  type: 'http-version-not-supported',
  message: 'This server speaks HTTP/1.1 and HTTP/1.0.',
} as const

const unknownCoding = {
  status: 501,
  type: 'transfer-encoding-not-supported',
  message: 'The only Transfer-Encoding that this server understands is chunked.',
} as const

const unknownExpectation = {
  status: 417,
  type: 'expectation-failed',
  message: 'The only Expect header that this server understands is 100-continue.',
} as const

function refusalOfBytes(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { ...invalid('The headers of the request are too large.'), status: 431 }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { ...invalid('The request took too long to arrive.'), status: 408 }
  }
  return invalid('The request is not well-formed HTTP.')
}

function invalid(message: string): Refusal {
  return { status: 400, type: 'invalid-request', message }
}
