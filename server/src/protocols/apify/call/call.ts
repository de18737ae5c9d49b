import type { BytePool } from '../../../core/kernel/bounds/byte-pool.ts'
import type { DecodedValues } from '../../http/decoded-values.ts'
import type { JsonSchemas } from '../../json/json-schema.ts'
import type { RestCall, RestHandler, Route } from '../../rest/routes.ts'

/** One authenticated call of the API. `subject` is a store's id or `username~name`, or a user. */
export interface ApifyCall extends RestCall {
  readonly jsonSchemas: JsonSchemas
  /** The memory of all archives that are being made. */
  readonly archives: BytePool
  /** The memory of all searches by value. */
  readonly finds: BytePool
  /** The memory of all long values that are being updated. */
  readonly updates: BytePool
  readonly decodedValues: DecodedValues
  /** True for endpoints that accept every key, not only the keys of Apify's own store. */
  readonly takesAnyKey?: boolean
}

export type ApifyHandler = RestHandler<ApifyCall>

export interface ApifyRoute extends Route<ApifyCall> {
  /** Requests per second and store, for `X-RateLimit-Limit`. Coatcheck does not enforce it. */
  readonly rateLimit: string
}

/** The rate limit that Apify documents for a resource, for `X-RateLimit-Limit`. */
export const defaultRateLimit = '60'
