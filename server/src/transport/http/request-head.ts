import type { IncomingHttpHeaders } from 'node:http'

/** The head of a request that says nothing unusual. */
export interface RequestHead {
  readonly method: string
  /** Begins with a slash. */
  readonly url: string
  /** By names in lower case; each stood there once. */
  readonly headers: IncomingHttpHeaders
  /** The lines that `headers` were read from. */
  readonly lines: string
  /** Where in the bytes the body begins, and how many bytes it has. */
  readonly bodyStart: number
  readonly bodyBytes: number
}

/** What is longer is left to `node:http`, which knows how much is too much. */
const headBytesMax = 8_192
const headEnd = Buffer.from('\r\n\r\n')
const lineEnd = '\r\n'
const requestLine = /^(GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS) (\/[!-~]*) HTTP\/1\.1$/
/**
 * RFC 9110, 5.6.2 and 5.5: of values only those without `obs-text`. Each part is followed by what
 * it can't hold itself, so that no line is looked at twice, whatever is in it.
 */
const headerLine = /([\w!#$%&'*+\-.^`|~]+):([\t -~]*)\r\n/y
/** Those that say how to go on: more than one request and its reply, or another protocol. */
const unusual = ['transfer-encoding', 'upgrade', 'expect', 'http2-settings', 'proxy-connection']

/**
 * The head at the front of `bytes`. Undefined where not all of it is there, or where anything about
 * it is not plain: `node:http` decides about that. So this takes a part of what is a request by RFC
 * 9112, never more. `previous`: the head in front of it on the connection, whose headers clients
 * mostly repeat.
 */
export function readHead(bytes: Buffer, previous?: RequestHead): RequestHead | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0 || end > headBytesMax) return undefined
  const text = bytes.toString('latin1', 0, end + lineEnd.length)
  const firstEnd = text.indexOf(lineEnd)
  const [, method, url] = requestLine.exec(text.slice(0, firstEnd)) ?? []
  if (method === undefined || url === undefined) return undefined
  const lines = text.slice(firstEnd + lineEnd.length)
  const bodyStart = end + headEnd.length
  if (previous && previous.lines === lines) return { ...previous, method, url, bodyStart }
  const headers = readHeaders(lines)
  const bodyBytes = headers && lengthOf(headers)
  if (!headers || bodyBytes === undefined) return undefined
  return { method, url, headers, lines, bodyStart, bodyBytes }
}

function readHeaders(lines: string): IncomingHttpHeaders | undefined {
  // As those of `node:http`: a name such as `__proto__` is one like any other.
  const headers: IncomingHttpHeaders = Object.create(null)
  headerLine.lastIndex = 0
  while (headerLine.lastIndex < lines.length) {
    const [, name, value] = headerLine.exec(lines) ?? []
    if (name === undefined || value === undefined) return undefined
    const key = name.toLowerCase()
    if (headers[key] !== undefined) return undefined
    headers[key] = value.trim()
  }
  return isPlain(headers) ? headers : undefined
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  if (headers.host === undefined || unusual.some((name) => headers[name] !== undefined)) {
    return false
  }
  return headers.connection === undefined || /^keep-alive$/i.test(headers.connection)
}

/** Undefined where it is none that can be kept in memory. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length']
  if (length === undefined) return 0
  return /^\d{1,7}$/.test(length) ? Number(length) : undefined
}
