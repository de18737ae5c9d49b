import { StorageError } from '../core/kernel/errors.ts'
import { refusalReply as pageRefusalReply } from '../protocols/applab/page/errors.ts'
import { applabPrefix } from '../protocols/applab/routes.ts'
import { isHealthPath, startingReply } from '../protocols/coatcheck/api/health.ts'
import { RequestError, replyTo } from '../protocols/rest/errors.ts'
import { preflightReply } from '../protocols/rest/replies.ts'
import type { HttpReply, HttpRequest } from '../transport/exchange.ts'
import type { Refusal } from '../transport/refusal.ts'

/** The reply to a request that comes before the doors are open: try again. */
export function replyWhileStarting(request: HttpRequest): HttpReply {
  const { method, path } = request
  // Without this answer, a page could not read the refusal of the request behind it.
  if (method === 'OPTIONS') return preflightReply(request, { methods, usualHeaders })
  if (isHealthPath(path)) return readable(startingReply(request))
  return errorReply(path, new StorageError('storage-unavailable', 'Coatcheck is starting.'))
}

/** The reply to a request that the transport refuses, in the form of the door at its path. */
export function replyToRefused(path: string, { message, ...answer }: Refusal): HttpReply {
  return errorReply(path, new RequestError(answer, message))
}

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']
const usualHeaders = 'Authorization, Content-Type'

function errorReply(path: string, error: StorageError | RequestError): HttpReply {
  return readable(path.startsWith(applabPrefix) ? pageRefusalReply(error) : replyTo(error))
}

/** Pages of every origin may read it, as they may read all replies of the doors. */
function readable(reply: HttpReply): HttpReply {
  reply.headers['Access-Control-Allow-Origin'] = '*'
  reply.headers['Access-Control-Expose-Headers'] = '*'
  reply.headers['Cache-Control'] = 'no-store'
  return reply
}
