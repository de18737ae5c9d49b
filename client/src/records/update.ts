import { answerBytesMax } from '../http/bounds.ts'
import { type JsonValue, printJson } from '../json/json.ts'
import { callPartsOf, recordTargetOf, type StoreAddress } from './address.ts'
import { jsonOf } from './record.ts'
import { headersOf, type WriteOptions, type Written, writtenOf } from './write.ts'

/** One step of a JSON Patch (RFC 6902). */
export type JsonPatchStep =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string }

/** A change that the server makes in one step, so that no other writer can come between. */
export type Update =
  /** Adds `by`, 1 by default. A missing record counts as 0. */
  | { readonly op: 'increment'; readonly by?: number | bigint }
  /** Stores the value if it is higher (lower), or if there is no record. */
  | { readonly op: 'max' | 'min'; readonly value: number | bigint }
  /** Adds an item to a list, and keeps only its last `keepLast` items. */
  | { readonly op: 'append'; readonly item: unknown; readonly keepLast?: number }
  /** Merges objects (RFC 7396): null removes a member. */
  | { readonly op: 'mergePatch'; readonly patch: unknown }
  /** All steps or none. */
  | { readonly op: 'jsonPatch'; readonly patch: readonly JsonPatchStep[] }

/** The value after an update, and its version. */
export interface Updated extends Written {
  readonly value: JsonValue
  /** `value` with every digit. */
  readonly text: string
}

/**
 * Rejects with `wrong-value-type` if the record is not what the update is for, `patch-failed`,
 * `number-out-of-range`, `condition-failed`; TypeError for what JSON can't express.
 */
export async function updateRecord(
  { caller, ...store }: StoreAddress,
  key: string,
  { update, ...options }: WriteOptions & { readonly update: Update },
): Promise<Updated> {
  const { contentType, body } = patchOf(update)
  const request = {
    method: 'PATCH',
    ...recordTargetOf(store, key),
    ...callPartsOf(options),
    headers: { 'Content-Type': contentType, ...headersOf(options) },
    body,
  }
  return caller.callWith(request, async (answer) => {
    const text = await answer.text(answerBytesMax)
    return { ...writtenOf(answer), value: jsonOf(text, key), text }
  })
}

function patchOf(update: Update): { contentType: string; body: string } {
  switch (update.op) {
    case 'mergePatch':
      return { contentType: 'application/merge-patch+json', body: printJson(update.patch) }
    case 'jsonPatch':
      return { contentType: 'application/json-patch+json', body: printJson(update.patch) }
    default:
      return { contentType: 'application/vnd.coatcheck.update+json', body: printJson(update) }
  }
}
