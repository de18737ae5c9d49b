import { hash } from 'node:crypto'
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

/** Answers with the file; with 304 who has it already. Undefined: it was not built. */
export function createWebFileDoor(
  file: WebFile | undefined,
  ownHeaders: Readonly<Record<string, string>>,
): HttpHandler {
  const tag = file && `"${hash('sha256', file.bytes, 'base64url')}"`
  return async (request) => {
    if (!file || tag === undefined) return notBuilt()
    if (request.method !== 'GET' && request.method !== 'HEAD') return useGet()
    const headers = { ...headersOf(tag), ...ownHeaders }
    if (hasAlready(request, tag)) return { status: 304, headers, body: '' }
    headers['Content-Type'] = file.contentType
    headers['Content-Length'] = file.bytes.length
    return { status: 200, headers, body: file.bytes }
  }
}

/** Its next version is asked for each time: pages name no version. */
function headersOf(tag: string): HttpReply['headers'] {
  return { ETag: tag, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' }
}

function hasAlready(request: HttpRequest, tag: string): boolean {
  const tags = parseEntityTags(request.header('if-none-match') ?? '')
  return tags === '*' || tags?.some(({ text }) => text === tag) === true
}

function useGet(): HttpReply {
  return { status: 405, headers: { Allow: 'GET, HEAD' }, body: 'Use GET.\n' }
}

function notBuilt(): HttpReply {
  const body = 'This server was started from its sources alone: run `npm run build`.\n'
  return { status: 404, headers: { 'Content-Type': 'text/plain' }, body }
}
