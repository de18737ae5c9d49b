import type { Answer } from '../../../../../client/src/http/answer.ts'
import { CoatcheckError } from '../../../../../client/src/http/errors.ts'
import { textOf } from '../../../../../client/src/records/record.ts'
import { calling } from '../../server/calling.ts'
import { storePath } from '../../stores/data/store-rows.ts'
import type { RecordAt } from './record-row.ts'

export type Bytes = Uint8Array<ArrayBuffer>

/** A value as it was read. */
export interface RecordValue {
  readonly bytes: Bytes
  /** False: `bytes` is only the beginning. */
  readonly isWhole: boolean
  /** Of the whole value; undefined: nobody has counted. */
  readonly size: number | undefined
  readonly contentType: string
  readonly revision: number
  /** The headers of the answer, as they came. */
  readonly headers: readonly (readonly [string, string])[]
}

/** A longer value is shown by its first megabyte. */
export const shownBytesMax = 5_000_000
const beginningBytes = 1_000_000

/** `decoded`: what the value is; `stored`: its bytes as they are stored. */
export type Form = 'decoded' | 'stored'

/** Undefined: there is no such record. Rejects with CoatcheckError. */
export async function readValue(
  at: RecordAt,
  form: Form,
  signal?: AbortSignal,
): Promise<RecordValue | undefined> {
  try {
    const beginning = await readBeginning(at, form, signal)
    const { size, isWhole } = beginning
    if (isWhole || (size !== undefined && size > shownBytesMax)) return beginning
    return (await readWhole(at, form, signal)) ?? beginning
  } catch (error) {
    if (error instanceof CoatcheckError && error.type === 'record-not-found') return undefined
    throw error
  }
}

/** All bytes of a record, up to a limit. Rejects with CoatcheckError. */
export async function readAll(at: RecordAt, form: Form, bytesMax: number): Promise<RecordValue> {
  return calling(requestFor(at, form), async (answer) =>
    recordValueOf(answer, await answer.bytes(bytesMax)),
  )
}

async function readBeginning(
  at: RecordAt,
  form: Form,
  signal: AbortSignal | undefined,
): Promise<RecordValue> {
  const request = requestFor(at, form)
  const headers = { Range: `bytes=0-${beginningBytes - 1}` }
  try {
    return await calling({ ...request, headers, signal }, async (answer) =>
      recordValueOf(answer, await answer.bytes(beginningBytes)),
    )
  } catch (error) {
    // An empty value has no first byte.
    if (!(error instanceof CoatcheckError && error.status === 416)) throw error
    return calling({ ...request, signal }, async (answer) =>
      recordValueOf(answer, await answer.bytes(beginningBytes)),
    )
  }
}

/** Undefined: it is longer than what is shown. */
async function readWhole(
  at: RecordAt,
  form: Form,
  signal: AbortSignal | undefined,
): Promise<RecordValue | undefined> {
  try {
    return await calling({ ...requestFor(at, form), signal }, async (answer) =>
      recordValueOf(answer, await answer.bytes(shownBytesMax)),
    )
  } catch (error) {
    if (error instanceof CoatcheckError && error.type === 'answer-too-large') return undefined
    throw error
  }
}

function requestFor({ storeId, key }: RecordAt, form: Form) {
  const query = { key, stored: form === 'stored' ? 1 : undefined }
  return { method: 'GET', path: `${storePath(storeId)}/record`, query }
}

function recordValueOf(answer: Answer, bytes: Bytes): RecordValue {
  const total = /\/(\d+)$/.exec(answer.header('content-range'))?.[1]
  const isPart = answer.status === 206
  const size = isPart ? total && Number(total) : bytes.length
  const known = typeof size === 'number' ? size : undefined
  return {
    bytes,
    isWhole: !isPart || known === bytes.length,
    size: known,
    contentType: answer.header('content-type'),
    revision: Number(/^"(\d+)/.exec(answer.header('etag'))?.[1] ?? 0),
    headers: [...answer.headers],
  }
}

/** The value as text; undefined: it is none. A character that was cut at the end is left out. */
export function textIn({ bytes, contentType, isWhole }: RecordValue): string | undefined {
  if (/;\s*charset=/i.test(contentType) && !/charset="?utf-?8/i.test(contentType)) {
    return textOf(bytes, contentType)
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const text = decoder.decode(bytes, { stream: !isWhole })
    return text.includes('\0') ? undefined : text
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
