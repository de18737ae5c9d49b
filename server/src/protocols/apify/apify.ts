import type { Domain } from '../../core/domain.ts'
import { BytePool } from '../../core/kernel/bounds/byte-pool.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import { StorageError } from '../../core/kernel/errors.ts'
import { limits } from '../../core/kernel/limits.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transport/exchange.ts'
import { DecodedValues } from '../http/decoded-values.ts'
import type { JsonSchemas } from '../json/json-schema.ts'
import { type About, createRestDoor } from '../rest/door.ts'
import { getPlatformRoute } from './account/platform.ts'
import { type ApifyCall, type ApifyRoute, defaultRateLimit } from './call/call.ts'
import { pageNotFound } from './call/errors.ts'
import { routes } from './routes.ts'

// Browsers accept no wildcard inside a header name, so each header of the clients is listed.
const allowedHeaders =
  'Authorization, Content-Type, Content-Encoding, X-Apify-Request-Origin, X-Apify-Workflow-Key, ' +
  'If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range, Range, Idempotency-Key'

/** The HTTP API of Apify's key-value stores, as the unmodified clients speak it. */
export function createApifyDoor(
  domain: Domain,
  environment: Environment,
  jsonSchemas: JsonSchemas,
): HttpHandler {
  const decodedValues = new DecodedValues()
  const archives = new BytePool({
    bytesMax: limits.archivesBytesMax,
    ownerBytesMax: limits.archivesBytesOwnerMax,
  })
  const finds = new BytePool({
    bytesMax: limits.findsBytesMax,
    ownerBytesMax: limits.findsBytesOwnerMax,
  })
  const updates = new BytePool({
    bytesMax: limits.updatesBytesMax,
    ownerBytesMax: limits.updatesBytesOwnerMax,
  })
  return createRestDoor<ApifyCall, ApifyRoute>(domain, environment, {
    routes,
    allowedHeaders,
    callOf: (call) => ({ ...call, jsonSchemas, archives, finds, updates, decodedValues }),
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
 * Most URL libraries turn the record key `..` into the store's own path with a slash at the end. So
 * that path never means the store: deleting the record `..` would delete the whole store. Libraries
 * that leave out the slash too send the request of the store itself, which no server can tell
 * apart. Throws `record-key-invalid`.
 */
function assertNoEmptyKey(segments: readonly string[]): void {
  const isStoreAndSlash = segments.length === 5 && segments[4] === '' && segments[3] !== ''
  if (!isStoreAndSlash || segments[2] !== 'key-value-stores') return
  throw new StorageError('record-key-invalid', 'The path contains no record key.')
}

function addHeaders(headers: HttpReply['headers'], about: About<ApifyRoute>): void {
  // Records say by themselves how caches may keep them. All else may hold secrets and signed links.
  headers['Cache-Control'] ??= 'no-store'
  headers['X-RateLimit-Limit'] = about.route?.rateLimit ?? defaultRateLimit
  if (about.isRefusal && isFromCommandLine(about.request)) headers.Connection = 'close'
}

/**
 * Apify's CLI may leave the body of an error reply unread. It then exits only when its connection
 * closes, which takes a minute if the server does not close it.
 */
function isFromCommandLine(request: HttpRequest): boolean {
  return /^(CLI|CI)$/.test(request.header('x-apify-request-origin') ?? '')
}
