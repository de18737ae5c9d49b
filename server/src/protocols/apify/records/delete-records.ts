import { keyPrefixOf } from '../../../core/access/access.ts'
import { limits } from '../../../core/kernel/limits.ts'
import {
  assertWithin,
  deleteKeys,
  deletePrefix,
  deleteSome,
} from '../../../core/stores/delete-many.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { jsonReply } from '../../rest/replies.ts'
import { turnOf } from '../../rest/routes.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { keyOfSpelling } from '../call/key-spelling.ts'

/**
 * POST /v2/key-value-stores/{store}/delete-records `{"keys": [...]}` or `{"prefix", "limit"}`:
 * replies with the number of deleted records. Each record is deleted by itself, so a failure
 * half-way leaves the rest in place. With `limit` at most so many are deleted, and `isTruncated`
 * says whether there may be more.
 */
export async function deleteRecords(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'write', extent: 'some' })
  const body = await readJsonObject(call, { isOptional: false })
  const data = await deleteWanted(call, store, new Fields(body, ['keys', 'prefix', 'limit']))
  return jsonReply(200, { data })
}

interface Deleted {
  readonly deletedCount: number
  readonly isTruncated?: boolean
}

async function deleteWanted(call: ApifyCall, store: Store, fields: Fields): Promise<Deleted> {
  const keys = fields.texts('keys')
  const prefix = fields.text('prefix')
  const limit = fields.countUpTo(limits.pageItemsMax, 'limit')
  if ((keys === undefined) === (prefix === undefined)) {
    throw invalidField('the body must have either keys or prefix')
  }
  if (keys === undefined) return deleteBeginning(call, store, { spelling: prefix ?? '', limit })
  if (limit !== undefined) throw invalidField('limit is possible with prefix only')
  if (keys.length > limits.deletedKeysMax) {
    throw invalidField(`keys may have at most ${limits.deletedKeysMax} items`)
  }
  const wanted = keys.map(keyOfSpelling)
  assertWithin(wanted, keyPrefixOf(call.principal, await store.identity()))
  return { deletedCount: await deleteKeys(store, wanted) }
}

async function deleteBeginning(
  call: ApifyCall,
  store: Store,
  { spelling, limit }: { spelling: string; limit: number | undefined },
): Promise<Deleted> {
  const prefix = keyOfSpelling(spelling)
  if (limit === undefined) return { deletedCount: await deletePrefix(store, prefix) }
  if (limit > limits.quickListItemsMax) await turnOf(call)
  return deleteSome(store, { prefix, limit })
}
