import type { Revision } from '../../../core/engine/engine.ts'
import { assert } from '../../../core/kernel/assert.ts'
import type { Holding } from '../../../core/kernel/bounds/byte-pool.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import { type Bytes, strictUtf8 } from '../../../core/kernel/bytes.ts'
import { StorageError } from '../../../core/kernel/errors.ts'
import { limits } from '../../../core/kernel/limits.ts'
import { whileHeld } from '../../../core/records/held-records.ts'
import type { Compute, Updated } from '../../../core/records/record-update.ts'
import type { Store } from '../../../core/stores/store.ts'
import { mediaTypeOf } from '../../../core/values/content-type.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { entityTagOf } from '../../http/entity-tags.ts'
import { exactCondition } from '../../http/exact-condition.ts'
import { type JsonText, parseJsonText } from '../../json/json-text.ts'
import { JsonTextError } from '../../json/json-text-error.ts'
import { computeOf } from '../../json/updates/compute.ts'
import { readOperations } from '../../json/updates/json-patch.ts'
import { readUpdate, type Update } from '../../json/updates/update.ts'
import { RequestError } from '../../rest/errors.ts'
import { bodyBound, decodeBody, isLongBody, readBody } from '../../rest/json-body.ts'
import { namedRequest, scopeOf, withRepetition } from '../../rest/named-request.ts'
import { emptyReply } from '../../rest/replies.ts'
import { encodingOf } from '../../rest/request-encoding.ts'
import { ownerOf, turnOf } from '../../rest/routes.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { isApifyKey } from '../call/key-spelling.ts'
import { assertConforms } from '../stores/schemas.ts'
import { assertWholeValue, conditionOf } from './conditional.ts'
import { assertExists, keyOf } from './record-keys.ts'

/** How each content type of a PATCH describes an update. */
const readers: Readonly<Record<string, (body: JsonText) => Update>> = {
  'application/merge-patch+json': (patch) => ({ op: 'merge', patch }),
  'application/json-patch+json': (body) => ({ op: 'patch', operations: readOperations(body) }),
  'application/vnd.coatcheck.update+json': readUpdate,
}

const acceptPatch = Object.keys(readers).join(', ')
const patchBound = bodyBound(limits.jsonBodyBytesMax)

/**
 * PATCH .../records/{key}: changes a JSON value by what it is; no other write comes in between. The
 * reply is the new value.
 */
export async function patchRecord(call: ApifyCall): Promise<HttpReply> {
  const { request } = call
  assertWholeValue(call)
  const key = keyOf(call)
  const read = readerOf(call)
  const condition = conditionOf(call)
  const named = namedRequest(call, scopeOf(call))
  encodingOf(request.header('content-encoding'))
  const store = await findStore(call, { action: 'write', extent: { key } })
  if (!call.takesAnyKey && !isApifyKey(key)) await assertExists(store, key)
  const bytes = await store.whileAllowed(readBody(request, patchBound))
  named?.reading(new WholeSource(bytes))
  if (isLongBody(request, bytes)) await turnOf(call)
  const update = read(parsed(await decodeBody(request, bytes, patchBound)))
  const exact = condition && (await exactCondition(condition, store, key))
  using room = new UpdateRoom(call)
  const computing = {
    store,
    turn: (units: number) => turnOf(call, units),
    takeRoom: (bytes: number) => room.take(bytes),
  }
  const compute = conforming(call, { store, key }, computeOf(update, computing))
  const updated = await store.update(key, compute, { condition: exact, request: named })
  return withRepetition(await replyTo(store, key, updated), named)
}

/** Room for a long value, until its update is done. */
export class UpdateRoom implements Disposable {
  readonly #holding: Holding

  constructor(call: ApifyCall) {
    this.#holding = call.updates.open(ownerOf(call))
  }

  /** Throws `store-busy` if there is none. */
  take(bytes: number): void {
    if (this.#holding.take(bytes)) return
    throw new StorageError('store-busy', 'Too many long values are being updated. Try again.')
  }

  [Symbol.dispose](): void {
    this.#holding.set(0)
  }
}

/** Throws RequestError. */
function readerOf({ request }: ApifyCall): (body: JsonText) => Update {
  const type = mediaTypeOf(request.header('content-type') ?? '')
  if (Object.hasOwn(readers, type)) return readers[type] as (body: JsonText) => Update
  throw new RequestError(
    { status: 415, type: 'unsupported-media-type', headers: { 'Accept-Patch': acceptPatch } },
    `A PATCH of a record has one of these content types: ${acceptPatch}`,
  )
}

/** Throws RequestError. */
function parsed(bytes: Uint8Array): JsonText {
  try {
    return parseJsonText(strictUtf8.decode(bytes))
  } catch (error) {
    if (!(error instanceof JsonTextError) && !(error instanceof TypeError)) throw error
    const message = `The body of a PATCH is JSON in UTF-8, and this one is not: ${error.message}`
    throw new RequestError({ status: 400, type: 'invalid-request' }, message)
  }
}

/** Checks what `compute` returns against the schema that the store may have. */
function conforming(
  call: ApifyCall,
  { store, key }: { store: Store; key: string },
  compute: Compute,
): Compute {
  if (store.hasNoSchema) return compute
  return async (before) => {
    const value = await compute(before)
    if (value) await assertConforms(call, { store, record: { key, ...value } })
    return value
  }
}

/**
 * The new value. It is not remembered for a request that is sent again if it is long: then the
 * reply has it as long as no other write has replaced it, and else only its ETag.
 */
async function replyTo(
  store: Store,
  key: string,
  updated: Updated | undefined,
): Promise<HttpReply> {
  assert(updated !== undefined, 'No PATCH deletes a record.')
  const { contentType, revision } = updated
  const ETag = entityTagOf(revision, { isDecoded: false })
  const body = updated.bytes ?? (await valueAt(store, key, revision))
  if (!body) return emptyReply(204, { ETag })
  const headers = { 'Content-Type': contentType, 'Content-Length': body.length, ETag }
  return { status: 200, headers, body }
}

async function valueAt(store: Store, key: string, revision: Revision): Promise<Bytes | undefined> {
  const record = await store.get(key)
  return whileHeld([record], async () =>
    record?.revision === revision ? record.value.read() : undefined,
  )
}
