import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import { PageKeys } from '../../core/pages/page-keys.ts'
import type { HttpHandler, HttpReply } from '../../transport/exchange.ts'
import { createRestDoor } from '../rest/door.ts'
import type { Route } from '../rest/routes.ts'
import type { ApplabSettings, PageCall } from './page/call.ts'
import { failureReply, pageNotFound, refusalReply } from './page/errors.ts'
import { userHeader } from './page/page.ts'
import { PageRates } from './page/page-rates.ts'
import { PairsCap } from './page/pairs-cap.ts'
import { routes } from './routes.ts'

const allowedHeaders =
  'Content-Type, X-Requested-With, X-CSRF-Token, X-Page-Key, X-Page-User, If-Match, ' +
  'If-None-Match, Last-Event-ID, Authorization, Idempotency-Key'

/** The key/value storage of App Lab's pages, as code.org serves it. */
export function createApplabDoor(
  domain: Domain,
  environment: Environment,
  settings: ApplabSettings,
): HttpHandler {
  const turns = domain.createQueue()
  const services = {
    settings,
    turns,
    pageKeys: new PageKeys(environment),
    pairsCap: new PairsCap({ environment, turns }, settings.pairsMax),
    pageRates: new PageRates(environment),
  }
  return createRestDoor<PageCall, Route<PageCall>>(domain, environment, {
    routes,
    allowedHeaders,
    exposedHeaders: `ETag, ${userHeader}, Retry-After, Idempotency-Replayed`,
    callOf: (call) => ({ ...call, ...services }),
    pageNotFound,
    refusalReply,
    failureReply,
    addHeaders,
  })
}

/**
 * Replies hold data of people: no cache may store them, and no browser may take them for a page,
 * whatever they contain.
 */
function addHeaders(headers: HttpReply['headers']): void {
  headers['Cache-Control'] ??= 'no-store'
  headers['X-Content-Type-Options'] = 'nosniff'
}
