import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import type { HttpHandler } from '../../transport/exchange.ts'
import { createRestDoor } from '../rest/door.ts'
import type { RestCall, Route } from '../rest/routes.ts'
import { pageNotFound } from './api/errors.ts'
import { routes } from './routes.ts'

/** What the paths of this API begin with. */
export const coatcheckPrefix = '/coatcheck/v1/'

/** Coatcheck's own API: what concerns people and their tokens, and no single store. */
export function createCoatcheckDoor(domain: Domain, environment: Environment): HttpHandler {
  return createRestDoor<RestCall, Route<RestCall>>(domain, environment, {
    routes,
    allowedHeaders: 'Authorization, Content-Type',
    callOf: (call) => call,
    pageNotFound,
    addHeaders: (headers) => {
      // Who may do what is nobody else's business.
      headers['Cache-Control'] = 'no-store'
    },
  })
}
