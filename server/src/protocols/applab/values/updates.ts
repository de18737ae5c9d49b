import type { Awaitable } from '../../../core/kernel/awaitable.ts'
import type { StoreRecord } from '../../../core/records/record.ts'
import type { NewValue, Updated } from '../../../core/records/record-update.ts'
import type { Store } from '../../../core/stores/store.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { exactCondition } from '../../http/exact-condition.ts'
import { computeOf } from '../../json/updates/compute.ts'
import { invalidUpdate, readUpdate, type Update } from '../../json/updates/update.ts'
import { withRepetition } from '../../rest/named-request.ts'
import { emptyReply } from '../../rest/replies.ts'
import { turnOf } from '../../rest/routes.ts'
import { answering } from '../page/answering.ts'
import type { PageCall } from '../page/call.ts'
import { assertKeysInScope, inProject, pageOf } from '../page/in-project.ts'
import type { Page } from '../page/page.ts'
import { readParameters } from './body.ts'
import { conditionOf, tagOf } from './conditional.ts'
import { namedCall } from './named-call.ts'
import { valueBody } from './values.ts'
import { jsonReplyOf, type Parameters, parseJson, parseValue, readValueLengthMax } from './wire.ts'
import { updateAsPage, type ValueUpdate } from './write-value.ts'

/**
 * POST update_key_value `key`, `update` (JSON text, such as `{"op":"increment","by":1}`): changes a
 * value by what it is. The reply is the new value.
 */
export function updateKeyValue(call: PageCall): Promise<HttpReply> {
  const page = pageOf(call, 'use')
  let read: Promise<Parameters> | undefined
  return answering(call, page, async () => {
    const condition = conditionOf(call)
    const use = { action: 'write', extent: 'some', page } as const
    return inProject(call, use, async (store) => {
      read ??= readParameters(call, valueBody) // the body can be read only once
      const parameters = await store.whileAllowed(read)
      const key = parameters.key()
      const { text, update } = updateIn(parameters)
      assertKeysInScope(call, store, [key])
      const exact = condition && (await exactCondition(condition, store, key))
      const request = namedCall(call, page, { key, text })
      const compute = computeFor(call, store, update)
      const updated = await doUpdate(call, {
        store,
        page,
        wanted: { key, condition: exact, request, compute },
      })
      return withRepetition(replyTo(updated), request)
    })
  })
}

function updateIn(parameters: Parameters): { text: string; update: Update } {
  const text = parameters.jsonText('update')
  if (text === undefined) throw invalidUpdate('The parameter "update" is missing.')
  return { text, update: readUpdate(parseJson(text, 'update')) }
}

/** A value must not get larger than pages may store. */
function computeFor(call: PageCall, store: Store, update: Update): ValueUpdate['compute'] {
  const turn = (units: number): Awaitable<void> => turnOf(call, units)
  const lengthMax = readValueLengthMax
  const compute = computeOf(update, { store, turn, lengthMax, nullIsMissing: true })
  return async (before: StoreRecord | undefined): Promise<NewValue> => {
    const value = await compute(before)
    const { kind } = parseValue(Buffer.from(value.bytes).toString('utf8'))
    if (kind !== 'null') return value
    throw invalidUpdate('No update sets a value to null: delete the key instead.')
  }
}

function doUpdate(
  { pairsCap }: PageCall,
  { store, page, wanted }: { store: Store; page: Page | undefined; wanted: ValueUpdate },
): Promise<Updated | undefined> {
  const { key, compute, condition, request } = wanted
  return pairsCap.run(store, [key], () =>
    page ? updateAsPage(store, page, wanted) : store.update(key, compute, { condition, request }),
  )
}

/** Values of pages are short: they are remembered for calls that are sent again. */
function replyTo(updated: Updated | undefined): HttpReply {
  if (!updated?.bytes) return emptyReply(204)
  return jsonReplyOf(updated.bytes, { ETag: tagOf(updated.revision) })
}
