import type { ApifyClient } from 'apify-client'
import { beforeAll } from 'vitest'
import type { Config } from '../../../src/installation/config.ts'
import { type Asked, ownerRequests, type PlainReply } from './plain-request.ts'
import { type UsedServer, useTestServer } from './test-server.ts'

type StoreClient = ReturnType<ApifyClient['keyValueStore']>
type Headers = Readonly<Record<string, string>>

/** A store, and what its owner asks the Apify door for. The store is there once the tests run. */
export interface TestStore {
  readonly server: UsedServer
  storeId(): string
  /** The store through Apify's client. */
  client(): StoreClient
  keys(): Promise<string[]>
  /** The path of a record. */
  path(key: string): string
  ask(path: string, asked?: Asked): Promise<PlainReply>
  get(key: string, headers?: Headers): Promise<PlainReply>
  put(key: string, body: string | Uint8Array, headers?: Headers): Promise<PlainReply>
  /** The head of a PUT of a record, for a raw connection. */
  putHead(key: string, headers: readonly string[]): string
}

/** One server with one store for all tests of a `describe`. */
export function useTestStore(settings: Partial<Config> = {}): TestStore {
  const server = useTestServer(settings)
  const ask = ownerRequests(server)
  let storeId = ''
  beforeAll(async () => {
    storeId = (await server.client().keyValueStores().getOrCreate('test-store')).id
  })
  const client = (): StoreClient => server.client().keyValueStore(storeId)
  const path = (key: string): string => `/v2/key-value-stores/${storeId}/records/${key}`
  return {
    server,
    storeId: () => storeId,
    client,
    keys: async () => (await client().listKeys()).items.map(({ key }) => key),
    path,
    ask,
    get: (key, headers = {}) => ask(path(key), { headers }),
    put: (key, body, headers = {}) => ask(path(key), { method: 'PUT', body, headers }),
    putHead: (key, headers) => {
      const authorization = `Authorization: Bearer ${server.token()}`
      const lines = [`PUT ${path(key)} HTTP/1.1`, 'Host: localhost', authorization, ...headers]
      return `${lines.join('\r\n')}\r\n\r\n`
    },
  }
}
