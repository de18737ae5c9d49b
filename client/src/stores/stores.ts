import { answerBytesMax } from '../http/bounds.ts'
import type { Caller } from '../http/caller.ts'
import { CoatcheckError, notUnderstood } from '../http/errors.ts'
import { type JsonValue, printJson } from '../json/json.ts'
import { memberOf } from '../json/json-value.ts'
import { type CallOptions, callPartsOf, storePathOf, storesPath } from '../records/address.ts'
import { askData, dataOf, jsonRequest } from './data.ts'
import { CoatcheckStore } from './store.ts'
import { type StoreInfo, storeInfoOf } from './store-info.ts'

export interface NewStoreOptions extends CallOptions {
  /** A store with a name is kept; without one it is deleted after 7 days without use. */
  readonly name?: string | undefined
  /** Apify's schema of key-value stores, for a new store alone. */
  readonly schema?: unknown
}

export interface ListStoresOptions extends CallOptions {
  /** Whether those without a name are listed too; false by default. */
  readonly unnamed?: boolean | undefined
  readonly newestFirst?: boolean | undefined
  /** Without it: the caller's own stores and those that are shared with the caller. */
  readonly ownership?: 'ownedByMe' | 'sharedWithMe' | undefined
  /** Stores for each request: 1,000 by default, and at most. */
  readonly pageSize?: number | undefined
}

const pageItemsMax = 1_000

/** The stores of the caller, and those that are shared with the caller. */
export class CoatcheckStores {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /**
   * Makes a store. Rejects with `name-not-unique` if the caller has one of that name. It is not
   * repeated after a failure of the network, when it may have been made.
   */
  async create(options: NewStoreOptions = {}): Promise<CoatcheckStore> {
    const { info, isNew } = await this.#open(options, 'refused')
    if (isNew) return new CoatcheckStore(this.#caller, info.id)
    const message = `There is a store with the name ${options.name} already.`
    throw new CoatcheckError(message, { status: 409, type: 'name-not-unique' })
  }

  /** The caller's store of that name, which is made if there is none. */
  async getOrCreate(
    name: string,
    options: Omit<NewStoreOptions, 'name'> = {},
  ): Promise<CoatcheckStore> {
    const { info } = await this.#open({ ...options, name }, 'safe')
    return new CoatcheckStore(this.#caller, info.id)
  }

  /** Undefined if there is no such store, or the caller may not see it by this name. */
  async get(idOrName: string, options: CallOptions = {}): Promise<StoreInfo | undefined> {
    const request = { method: 'GET', path: storePathOf(idOrName), ...callPartsOf(options) }
    try {
      return storeInfoOf(await askData(this.#caller, request))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /**
   * All stores, read page by page while the caller goes on. If stores are made or deleted
   * meanwhile, some may be left out or come twice.
   */
  async *list(options: ListStoresOptions = {}): AsyncGenerator<StoreInfo, void, undefined> {
    const { unnamed = false, newestFirst = false, ownership, pageSize = pageItemsMax } = options
    const flags = { unnamed: Number(unnamed), desc: Number(newestFirst), ownership }
    for (let offset = 0; ; ) {
      const data = await askData(this.#caller, {
        method: 'GET',
        path: storesPath,
        query: { ...flags, offset, limit: pageSize },
        ...callPartsOf(options),
      })
      const { items, total } = pageOf(data)
      yield* items
      offset += items.length
      if (items.length === 0 || offset >= total) return
    }
  }

  /** Deletes a store with all its records. Rejects with `store-not-found`. */
  async delete(idOrName: string, options: CallOptions = {}): Promise<void> {
    let isRepeated = false
    const onRepeat = (): void => {
      isRepeated = true
    }
    const parts = { onRepeat, ...callPartsOf(options) }
    try {
      await askData(this.#caller, { method: 'DELETE', path: storePathOf(idOrName), ...parts })
    } catch (error) {
      // An attempt whose answer was lost has deleted it.
      if (!(isRepeated && isMissing(error))) throw error
    }
  }

  async #open(
    { name, schema, ...options }: NewStoreOptions,
    repeat: 'safe' | 'refused',
  ): Promise<{ info: StoreInfo; isNew: boolean }> {
    const parts = { query: { name }, repeat, ...callPartsOf(options) }
    const request = { method: 'POST', path: storesPath, ...parts }
    const sent = schema === undefined ? request : jsonRequest(request, printJson({ schema }))
    return this.#caller.callWith(sent, async (answer) => ({
      info: storeInfoOf(dataOf(await answer.json(answerBytesMax))),
      isNew: answer.status === 201,
    }))
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof CoatcheckError && error.status === 404
}

/** Throws CoatcheckError `answer-not-understood`. */
function pageOf(data: JsonValue | undefined): { items: StoreInfo[]; total: number } {
  const items = memberOf(data, 'items')
  const total = memberOf(data, 'total')
  if (Array.isArray(items) && typeof total === 'number') {
    return { items: items.map(storeInfoOf), total }
  }
  throw notUnderstood(200, 'The server sent something else than a page of stores.')
}
