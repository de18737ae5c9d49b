import { Caller, type CallerOptions } from '../http/caller.ts'
import type { JsonValue } from '../json/json.ts'
import { printJson } from '../json/json.ts'
import { type CallOptions, callPartsOf } from '../records/address.ts'
import { askData, jsonRequest } from './data.ts'
import { CoatcheckStore } from './store.ts'
import { CoatcheckStores } from './stores.ts'

export type CoatcheckClientOptions = CallerOptions

export interface ApiCallOptions extends CallOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/**
 * A client of a Coatcheck server over HTTP. It holds no connection open, and needs no closing.
 */
export class CoatcheckClient {
  /** The stores of the caller. */
  readonly stores: CoatcheckStores
  readonly #caller: Caller

  /** Sends nothing. Throws TypeError for an address that is none. */
  constructor(options: CoatcheckClientOptions) {
    this.#caller = new Caller(options)
    this.stores = new CoatcheckStores(this.#caller)
  }

  /**
   * A store by its id, by `user~name`, or by the name of one of the caller's own stores. Sends
   * nothing. A name of 17 letters and digits looks like an id: write `~name`.
   */
  store(idOrName: string): CoatcheckStore {
    return new CoatcheckStore(this.#caller, idOrName)
  }

  /**
   * Any other call of the server's HTTP API, such as `api('GET', '/coatcheck/v1/me')`. Resolves
   * with the `data` of the answer. `path` is percent-encoded.
   */
  api(method: string, path: string, options: ApiCallOptions = {}): Promise<JsonValue | undefined> {
    const { query, body } = options
    const isRead = method === 'GET'
    const request = {
      method,
      path,
      ...(query && { query }),
      // Nobody knows here what it does twice.
      repeat: isRead ? ('safe' as const) : ('refused' as const),
      ...callPartsOf(options),
    }
    return askData(
      this.#caller,
      body === undefined ? request : jsonRequest(request, printJson(body)),
    )
  }
}
