import type { StoreChanges } from '../../../core/identity/store-changes.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { invalidValue } from '../../rest/errors.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { changesOf, describe, managerOf, updated } from './stores.ts'

/**
 * PATCH /v2/key-value-stores/{store}: changes name, title, generalAccess and retention. `session`
 * gives the store a token for NemesisDB's clients (true) or removes it (false); `project` does the
 * same with a channel id for App Lab's pages. Settings that are left out stay as they are.
 */
export async function patchStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'manage', extent: 'all' })
  const body = await readJsonObject(call, { isOptional: false })
  const settings = settingsOf(body)
  const isUnchanged = Object.keys(settings).length === 0
  const patched = isUnchanged ? store : await updated(call, store, settings)
  const { sessions, projects } = call.domain
  if (body.session === true) await sessions.link(store.id, managerOf(call))
  if (body.project === true) await projects.link(store.id, managerOf(call))
  return jsonReply(200, { data: await describe(call, patched) })
}

/**
 * POST /v2/key-value-stores/{store}/clear: deletes all records at once; the store stays. Uploads
 * that are under way are refused.
 */
export async function clearStore(call: ApifyCall): Promise<HttpReply> {
  const store = await findStore(call, { action: 'write', extent: 'all' })
  await store.clear()
  return emptyReply(204)
}

const settingNames: readonly string[] = [
  'name',
  'title',
  'generalAccess',
  'retention',
  'session',
  'project',
]

/** Refuses unknown names: a misspelled setting would silently change nothing. */
function settingsOf(body: Readonly<Record<string, unknown>>): StoreChanges {
  const unknown = Object.keys(body).find((name) => !settingNames.includes(name))
  if (unknown !== undefined) {
    throw invalidValue(`${unknown} can't be set; ${settingNames.join(', ')} can`)
  }
  return {
    ...changesOf(body),
    ...(flagOf(body, 'session') === false && { session: null }),
    ...(flagOf(body, 'project') === false && { project: null }),
  }
}

function flagOf(body: Readonly<Record<string, unknown>>, name: string): boolean | undefined {
  const value = body[name]
  if (value === undefined || typeof value === 'boolean') return value
  throw invalidValue(`${name} must be true or false`)
}
