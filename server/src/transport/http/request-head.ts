import type { IncomingHttpHeaders } from 'node:http'
import { limits } from '../../core/kernel/limits.ts'

/** The head of a plain request, which has nothing unusual. */
export interface RequestHead {
  readonly method: string
  /** Begins with a slash. */
  readonly url: string
  /** By names in lower case; no name occurs twice. */
  readonly headers: IncomingHttpHeaders
  /** The lines that `headers` were read from. */
  readonly lines: string
  /** Where in the bytes the body begins, and how many bytes it has. */
  readonly bodyStart: number
  readonly bodyBytes: number
}

const headEnd = Buffer.from('\r\n\r\n')
const lineEnd = '\r\n'
const requestLine = /^(GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS) (\/[!-~]*) HTTP\/1\.1$/
/**
 * RFC 9110, 5.6.2 and 5.5, but no `obs-text` in values. Each part of the pattern is followed by a
 * character that the part can't contain. So no line is scanned twice, whatever is in it.
 */
const headerLine = /([\w!#$%&'*+\-.^`|~]+):([\t -~]*)\r\n/y
/** Headers that need more than one request and its reply, or another protocol. */
const unusual = ['transfer-encoding', 'upgrade', 'expect', 'http2-settings', 'proxy-connection']

/**
 * Reads the head at the front of `bytes`. Undefined if it is incomplete, or if anything about it is
 * not plain: then `node:http` decides. So this accepts some of the requests that RFC 9112 allows,
 * and no others. `previous`: the head before it on the connection; clients mostly repeat its
 * headers.
 */
export function readHead(bytes: Buffer, previous?: RequestHead): RequestHead | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0 || end > limits.httpHeadBytesMax) return undefined
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
  // As in `node:http`, a name such as `__proto__` is a header like any other.
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

/** The length of the body; undefined if it is invalid or too large to keep in memory. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length']
  if (length === undefined) return 0
  return /^\d{1,7}$/.test(length) ? Number(length) : undefined
}
