import type { StoreChanges } from '../../core/stores.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { invalidValue } from '../rest/errors.ts'
import { readJsonObject } from '../rest/json-body.ts'
import { emptyReply, jsonReply } from '../rest/replies.ts'
import { findStore } from './address.ts'
import type { ApifyCall } from './routes.ts'
import { changesOf, describe, updated } from './stores.ts'

/** PATCH /v2/key-value-stores/{store}: name, title, generalAccess, retention; the rest stays. */
export async function patchStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'manage', extent: 'all' })
  const settings = settingsOf(await readJsonObject(call, { isOptional: false }))
  const isUnchanged = Object.keys(settings).length === 0
  const patched = isUnchanged ? store : await updated(call, store, settings)
  return jsonReply(200, { data: await describe(call, patched) })
}

/**
 * POST /v2/key-value-stores/{store}/clear: all records go at once, the store stays. What is being
 * uploaded meanwhile is refused.
 */
export async function clearStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'write', extent: 'all' })
  await store.clear()
  return emptyReply(204)
}

const settingNames: readonly string[] = ['name', 'title', 'generalAccess', 'retention']

/** What is misspelled would silently change nothing. */
function settingsOf(body: Readonly<Record<string, unknown>>): StoreChanges {
  const unknown = Object.keys(body).find((name) => !settingNames.includes(name))
  if (unknown !== undefined) {
    throw invalidValue(`${unknown} can't be set; ${settingNames.join(', ')} can`)
  }
  return changesOf(body)
}
