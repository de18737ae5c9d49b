import { keyPrefixOf } from '../../../core/access/access.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { assertWithin, deleteKeys, deletePrefix } from '../../../core/stores/delete-many.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { jsonReply } from '../../rest/replies.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { keyOfSpelling } from '../call/key-spelling.ts'

/**
 * POST /v2/key-value-stores/{store}/delete-records `{"keys": [...]}` or `{"prefix"}`: replies with
 * the number of deleted records. Each record is deleted by itself, so a failure half-way leaves the
 * rest in place.
 */
export async function deleteRecords(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'write', extent: 'some' })
  const body = await readJsonObject(call, { isOptional: false })
  const deletedCount = await deleteWanted(call, store, new Fields(body, ['keys', 'prefix']))
  return jsonReply(200, { data: { deletedCount } })
}

async function deleteWanted(call: ApifyCall, store: Store, fields: Fields): Promise<number> {
  const keys = fields.texts('keys')
  const prefix = fields.text('prefix')
  if ((keys === undefined) === (prefix === undefined)) {
    throw invalidField('the body must have either keys or prefix')
  }
  if (keys === undefined) return deletePrefix(store, keyOfSpelling(prefix ?? ''))
  if (keys.length > limits.deletedKeysMax) {
    throw invalidField(`keys may have at most ${limits.deletedKeysMax} items`)
  }
  const wanted = keys.map(keyOfSpelling)
  assertWithin(wanted, keyPrefixOf(call.principal, await store.identity()))
  return deleteKeys(store, wanted)
}
