import type { Bytes } from '../../core/engine.ts'
import { limits } from '../../core/limits.ts'
import type { RecordHead, StoreRecord, WholeRecord } from '../../core/record.ts'
import { batchesOf } from '../../core/record-batch.ts'
import type { Store } from '../../core/store.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { jsonType } from '../json-value.ts'
import { whileAllowed } from '../rest/while-allowed.ts'
import { readParameters } from './body.ts'
import type { PageCall } from './call.ts'
import { assertKeysInScope, inProject, pageOf, type Use } from './in-project.ts'
import { readableText } from './read-value.ts'
import { jsonReplyOf, parsePairs, streamedJsonReply } from './wire.ts'

/** As much of a reply as is written at once. */
const partLength = 65_536

/**
 * GET get_key_values: an object of all values by their keys. What is no JSON, and what is too large
 * for pages, is left out.
 */
export function getKeyValues(call: PageCall): Promise<HttpReply> {
  return asUser(call, { action: 'read', extent: 'some' }, async (store) => {
    const first = await store.list({ prefix: '', startAfter: undefined, limit: pageLength })
    if (first.items.length === 0) return jsonReplyOf('{}', {})
    return whileAllowed(streamedJsonReply(objectOf(store, pagesBehind(store, first))), store)
  })
}

/** GET project_has_data: whether there is any pair. */
export function projectHasData(call: PageCall): Promise<HttpReply> {
  return asUser(call, { action: 'read', extent: 'some' }, async (store) => {
    const { items } = await store.list({ prefix: '', startAfter: undefined, limit: 1 })
    return jsonReplyOf(String(items.length > 0), {})
  })
}

/**
 * PUT populate_key_values `key_values_json`: those pairs whose keys are not there. What is there
 * stays as it is.
 */
export function populateKeyValues(call: PageCall): Promise<HttpReply> {
  let read: ReturnType<typeof readParameters> | undefined
  return asUser(call, { action: 'write', extent: 'some' }, async (store) => {
    read ??= readParameters(call) // the body comes once
    const parameters = await store.whileAllowed(read)
    const pairs = parsePairs(parameters.jsonText('key_values_json'))
    assertKeysInScope(call, store, pairs.keys())
    const records = [...pairs].map(([key, { text }]) => recordOf(key, text))
    await call.pairsCap.run(store, [...pairs.keys()], () => addAll(store, records))
    return jsonReplyOf('true', {})
  })
}

/** DELETE clear_all_data */
export function clearAllData(call: PageCall): Promise<HttpReply> {
  return asUser(call, { action: 'write', extent: 'all' }, async (store) => {
    await store.clear()
    return jsonReplyOf('true', {})
  })
}

/** For whoever comes with a token: pages never may. */
async function asUser(
  call: PageCall,
  use: Omit<Use, 'right'>,
  answer: (store: Store) => Promise<HttpReply>,
): Promise<HttpReply> {
  pageOf(call, undefined)
  return inProject(call, { ...use, page: undefined }, answer)
}

/** `text` is strict JSON. */
function recordOf(key: string, text: string): WholeRecord {
  return { key, contentType: jsonType, bytes: Buffer.from(text), jsonState: 'sound' }
}

/** In one commit, where one takes them all. */
async function addAll(store: Store, records: readonly WholeRecord[]): Promise<void> {
  const keysBytes = records.reduce((sum, { key }) => sum + Buffer.byteLength(key), 0)
  const isOneBatch =
    records.length <= limits.batchRecordsMax && keysBytes <= limits.batchKeysBytesMax
  for (const batch of isOneBatch ? [records] : batchesOf(records)) await store.batch.add(batch)
}

/** Of the longest keys, as many as one batch reads. */
const pageLength = 400

type RecordPage = Awaited<ReturnType<Store['list']>>

/** A page at a time; what comes and goes behind the page is seen or not, and breaks nothing. */
async function* pagesBehind(
  store: Store,
  first: RecordPage,
): AsyncGenerator<readonly RecordHead[]> {
  let page = first
  for (;;) {
    yield page.items
    const startAfter = page.items.at(-1)?.key
    if (!page.isTruncated || startAfter === undefined) return
    page = await store.list({ prefix: '', startAfter, limit: pageLength })
  }
}

async function* objectOf(
  store: Store,
  pages: AsyncIterable<readonly RecordHead[]>,
): AsyncGenerator<Bytes> {
  let text = ''
  let separator = '{'
  for await (const heads of pages) {
    for await (const { key, json } of pairsOf(store, heads)) {
      text += `${separator}${JSON.stringify(key)}:${json}`
      separator = ','
      if (text.length < partLength) continue
      yield Buffer.from(text)
      text = ''
    }
  }
  yield Buffer.from(`${text}${separator === '{' ? '{' : ''}}`)
}

async function* pairsOf(
  store: Store,
  heads: readonly RecordHead[],
): AsyncGenerator<{ key: string; json: string }> {
  for (const record of await store.batch.get(heads.map(({ key }) => key))) {
    const json = record && (await readableTextOf(store, record))
    if (record && json !== undefined) yield { key: record.key, json }
  }
}

/** Nothing larger is read, only to be left out. */
async function readableTextOf(store: Store, record: StoreRecord): Promise<string | undefined> {
  return record.size > storedBytesMax ? undefined : readableText(store, record)
}

/** Each character of what pages can read is stored in at most three bytes. */
const storedBytesMax = 3 * 1_048_576
