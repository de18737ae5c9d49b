import type { Revision } from '../../../core/engine/engine.ts'
import type { HttpRequest } from '../../../transport/exchange.ts'
import { RequestError } from '../errors.ts'
import type { Query } from '../query.ts'

/**
 * The revision after which a client wants to go on: of its last event, or as the query says.
 * Undefined: it begins now. Throws RequestError `invalid-request`.
 */
export function resumeOf(request: Pick<HttpRequest, 'header'>, query: Query): Revision | undefined {
  const text = request.header('last-event-id') || query.given('after')
  if (text === undefined) return undefined
  const revision = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(revision)) return revision
  throw new RequestError(
    { status: 400, type: 'invalid-request' },
    'Last-Event-ID and after must be a revision that an event has given: a whole number',
  )
}
