import type { Use } from '../../../core/access/access.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { batchesOf } from '../../../core/records/record-batch.ts'
import { assertOpensNoStore, assertRecordKey } from '../../../core/records/validate.ts'
import { recordsOf, type SeedPair } from '../../../core/stores/seed.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { keyValuesParts, pairsOf, textOfPairs } from '../../json/key-values.ts'
import { readJsonMembers } from '../../rest/json-members.ts'
import { emptyReply, jsonReply } from '../../rest/replies.ts'
import { type RestCall, turnOf } from '../../rest/routes.ts'
import { whileAllowed } from '../../rest/while-allowed.ts'
import { findProject } from './projects.ts'

const managing: Use = { action: 'manage', extent: 'all' }
const writing: Use = { action: 'write', extent: 'all' }
const reading: Use = { action: 'read', extent: 'all' }
const jsonType = 'application/json; charset=utf-8'

/** GET /coatcheck/v1/projects/{channel}/seed: the seed, as a JSON object of its pairs. */
export async function getSeed(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, managing)
  const pairs = await call.domain.projects.seedOf(store.id, caller)
  if (!pairs) throw new StorageError('seed-not-found', 'This project has no seed.')
  const bytes = Buffer.from(textOfPairs(pairs))
  const headers = { 'Content-Type': jsonType, 'Content-Length': bytes.length }
  return { status: 200, headers, body: bytes }
}

/**
 * PUT /coatcheck/v1/projects/{channel}/seed: sets the seed, a JSON object of its pairs. If the
 * project has no records, it gets these pairs as records.
 */
export async function putSeed(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, managing)
  const { pairs, leftOut } = pairsOf(await readJsonMembers(call))
  await call.domain.projects.setSeed(store.id, pairs, caller)
  return jsonReply(200, { data: { pairs: pairs.length, leftOut } })
}

/** DELETE /coatcheck/v1/projects/{channel}/seed: removes the seed; the records stay. */
export async function removeSeed(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, managing)
  await call.domain.projects.setSeed(store.id, undefined, caller)
  return emptyReply(204)
}

/** POST /coatcheck/v1/projects/{channel}/reset: replaces all records at once with the seed. */
export async function resetToSeed(call: RestCall): Promise<HttpReply> {
  const { store, caller } = await findProject(call, writing)
  const removed = await call.domain.projects.resetToSeed(store.id, caller)
  return jsonReply(200, { data: { removed, pairs: await store.batch.count() } })
}

/**
 * GET /coatcheck/v1/projects/{channel}/export: a JSON object of all pairs, as in the reply of
 * code.org's `get_key_values`.
 */
export async function exportPairs(call: RestCall): Promise<HttpReply> {
  const { store } = await findProject(call, reading)
  const { name, id } = await store.identity()
  const headers = {
    'Content-Type': jsonType,
    'Content-Disposition': `attachment; filename="${name ?? id}.json"`,
  }
  if (call.request.method === 'HEAD') return { status: 200, headers, body: '' }
  const body = keyValuesParts(store, () => turnOf(call))
  return whileAllowed({ status: 200, headers, body }, store)
}

/**
 * POST /coatcheck/v1/projects/{channel}/import: adds the pairs of such an object. Records that
 * exist stay as they are, unless `?overwrite=1` is given.
 */
export async function importPairs(call: RestCall): Promise<HttpReply> {
  const { store } = await findProject(call, writing)
  const { pairs, leftOut } = pairsOf(await readJsonMembers(call))
  // Checked before anything is written, because many pairs are written in several commits.
  for (const { key } of pairs) {
    assertRecordKey(key)
    assertOpensNoStore(key, store.id)
  }
  const overwrite = call.query.flag('overwrite')
  const existed = await writePairs(store, pairs, { overwrite })
  const [overwritten, kept] = overwrite ? [existed, 0] : [0, existed]
  const added = pairs.length - existed
  return jsonReply(200, { data: { added, overwritten, kept, leftOut } })
}

/** Returns how many of the keys existed before. */
async function writePairs(
  store: Store,
  pairs: readonly SeedPair[],
  { overwrite }: { overwrite: boolean },
): Promise<number> {
  let count = 0
  for (const batch of batchesOf(recordsOf(pairs))) {
    const existed = await (overwrite ? store.batch.put(batch) : store.batch.add(batch))
    count += existed.filter(Boolean).length
  }
  return count
}
