import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamedReply } from '../../composition/local-doors.ts'
import { ApiError, type LocalApi, pathOf } from '../api/local-api.ts'
import { findStore, type StoreData } from '../api/store-address.ts'
import { CommandError } from '../terminal/command-errors.ts'

const storePath = '/v2/key-value-stores/:store'
/** The pauses before a request is sent again after its connection was lost. */
const pausesMs = [200, 1_000, 3_000] as const

/** A value that a command sends; `open` may be called again only if `isRepeatable`. */
export interface SentValue {
  open(): AsyncIterable<Uint8Array>
  readonly isRepeatable: boolean
  /** In bytes; undefined: nobody knows yet. */
  readonly length: number | undefined
}

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
    const length = value?.length === undefined ? {} : { 'content-length': String(value.length) }
    const request = {
      method,
      path: pathOf(`${storePath}/record`, this.storeId),
      query: new URLSearchParams({ key }).toString(),
      headers: { ...headers, ...named, ...(value ? length : isWrite && { 'content-length': '0' }) },
    }
    const attempt = (): Promise<StreamedReply> =>
      this.#api.stream({ ...request, body: value?.open() })
    return value === undefined || value.isRepeatable ? persistently(attempt) : attempt()
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

  /** One page of the keys after the key `after`, as the API spells them. */
  page(query: { prefix: string; after: string | undefined }): Promise<KeyPageData> {
    return this.#api.ask<KeyPageData>('GET', pathOf(`${storePath}/keys`, this.storeId), {
      query: {
        limit: '1000',
        prefix: query.prefix === '' ? undefined : spelled(query.prefix),
        exclusiveStartKey: query.after,
      },
    })
  }
}

export interface KeyPageData {
  readonly items: readonly { readonly key: string; readonly size: number }[]
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
export function unspelled(spelling: string): string {
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

async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await attempt()
    } catch (error) {
      if (!isLost(error)) throw error
      await sleep(pauseMs)
    }
  }
  return attempt()
}

/** Whether the connection was lost, or never made: the server may come back. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'].includes(String(error.code))
}
