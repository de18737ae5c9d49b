import { keyPrefixOf } from '../../../core/access/access.ts'
import { WholeSource } from '../../../core/kernel/byte-source.ts'
import type { Condition, StoreRecord } from '../../../core/records/record.ts'
import { assertWithin } from '../../../core/stores/delete-many.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { entityTagOf } from '../../http/entity-tags.ts'
import { exactCondition } from '../../http/exact-condition.ts'
import { RequestError } from '../../rest/errors.ts'
import { Fields, invalidField } from '../../rest/fields.ts'
import { readJsonObject } from '../../rest/json-body.ts'
import { namedRequest, scopeOf, withRepetition } from '../../rest/named-request.ts'
import { jsonReply } from '../../rest/replies.ts'
import { findStore } from '../call/address.ts'
import type { ApifyCall } from '../call/call.ts'
import { keyOfSpelling, spellKey } from '../call/key-spelling.ts'
import { assertMayHave } from '../stores/schemas.ts'
import { conditionOf } from './conditional.ts'
import { UpdateRoom } from './updates.ts'

interface Wanted {
  readonly from: string
  readonly to: string
  readonly isOverwriting: boolean
}

/**
 * POST /v2/key-value-stores/{store}/move `{"from", "to", "overwrite"}`: gives a record another key,
 * in one commit. Both keys are in the spelling of the listing. The reply has the new revision.
 */
export async function moveRecord(call: ApifyCall): Promise<HttpReply> {
  const condition = conditionOnMoved(call)
  const named = namedRequest(call, scopeOf(call))
  const store = await findStore(call, { action: 'write', extent: 'some' })
  const move = wantedMove(await readJsonObject(call, { isOptional: false }))
  const { from, to, isOverwriting } = move
  if (isOverwriting) assertMayOverwrite(call)
  named?.reading(new WholeSource(Buffer.from(JSON.stringify([from, to, isOverwriting]))))
  assertWithin([from, to], keyPrefixOf(call.principal, await store.identity()))
  const exact = condition && (await exactCondition(condition, store, from))
  const check = checkOf(call, store, to)
  const { revision } = await store.move(move, { condition: exact, request: named, check })
  const headers = { ETag: entityTagOf(revision, { isDecoded: false }) }
  return withRepetition(jsonReply(200, { data: { key: spellKey(to), revision } }, headers), named)
}

function wantedMove(body: Readonly<Record<string, unknown>>): Wanted {
  const fields = new Fields(body, ['from', 'to', 'overwrite'])
  const from = keyOfSpelling(fields.requiredText('from'))
  const to = keyOfSpelling(fields.requiredText('to'))
  if (from === to) throw invalidField('from and to are the same key')
  return { from, to, isOverwriting: fields.flag('overwrite') ?? false }
}

/**
 * The conditions of a move are about the record that is moved, except `If-None-Match: *`: that is
 * what a move without `overwrite` does anyway. Throws RequestError.
 */
function conditionOnMoved({ request, environment }: ApifyCall): Condition | undefined {
  const noneMatch = request.header('if-none-match')
  if (noneMatch !== undefined && noneMatch.trim() !== '*') {
    throw invalidRequest('The header If-None-Match of a move can only be *')
  }
  const header = (name: string): string | undefined =>
    name === 'if-none-match' ? undefined : request.header(name)
  return conditionOf({ request: { header }, environment })
}

/** Throws RequestError. */
function assertMayOverwrite({ request }: ApifyCall): void {
  if (request.header('if-none-match') === undefined) return
  throw invalidRequest('A move has either "overwrite": true or the header If-None-Match, not both')
}

function invalidRequest(message: string): RequestError {
  return new RequestError({ status: 400, type: 'invalid-request' }, message)
}

/** Checks the record against the collections of its new key; undefined: there are none. */
function checkOf(
  call: ApifyCall,
  store: Store,
  key: string,
): ((record: StoreRecord) => Promise<void>) | undefined {
  if (store.hasNoSchema) return undefined
  return async (record) => {
    using room = new UpdateRoom(call)
    await assertMayHave(call, { store, key, record, takeRoom: (bytes) => room.take(bytes) })
  }
}
