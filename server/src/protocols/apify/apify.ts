import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transport/exchange.ts'
import type { JsonSchemas } from '../json/json-schema.ts'
import { type About, createRestDoor } from '../rest/door.ts'
import { getPlatformRoute } from './account/platform.ts'
import { type ApifyCall, type ApifyRoute, defaultRateLimit } from './call/call.ts'
import { pageNotFound } from './call/errors.ts'
import { routes } from './routes.ts'

// Browsers take no wildcard inside a name, so the clients' own headers are spelled out.
const allowedHeaders =
  'Authorization, Content-Type, Content-Encoding, X-Apify-Request-Origin, X-Apify-Workflow-Key, ' +
  'If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range'

/** The HTTP API of Apify's key-value stores, as the unmodified clients speak it. */
export function createApifyDoor(
  domain: Domain,
  environment: Environment,
  jsonSchemas: JsonSchemas,
): HttpHandler {
  return createRestDoor<ApifyCall, ApifyRoute>(domain, environment, {
    routes,
    allowedHeaders,
    callOf: (call) => ({ ...call, jsonSchemas }),
    getOtherRoute,
    overridesMethod: true,
    pageNotFound,
    addHeaders,
  })
}

function getOtherRoute(segments: readonly string[]): ApifyRoute | undefined {
  assertNoEmptyKey(segments)
  return getPlatformRoute(segments)
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

function addHeaders(headers: HttpReply['headers'], about: About<ApifyRoute>): void {
  headers['X-RateLimit-Limit'] = about.route?.rateLimit ?? defaultRateLimit
  if (about.isRefusal && isFromCommandLine(about.request)) headers.Connection = 'close'
}

/**
 * Apify's CLI may leave the body of a refusal unread, and then ends only when its connection does,
 * a minute later.
 */
function isFromCommandLine(request: HttpRequest): boolean {
  return /^(CLI|CI)$/.test(request.header('x-apify-request-origin') ?? '')
}
