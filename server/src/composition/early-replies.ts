import { StorageError } from '../core/kernel/errors.ts'
import {
  failureReply as pageFailureReply,
  refusalReply as pageRefusalReply,
} from '../protocols/applab/page/errors.ts'
import { applabPrefix } from '../protocols/applab/routes.ts'
import { isHealthPath, startingReply } from '../protocols/coatcheck/api/health.ts'
import { internalErrorReply, RequestError, replyTo } from '../protocols/rest/errors.ts'
import { preflightReply } from '../protocols/rest/replies.ts'
import type { HttpReply, HttpRequest } from '../transport/exchange.ts'
import { failed, noRoom, type Refusal, type RefusedRequest } from '../transport/refusal.ts'

const misdirected = 421
/** Fetch Standard, 3.3.5: what makes a request with OPTIONS a preflight. */
const preflightHeader = 'access-control-request-method'

/** The reply to a request that comes before the doors are open: try again. */
export function replyWhileStarting(request: HttpRequest): HttpReply {
  const { method, path } = request
  if (method === 'OPTIONS') return replyToPreflight(request)
  if (isHealthPath(path)) return readable(startingReply(request))
  return errorReply(path, new StorageError('storage-unavailable', 'Coatcheck is starting.'))
}

/** The reply to a request that the transport refuses, in the form of the door at its path. */
export function replyToRefused(request: RefusedRequest, refusal: Refusal): HttpReply {
  const { method, path } = request
  const { message, ...answer } = refusal
  const isPreflight = method === 'OPTIONS' && request.header(preflightHeader) !== undefined
  if (isPreflight && refusal.status === misdirected) return replyToPreflight(request)
  if (refusal === failed) {
    return readable(isForPages(path) ? pageFailureReply() : internalErrorReply())
  }
  const error =
    refusal === noRoom ? new StorageError('store-busy', message) : new RequestError(answer, message)
  return errorReply(path, error)
}

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']
const usualHeaders = 'Authorization, Content-Type'

/** Without this answer, a page could not read the refusal of the request behind it. */
function replyToPreflight(request: RefusedRequest): HttpReply {
  return preflightReply(request, { methods, usualHeaders })
}

function errorReply(path: string, error: StorageError | RequestError): HttpReply {
  return readable(isForPages(path) ? pageRefusalReply(error) : replyTo(error))
}

function isForPages(path: string): boolean {
  return path.startsWith(applabPrefix)
}

/** Pages of every origin may read it, as they may read all replies of the doors. */
function readable(reply: HttpReply): HttpReply {
  reply.headers['Access-Control-Allow-Origin'] = '*'
  reply.headers['Access-Control-Expose-Headers'] = '*'
  reply.headers['Cache-Control'] = 'no-store'
  return reply
}
