import { answerBytesMax } from '../http/bounds.ts'
import { notUnderstood } from '../http/errors.ts'
import type { JsonValue } from '../json/json.ts'
import { memberOf } from '../json/json-value.ts'
import {
  type CallOptions,
  callPartsOf,
  keyOfSpelling,
  type StoreAddress,
  spellingOf,
} from './address.ts'
import { inParallel, parallelUsual } from './in-parallel.ts'
import { getRecord, type ReadOptions } from './read.ts'
import type { StoredRecord } from './record.ts'

/** The most that a server lists at a time. */
const pageItemsMax = 1_000

export interface KeysOptions extends CallOptions {
  /** Only keys that begin with it. */
  readonly prefix?: string | undefined
  /** Begins behind this key. */
  readonly startAfter?: string | undefined
  /** Keys for each request: 1,000 by default, and at most. */
  readonly pageSize?: number | undefined
}

export interface ListedKey {
  readonly key: string
  /** Of the stored bytes. */
  readonly size: number
}

export interface EntriesOptions extends KeysOptions, ReadOptions {
  /** How many records are read at the same time; 8 by default. */
  readonly parallel?: number | undefined
}

/** Keys in the order of their UTF-8 bytes, read page by page while the caller goes on. */
export async function* listKeys(
  { caller, path }: StoreAddress,
  options: KeysOptions = {},
): AsyncGenerator<ListedKey, void, undefined> {
  const { prefix, startAfter, pageSize = pageItemsMax } = options
  const spelledPrefix = prefix === undefined ? undefined : spellingOf(prefix)
  let after = startAfter === undefined ? undefined : spellingOf(startAfter)
  for (;;) {
    const query = { prefix: spelledPrefix, exclusiveStartKey: after, limit: pageSize }
    const request = { method: 'GET', path: `${path}/keys`, query, ...callPartsOf(options) }
    const page = await caller.callWith(request, async (answer) =>
      pageOf(await answer.json(answerBytesMax)),
    )
    yield* page.items
    if (page.next === undefined) return
    if (page.next === after) throw notUnderstood(200, 'A page of keys names itself as the next.')
    after = page.next
  }
}

/**
 * Records with their values, in the order of their keys. Keys whose records are deleted meanwhile
 * are left out.
 */
export async function* listEntries(
  store: StoreAddress,
  options: EntriesOptions = {},
): AsyncGenerator<StoredRecord, void, undefined> {
  const read = ({ key }: ListedKey) => getRecord(store, key, options)
  const { parallel = parallelUsual } = options
  for await (const record of inParallel(listKeys(store, options), parallel, read)) {
    if (record) yield record
  }
}

interface Page {
  readonly items: readonly ListedKey[]
  readonly next: string | undefined
}

/** Throws CoatcheckError `answer-not-understood`. */
function pageOf(body: JsonValue): Page {
  const data = memberOf(body, 'data')
  const items = memberOf(data, 'items')
  const next = memberOf(data, 'nextExclusiveStartKey') ?? undefined
  if (!Array.isArray(items) || !(next === undefined || typeof next === 'string')) {
    throw notUnderstood(200, 'The server sent something else than a page of keys.')
  }
  return { items: items.map(listedKeyOf), next }
}

function listedKeyOf(item: JsonValue): ListedKey {
  const key = memberOf(item, 'key')
  if (typeof key !== 'string') throw notUnderstood(200, 'The server listed a key that is no text.')
  return { key: keyOfSpelling(key), size: Number(memberOf(item, 'size')) }
}
