import type { SentBody } from '../http/request.ts'
import { checkedJson, printJson } from '../json/json.ts'
import { isJsonType } from './record.ts'

/**
 * What `put` takes: text, bytes and streams are sent as they are, everything else as JSON. Bigints
 * become integers.
 */
export type PutValue = unknown

export interface ValueBody {
  readonly body: SentBody
  readonly contentType: string
}

export const jsonType = 'application/json; charset=utf-8'
const textType = 'text/plain; charset=utf-8'
const bytesType = 'application/octet-stream'

/**
 * How a value is sent. Text with the content type of JSON must be JSON, and is sent unchanged.
 * Throws TypeError for a value that JSON can't express, SyntaxError for such text that is no JSON.
 */
export function bodyOf(value: PutValue, contentType: string | undefined): ValueBody {
  if (typeof value === 'string') {
    const type = contentType ?? textType
    return { body: isJsonType(type) ? checkedJson(value) : value, contentType: type }
  }
  const bytes = bytesOf(value)
  if (bytes) return { body: bytes, contentType: contentType ?? bytesType }
  if (value instanceof Blob) {
    return { body: value, contentType: contentType ?? (value.type || bytesType) }
  }
  if (value instanceof ReadableStream) return { body: value, contentType: contentType ?? bytesType }
  return { body: printJson(value), contentType: contentType ?? jsonType }
}

function bytesOf(value: PutValue): Uint8Array<ArrayBuffer> | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (!ArrayBuffer.isView(value)) return undefined
  const { buffer, byteOffset, byteLength } = value
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength)
  // fetch takes no shared memory.
  return new Uint8Array(buffer, byteOffset, byteLength).slice()
}
