import type { Answer } from '../http/answer.ts'
import { answerBytesMax } from '../http/bounds.ts'
import { CoatcheckError } from '../http/errors.ts'
import type { JsonValue } from '../json/json.ts'
import { type CallOptions, callPartsOf, recordTargetOf, type StoreAddress } from './address.ts'
import {
  infoOf,
  jsonOf,
  type RecordInfo,
  recordOf,
  type StoredRecord,
  type StreamedRecord,
  textOf,
} from './record.ts'

export interface ReadOptions extends CallOptions {
  /** The longest value to take; 64 MiB by default. Beyond it: `answer-too-large`. */
  readonly maxBytes?: number | undefined
}

type Bytes = Uint8Array<ArrayBuffer>

/** Undefined if there is no such record. */
export async function getRecord(
  store: StoreAddress,
  key: string,
  options: ReadOptions = {},
): Promise<StoredRecord | undefined> {
  return readWhole(store, key, options, recordOf)
}

export async function getBytes(
  store: StoreAddress,
  key: string,
  options: ReadOptions = {},
): Promise<Bytes | undefined> {
  return readWhole(store, key, options, (_, bytes) => bytes)
}

export async function getText(
  store: StoreAddress,
  key: string,
  options: ReadOptions = {},
): Promise<string | undefined> {
  return readWhole(store, key, options, ({ contentType }, bytes) => textOf(bytes, contentType))
}

export async function getJson(
  store: StoreAddress,
  key: string,
  options: ReadOptions = {},
): Promise<JsonValue | undefined> {
  return readWhole(store, key, options, ({ contentType }, bytes) =>
    jsonOf(textOf(bytes, contentType), key),
  )
}

/** The value as it comes. Once it has begun, a failure is not repaired: the stream ends with it. */
export async function streamRecord(
  { caller, ...store }: StoreAddress,
  key: string,
  options: CallOptions = {},
): Promise<StreamedRecord | undefined> {
  return orUndefined(async () => {
    const target = recordTargetOf(store, key)
    const answer = await caller.call({ method: 'GET', ...target, ...callPartsOf(options) })
    return { ...infoOrDiscard(key, answer), body: streamOf(answer) }
  })
}

/** What a HEAD request tells. `size`: in bytes, if it is known without reading the value. */
export interface RecordHead extends RecordInfo {
  readonly size: number | undefined
}

/** Undefined if there is no such record. Rejects with `store-not-found` if there is no store. */
export async function headRecord(
  { caller, path }: StoreAddress,
  key: string,
  options: CallOptions = {},
): Promise<RecordHead | undefined> {
  const parts = callPartsOf(options)
  const target = recordTargetOf({ path }, key)
  try {
    const answer = await caller.call({ method: 'HEAD', ...target, ...parts })
    answer.discard()
    const length = answer.header('content-length')
    const size = /^\d+$/.test(length) ? Number(length) : undefined
    return { ...infoOf(key, answer), size }
  } catch (error) {
    if (!(error instanceof CoatcheckError && error.status >= 400)) throw error
    // The answer to HEAD has no body that says what is wrong: that to GET has one.
    await caller.callWith({ method: 'GET', path, ...parts }, (answer) =>
      answer.bytes(answerBytesMax),
    )
    if (error.status === 404) return undefined
    throw error
  }
}

async function readWhole<Value>(
  { caller, ...store }: StoreAddress,
  key: string,
  options: ReadOptions,
  toValue: (info: RecordInfo, bytes: Bytes) => Value,
): Promise<Value | undefined> {
  const { maxBytes = answerBytesMax } = options
  const request = { method: 'GET', ...recordTargetOf(store, key), ...callPartsOf(options) }
  return orUndefined(() =>
    caller.callWith(request, async (answer) => {
      const info = infoOrDiscard(key, answer)
      return toValue(info, await answer.bytes(maxBytes))
    }),
  )
}

function infoOrDiscard(key: string, answer: Answer): RecordInfo {
  try {
    return infoOf(key, answer)
  } catch (error) {
    answer.discard()
    throw error
  }
}

async function orUndefined<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof CoatcheckError && error.type === 'record-not-found') return undefined
    throw error
  }
}

/** `ReadableStream.from` is missing in some browsers. */
function streamOf(answer: Answer): StreamedRecord['body'] {
  const chunks = answer.chunks()
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => answer.discard(),
    },
    { highWaterMark: 0 },
  )
}
