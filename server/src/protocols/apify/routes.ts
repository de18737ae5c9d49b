import type { Principal } from '../../core/access.ts'
import type { Domain } from '../../core/domain.ts'
import type { Environment } from '../../core/environment.ts'
import type { HttpReply, HttpRequest } from '../../transport/exchange.ts'
import type { JsonSchemas } from '../json-schema.ts'
import { getArchive } from './archive.ts'
import { listKeys } from './keys.ts'
import type { Query } from './query.ts'
import { deleteRecord, getRecord, headRecord, putRecord } from './records.ts'
import { createStore, deleteStore, getStore, listStores, updateStore } from './stores.ts'

/** One call of the API, its caller known. */
export interface ApifyCall {
  readonly domain: Domain
  readonly environment: Environment
  readonly jsonSchemas: JsonSchemas
  readonly request: HttpRequest
  readonly principal: Principal
  readonly query: Query
  /** The store's part of the path, decoded once: an id or `username~name`. */
  readonly store: string
  /** The record's part of the path, decoded once. Undefined where it spells no text. */
  readonly key: string | undefined
}

export type ApifyHandler = (call: ApifyCall) => Promise<HttpReply>

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'

export interface Route {
  /** `:store` and `:key` stand for one segment each. */
  readonly path: string
  /** Requests a second and store, for `X-RateLimit-Limit`: nothing is refused. */
  readonly rateLimit: number
  readonly methods: Partial<Readonly<Record<Method, ApifyHandler>>>
}

// The numbers that Apify documents for a resource, and for its records.
const rateLimit = 60
const recordRateLimit = 200

/** Every endpoint of this door. */
export const routes: readonly Route[] = [
  {
    path: '/v2/key-value-stores',
    rateLimit,
    methods: { GET: listStores, POST: createStore },
  },
  {
    path: '/v2/key-value-stores/:store',
    rateLimit,
    methods: { GET: getStore, PUT: updateStore, DELETE: deleteStore },
  },
  {
    path: '/v2/key-value-stores/:store/keys',
    rateLimit,
    methods: { GET: listKeys },
  },
  {
    path: '/v2/key-value-stores/:store/records',
    rateLimit,
    methods: { GET: getArchive },
  },
  {
    path: '/v2/key-value-stores/:store/records/:key',
    rateLimit: recordRateLimit,
    methods: {
      GET: getRecord,
      HEAD: headRecord,
      PUT: putRecord,
      POST: putRecord,
      DELETE: deleteRecord,
    },
  },
]
