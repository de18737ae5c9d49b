import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/kernel/environment.ts'
import type { HttpHandler } from '../../transport/exchange.ts'
import { createRestDoor } from '../rest/door.ts'
import type { RestCall, Route } from '../rest/routes.ts'
import { pageNotFound } from './api/errors.ts'
import { routes } from './routes.ts'

/** The prefix of the paths of this API. */
export const coatcheckPrefix = '/coatcheck/v1/'

/** Coatcheck's own API: users, tokens, sessions, projects, search and the audit trail. */
export function createCoatcheckDoor(domain: Domain, environment: Environment): HttpHandler {
  return createRestDoor<RestCall, Route<RestCall>>(domain, environment, {
    routes,
    allowedHeaders: 'Authorization, Content-Type',
    callOf: (call) => call,
    pageNotFound,
    addHeaders: (headers) => {
      // Caches must not keep data about users and their rights.
      headers['Cache-Control'] = 'no-store'
    },
  })
}
