import type { JsonSchemas } from '../../json/json-schema.ts'
import type { RestCall, RestHandler, Route } from '../../rest/routes.ts'

/** One call of the API, its caller known. `store` is a store's id or `username~name`, or a user. */
export interface ApifyCall extends RestCall {
  readonly jsonSchemas: JsonSchemas
  /** True where records have any key, not only those that Apify's own store would take. */
  readonly takesAnyKey?: boolean
}

export type ApifyHandler = RestHandler<ApifyCall>

export interface ApifyRoute extends Route<ApifyCall> {
  /** Requests a second and store, for `X-RateLimit-Limit`: nothing is refused. */
  readonly rateLimit: string
}

/** The number that Apify documents for a resource: for `X-RateLimit-Limit`. */
export const defaultRateLimit = '60'
