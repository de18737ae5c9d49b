import type { Bytes } from '../../../core/kernel/bytes.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { WholeRecord } from '../../../core/records/record.ts'
import { batchesOf } from '../../../core/records/record-batch.ts'
import { recordsOf } from '../../../core/stores/seed.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { resumed } from '../../http/decoded-values.ts'
import { keyValuesParts } from '../../json/key-values.ts'
import { turnOf } from '../../rest/routes.ts'
import { whileAllowed } from '../../rest/while-allowed.ts'
import { answering } from '../page/answering.ts'
import type { PageCall } from '../page/call.ts'
import { assertKeysInScope, inProject, pageOf, type Use } from '../page/in-project.ts'
import { queryOf, readParameters } from './body.ts'
import { jsonReplyOf, parsePairs, readValueLengthMax, streamedJsonReply } from './wire.ts'

/**
 * GET get_key_values: an object of all values by their keys. Values that are not JSON, or too large
 * for doors that speak JSON, are left out.
 */
export function getKeyValues(call: PageCall): Promise<HttpReply> {
  return asUser(call, { action: 'read', extent: 'some' }, (store) =>
    pairsReply(
      call,
      store,
      keyValuesParts(store, () => turnOf(call)),
    ),
  )
}

/**
 * GET list_key_values?prefix=: the same of the keys that begin with the prefix. Pages may ask for
 * it if the owner lets them list that prefix.
 */
export function listKeyValues(call: PageCall): Promise<HttpReply> {
  const prefix = queryOf(call).prefix() ?? ''
  const page = pageOf(call, { listed: prefix })
  const use = { action: 'read', extent: 'some', page } as const
  const wanted = { prefix, ...(page && { lengthMax: readValueLengthMax }) }
  return answering(call, page, () =>
    inProject(call, use, (store) =>
      pairsReply(
        call,
        store,
        keyValuesParts(store, () => turnOf(call), wanted),
      ),
    ),
  )
}

/** A short object is sent as a whole. */
async function pairsReply(
  call: PageCall,
  store: Store,
  parts: AsyncGenerator<Bytes>,
): Promise<HttpReply> {
  const first = await parts.next()
  const second = first.done ? first : await parts.next()
  if (first.done || second.done) return jsonReplyOf(first.value ?? '', {})
  if (call.request.method === 'HEAD') {
    await parts.return(undefined)
    return streamedJsonReply('')
  }
  const value = Buffer.concat([first.value, second.value])
  return whileAllowed(streamedJsonReply(resumed({ value, done: false }, parts)), store)
}

/** GET project_has_data: whether there is any pair. */
export function projectHasData(call: PageCall): Promise<HttpReply> {
  return asUser(call, { action: 'read', extent: 'some' }, async (store) => {
    const { items } = await store.list({ prefix: '', startAfter: undefined, limit: 1 })
    return jsonReplyOf(String(items.length > 0), {})
  })
}

/**
 * PUT populate_key_values `key_values_json`: adds the pairs whose keys do not exist yet. Existing
 * values stay as they are.
 */
export function populateKeyValues(call: PageCall): Promise<HttpReply> {
  let read: ReturnType<typeof readParameters> | undefined
  return asUser(call, { action: 'write', extent: 'some' }, async (store) => {
    read ??= readParameters(call) // the body can be read only once
    const parameters = await store.whileAllowed(read)
    const pairs = parsePairs(parameters.jsonText('key_values_json'))
    assertKeysInScope(call, store, pairs.keys())
    const records = recordsOf([...pairs].map(([key, { text }]) => ({ key, json: text })))
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

/** For calls with a token only: pages never may do this. */
async function asUser(
  call: PageCall,
  use: Omit<Use, 'right'>,
  answer: (store: Store) => Promise<HttpReply>,
): Promise<HttpReply> {
  pageOf(call, undefined)
  return inProject(call, { ...use, page: undefined }, answer)
}

/** In one commit if all records fit into one, else in several. */
async function addAll(store: Store, records: readonly WholeRecord[]): Promise<void> {
  const keysBytes = records.reduce((sum, { key }) => sum + Buffer.byteLength(key), 0)
  const isOneBatch =
    records.length <= limits.batchRecordsMax && keysBytes <= limits.batchKeysBytesMax
  for (const batch of isOneBatch ? [records] : batchesOf(records)) await store.batch.add(batch)
}
