import type { Answer } from '../http/answer.ts'
import { errorBytesMax } from '../http/bounds.ts'
import { printJson } from '../json/json.ts'
import { type CallOptions, callPartsOf, recordTargetOf, type StoreAddress } from './address.ts'
import { revisionOf } from './record.ts'
import { bodyOf, jsonType, type PutValue } from './value-body.ts'

/** At most one condition; without it, the write happens whatever is there. */
export interface WriteOptions extends CallOptions {
  /** Only if the record has this ETag. `*`: only if there is a record. */
  readonly ifMatch?: string | undefined
  /** Only if the record has this revision; 0: only if there is none. */
  readonly ifRevision?: number | undefined
  /** Only if there is no record. */
  readonly ifAbsent?: boolean | undefined
  /**
   * Names this write, so that the server does it once even if it is sent again within an hour, for
   * example by a program that was started again. 1 to 255 visible ASCII characters. Without it, the
   * client makes one for each call.
   */
  readonly idempotencyKey?: string | undefined
}

export interface PutOptions extends WriteOptions {
  /**
   * By default `application/json` for JSON, `text/plain` for text, the type of a Blob, and
   * `application/octet-stream` for other bytes.
   */
  readonly contentType?: string | undefined
}

/** The version that a write made. */
export interface Written {
  readonly revision: number
  /** For `ifMatch`. */
  readonly etag: string
  /** Whether the server had done this write before, by an earlier attempt. */
  readonly isReplayed: boolean
}

/** Throws `condition-failed` if the condition is not met, TypeError and SyntaxError as `bodyOf`. */
export async function putRecord(
  { caller, ...store }: StoreAddress,
  key: string,
  { value, ...options }: PutOptions & { readonly value: PutValue },
): Promise<Written> {
  const { body, contentType } = bodyOf(value, options.contentType)
  const request = {
    method: 'PUT',
    ...recordTargetOf(store, key),
    ...callPartsOf(options),
    headers: { 'Content-Type': contentType, ...headersOf(options) },
    body,
  }
  return caller.callWith(request, async (answer) => {
    await answer.bytes(errorBytesMax)
    return writtenOf(answer)
  })
}

/** As `putRecord`, with any value as JSON, strings too. */
export function putJson(
  store: StoreAddress,
  key: string,
  { value, ...options }: PutOptions & { readonly value: unknown },
): Promise<Written> {
  const { contentType = jsonType } = options
  return putRecord(store, key, { ...options, value: printJson(value), contentType })
}

/** Succeeds also if there is no such record, unless a condition says something else. */
export async function deleteRecord(
  { caller, ...store }: StoreAddress,
  key: string,
  options: WriteOptions,
): Promise<void> {
  const headers = headersOf(options)
  const target = recordTargetOf(store, key)
  const request = { method: 'DELETE', ...target, ...callPartsOf(options), headers }
  await caller.callWith(request, (answer) => answer.bytes(errorBytesMax))
}

/** The headers of a write. Throws TypeError for several conditions. */
export function headersOf(options: WriteOptions): Record<string, string> {
  const conditions = conditionsOf(options)
  if (conditions.length > 1) {
    throw new TypeError('A write has one condition: ifMatch, ifRevision or ifAbsent.')
  }
  const { idempotencyKey } = options
  return {
    ...Object.fromEntries(conditions),
    ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
  }
}

function conditionsOf({ ifMatch, ifRevision, ifAbsent }: WriteOptions): [string, string][] {
  const conditions: [string, string][] = []
  if (ifMatch !== undefined) conditions.push(['If-Match', ifMatch])
  if (ifRevision !== undefined) conditions.push(revisionCondition(ifRevision))
  if (ifAbsent) conditions.push(['If-None-Match', '*'])
  return conditions
}

function revisionCondition(revision: number): [string, string] {
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw new TypeError(`A revision is a whole number from 0, not ${revision}.`)
  }
  return revision === 0 ? ['If-None-Match', '*'] : ['If-Match', `"${revision}"`]
}

export function writtenOf(answer: Answer): Written {
  const etag = answer.header('etag')
  const isReplayed = answer.header('idempotency-replayed') === 'true'
  return { revision: revisionOf(answer, etag), etag, isReplayed }
}
