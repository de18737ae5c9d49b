import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/environment.ts'
import { StorageError } from '../../core/errors.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transport/exchange.ts'
import type { JsonSchemas } from '../json-schema.ts'
import {
  internalErrorReply,
  methodNotAllowed,
  pageNotFound,
  RequestError,
  replyTo,
} from './errors.ts'
import { keyOfSegment } from './key-spelling.ts'
import { findPlatformRoute } from './platform.ts'
import { Query } from './query.ts'
import { type ApifyHandler, defaultRateLimit, type Method, type Route, routes } from './routes.ts'
import { emptyReply } from './wire.ts'

/** The HTTP API of Apify's key-value stores, as the unmodified clients speak it. */
export function createApifyDoor(
  domain: Domain,
  environment: Environment,
  jsonSchemas: JsonSchemas,
): HttpHandler {
  return async (request) => {
    let found: FoundRoute | undefined
    try {
      found = findRoute(request.path)
      if (!found) throw pageNotFound(request.path)
      const { route, store, key } = found
      if (request.method === 'OPTIONS') return preflight(route)
      const query = new Query(request.query)
      const handler = handlerOf(route, methodOf(request, query))
      const authenticated = domain.access.authenticate(tokenOf(request, query))
      const principal = authenticated instanceof Promise ? await authenticated : authenticated
      const services = { domain, environment, jsonSchemas }
      const reply = await handler({ ...services, request, principal, query, store, key })
      return withCommonHeaders(reply, { request, route })
    } catch (error) {
      if (error instanceof StorageError || error instanceof RequestError) {
        if (isOurs(error)) environment.logError(`${request.method} ${request.path}`, error)
        const reply = replyTo(error)
        if (isFromCommandLine(request)) reply.headers.Connection = 'close'
        return withCommonHeaders(reply, { request, route: found?.route })
      }
      environment.logError(`${request.method} ${request.path} failed`, error)
      return withCommonHeaders(internalErrorReply(), { request, route: found?.route })
    }
  }
}

/** What the keeper of this server should know: it is not the client that got something wrong. */
function isOurs(error: StorageError | RequestError): boolean {
  const isDamaged = error instanceof StorageError && error.code === 'record-damaged'
  return isDamaged || error.cause !== undefined
}

/**
 * Apify's CLI may leave the body of a refusal unread, and then ends only when its connection does,
 * a minute later.
 */
function isFromCommandLine(request: HttpRequest): boolean {
  return /^(CLI|CI)$/.test(request.header('x-apify-request-origin') ?? '')
}

interface FoundRoute {
  readonly route: Route
  readonly store: string
  readonly key: string | undefined
}

/** A GET may stand for another method: `?method=POST`. */
function methodOf(request: HttpRequest, query: Query): string {
  if (request.method !== 'GET') return request.method
  const method = query.text('method')?.toUpperCase() ?? 'GET'
  // The reply to a GET has the body that its headers speak of.
  return method === 'HEAD' ? 'GET' : method
}

function handlerOf({ methods }: Route, method: string): ApifyHandler {
  // A HEAD is a GET whose body stays here: Node sends none.
  const handler = isMethod(method) ? (methods[method] ?? headOf(methods, method)) : undefined
  if (handler) return handler
  throw methodNotAllowed(Object.keys(methods))
}

function headOf(methods: Route['methods'], method: Method): ApifyHandler | undefined {
  return method === 'HEAD' ? methods.GET : undefined
}

function isMethod(method: string): method is Method {
  return ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'].includes(method)
}

const bearer = 'Bearer '

/** The header goes before the query; a token in a URL is for links alone. */
function tokenOf(request: HttpRequest, query: Query): string | undefined {
  const header = request.header('authorization')
  if (header === undefined) return query.text('token')
  if (header.startsWith(bearer) && !header.endsWith(' ')) return header.slice(bearer.length)
  return /^bearer +(\S+) *$/i.exec(header)?.[1] ?? header
}

const routesByLength = Map.groupBy(
  routes.map((route) => ({ route, segments: route.path.split('/') })),
  ({ segments }) => segments.length,
)

/**
 * Every segment is decoded once; an empty one (a slash at the end or two in a row) is a segment
 * too.
 */
function findRoute(path: string): FoundRoute | undefined {
  const segments = path.split('/')
  const found = routesByLength.get(segments.length)?.find((one) => fits(one.segments, segments))
  if (!found) assertNoEmptyKey(segments)
  const route = found?.route ?? findPlatformRoute(segments)
  if (!route || segments[3] === '') return undefined
  return {
    route,
    store: keyOfSegment(segments[3] ?? '') ?? '',
    key: keyOfSegment(segments[5] ?? ''),
  }
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  // From behind, where routes of one length differ.
  for (let index = pattern.length - 1; index >= 0; index -= 1) {
    const expected = pattern[index] ?? ''
    if (expected !== segments[index] && !expected.startsWith(':')) return false
  }
  return true
}

/**
 * URL libraries turn the record key `..` into the store's own path with a slash behind it. That
 * must never mean the store: deleting the record `..` would delete it.
 */
function assertNoEmptyKey(segments: readonly string[]): void {
  const isStoreAndSlash = segments.length === 5 && segments[4] === '' && segments[3] !== ''
  if (!isStoreAndSlash || segments[2] !== 'key-value-stores') return
  throw new StorageError('record-key-invalid', 'The path spells no record key.')
}

// Browsers take no wildcard inside a name, so the clients' own headers are spelled out.
const allowedHeaders =
  'Authorization, Content-Type, Content-Encoding, X-Apify-Request-Origin, X-Apify-Workflow-Key, ' +
  'If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range'

/** Browsers ask first: any page may call, since the token and never a cookie says who is asking. */
function preflight(route: Route): HttpReply {
  return emptyReply(204, {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': ['OPTIONS', ...Object.keys(route.methods)].join(','),
    'Access-Control-Allow-Headers': allowedHeaders,
    'Access-Control-Max-Age': '86400',
  })
}

/** Any page may read any reply, and all its headers: the token says who is asking. */
function withCommonHeaders(
  reply: HttpReply,
  { request, route }: { request: HttpRequest; route: Route | undefined },
): HttpReply {
  const { headers } = reply
  headers['X-RateLimit-Limit'] = route?.rateLimit ?? defaultRateLimit
  headers['Access-Control-Allow-Origin'] = '*'
  if (request.header('origin') !== undefined) headers['Access-Control-Expose-Headers'] = '*'
  return reply
}
