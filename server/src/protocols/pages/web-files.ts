import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { parseEntityTags } from '../http/entity-tags.ts'

/** A file that browsers load. */
export interface WebFile {
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** Lets pages of any origin load a file. */
export const forAnyOrigin = {
  'Access-Control-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
} as const

/** Serves one file; 304 if the client has it. `file` undefined: it was not built, so 404. */
export function createWebFileDoor(
  file: WebFile | undefined,
  ownHeaders: Readonly<Record<string, string>>,
): HttpHandler {
  const tag = file && `"${hash('sha256', file.bytes, 'base64url')}"`
  /** Made once, for the first browser that asks. */
  let packed: Promise<Uint8Array> | undefined
  return async (request) => {
    if (!file || tag === undefined) return notBuilt(ownHeaders)
    if (request.method !== 'GET' && request.method !== 'HEAD') return useGet(ownHeaders)
    const headers = { ...headersOf(tag), ...ownHeaders }
    const isPacked = acceptsGzip(request)
    if (hasAlready(request, tag)) return { status: 304, headers, body: '' }
    headers['Content-Type'] = file.contentType
    packed ??= isPacked ? pack(file.bytes) : undefined
    const body = isPacked && packed ? await packed : file.bytes
    if (isPacked) {
      headers['Content-Encoding'] = 'gzip'
      // These are other bytes, so the strong tag is not theirs.
      headers.ETag = `W/${tag}`
    }
    headers['Content-Length'] = body.length
    return { status: 200, headers, body }
  }
}

/** Browsers ask each time whether the file changed, because its URL contains no version. */
function headersOf(tag: string): HttpReply['headers'] {
  return {
    ETag: tag,
    'Cache-Control': 'no-cache',
    Vary: 'Accept-Encoding',
    'X-Content-Type-Options': 'nosniff',
  }
}

const pack = promisify(gzip)

function acceptsGzip(request: HttpRequest): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/i.test(request.header('accept-encoding') ?? '')
}

function hasAlready(request: HttpRequest, tag: string): boolean {
  const tags = parseEntityTags(request.header('if-none-match') ?? '')
  return tags === '*' || tags?.some(({ text }) => text === tag) === true
}

/** The reply to a request for a page or a file with another method than GET. */
export function useGet(ownHeaders: Readonly<Record<string, string>> = {}): HttpReply {
  const headers = { ...textHeaders, ...ownHeaders, Allow: 'GET, HEAD' }
  return { status: 405, headers, body: 'Use GET.\n' }
}

const textHeaders = { 'Content-Type': 'text/plain; charset=utf-8' } as const

function notBuilt(ownHeaders: Readonly<Record<string, string>>): HttpReply {
  const body =
    'This file was not built, because the server runs from sources: run `npm run build`.\n'
  return { status: 404, headers: { ...textHeaders, ...ownHeaders }, body }
}
