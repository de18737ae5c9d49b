import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamedReply } from '../../composition/local-doors.ts'
import { limits } from '../../core/kernel/limits.ts'
import { ConnectionError } from '../api/connection-errors.ts'
import { ApiError, type LocalApi, pathOf } from '../api/local-api.ts'
import { findStore, type StoreData } from '../api/store-address.ts'
import { CommandError } from '../terminal/command-errors.ts'
import type { SentValue } from './sent-value.ts'

const storePath = '/v2/key-value-stores/:store'
/** The pauses before a request is sent again after its connection was lost. */
const pausesMs = [200, 1_000, 3_000] as const

export interface RecordRequest {
  readonly method: string
  readonly key: string
  readonly headers?: Readonly<Record<string, string>>
  readonly value?: SentValue
}

/** The records of one store, as commands use them. */
export class RecordApi {
  readonly #api: LocalApi
  readonly storeId: string

  private constructor(api: LocalApi, storeId: string) {
    this.#api = api
    this.storeId = storeId
  }

  /** Finds the store that a text means. Throws CommandError. */
  static async of(api: LocalApi, text: string): Promise<RecordApi> {
    const { id } = api.isRemote ? await remoteStore(api, text) : await findStore(api, text)
    return new RecordApi(api, id)
  }

  /**
   * Sends a request for one record. It is sent again if the connection is lost and its value can be
   * read again: by its name, the server does it once. Throws ApiError, CommandError.
   */
  async send({ method, key, headers, value }: RecordRequest): Promise<StreamedReply> {
    const isWrite = method !== 'GET'
    const named = isWrite ? { 'idempotency-key': randomUUID() } : {}
    const length = value ? value.length : isWrite ? 0 : undefined
    const request = {
      method,
      path: pathOf(`${storePath}/record`, this.storeId),
      query: new URLSearchParams({ key }).toString(),
      headers: {
        ...headers,
        ...named,
        ...(length !== undefined && { 'content-length': String(length) }),
      },
    }
    const attempt = (): Promise<StreamedReply> =>
      this.#api.stream({ ...request, body: value?.parts() })
    const mayRepeat = (): boolean => value?.isRepeatable ?? true
    try {
      return await persistently(this.#api, attempt, mayRepeat)
    } catch (error) {
      if (!(error instanceof ConnectionError) || mayRepeat()) throw error
      const bound = `more than ${limits.heldPipeBytesMax} bytes`
      const why = `The value came from a pipe and has ${bound}, so it could not be sent again.`
      throw new CommandError(`${error.message} ${why}`)
    }
  }

  /** The changes as server-sent events, after the event `after`. */
  changes({ prefix, after }: { prefix: string; after: string }): Promise<StreamedReply> {
    return this.#api.stream({
      method: 'GET',
      path: pathOf(`${storePath}/changes`, this.storeId),
      query: new URLSearchParams({ prefix, ...(after && { after }) }).toString(),
      headers: {},
    })
  }

  /** All records whose keys begin with the prefix, in the order of their keys, page by page. */
  async *pages({ prefix }: { prefix: string }): AsyncGenerator<readonly ListedRecord[]> {
    const path = pathOf(`${storePath}/keys`, this.storeId)
    const selected = { details: '1', limit: '1000', ...(prefix && { prefix: spelled(prefix) }) }
    let exclusiveStartKey: string | undefined
    do {
      const query = { ...selected, exclusiveStartKey }
      const page = await persistently(this.#api, () =>
        this.#api.ask<KeyPageData>('GET', path, { query }),
      )
      yield page.items.map(({ recordPublicUrl: _, ...item }) => ({
        ...item,
        key: unspelled(item.key),
      }))
      exclusiveStartKey = page.nextExclusiveStartKey ?? undefined
    } while (exclusiveStartKey !== undefined)
  }
}

/** A record, as commands list it. */
export interface ListedRecord {
  readonly key: string
  readonly size: number
  readonly contentType?: string
  readonly contentEncoding?: string
  /** A time in the API's format. */
  readonly modifiedAt?: string
  readonly revision?: number
}

interface KeyPageData {
  readonly items: readonly (ListedRecord & { readonly recordPublicUrl: string })[]
  readonly nextExclusiveStartKey: string | null
}

/** The API's spelling of a key: every byte outside Apify's alphabet is percent-encoded. */
function spelled(key: string): string {
  const bytes = (char: string): string =>
    Array.from(
      Buffer.from(char),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join('')
  return key.replace(/[^a-zA-Z0-9!\-_.'()]/gu, bytes)
}

/** The key of the API's spelling. */
function unspelled(spelling: string): string {
  try {
    return decodeURIComponent(spelling)
  } catch (error) {
    if (error instanceof URIError) return spelling
    throw error
  }
}

/** A store of a server that the user named: only those that the token may read. */
async function remoteStore(api: LocalApi, text: string): Promise<Pick<StoreData, 'id'>> {
  const addresses = text.includes('~') ? [text] : [text, `~${text}`]
  for (const address of addresses) {
    try {
      return await api.ask<StoreData>('GET', pathOf(storePath, address))
    } catch (error) {
      const isMissing = error instanceof ApiError && [403, 404].includes(error.status)
      if (!isMissing) throw error
    }
  }
  throw new CommandError(`There is no store ${text} that this token may read.`)
}

/** Tries again after a lost connection. Throws what the last attempt threw. */
async function persistently<T>(
  api: LocalApi,
  attempt: () => Promise<T>,
  mayRepeat: () => boolean = () => true,
): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof ConnectionError) || !mayRepeat()) throw error
      // A server that is started again may listen elsewhere, and has another secret.
      await api.close()
      await sleep(pauseMs)
    }
  }
  return attempt()
}

/** The revision that a reply names. */
export function revisionOf({ headers }: StreamedReply): number {
  return Number(/^(?:W\/)?"(\d+)/.exec(headers.etag ?? '')?.[1] ?? 0)
}
