import type { Answer } from '../http/answer.ts'
import { notUnderstood } from '../http/errors.ts'
import { type JsonValue, parseJson } from '../json/json.ts'

/** What is known of a record without its value. */
export interface RecordInfo {
  readonly key: string
  /** As it was sent, such as `application/json; charset=utf-8`. */
  readonly contentType: string
  /** The number of the commit that wrote it: each later version has a higher one. */
  readonly revision: number
  /** For `ifMatch`. */
  readonly etag: string
  /** To the second; undefined if the server does not say. */
  readonly modifiedAt: Date | undefined
}

/** `value` is parsed JSON: integers beyond 2^53 are bigints. `text` has every digit. */
export interface JsonRecord extends RecordInfo {
  readonly kind: 'json'
  readonly value: JsonValue
  readonly text: string
}

export interface TextRecord extends RecordInfo {
  readonly kind: 'text'
  readonly value: string
  readonly text: string
}

export interface BytesRecord extends RecordInfo {
  readonly kind: 'bytes'
  readonly value: Uint8Array<ArrayBuffer>
}

/** A record with its value, by the kind of its content type. */
export type StoredRecord = JsonRecord | TextRecord | BytesRecord

/** A record whose value comes in pieces. */
export interface StreamedRecord extends RecordInfo {
  /** Read it to its end, or cancel it. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
}

/** Throws CoatcheckError `answer-not-understood` where no record of Coatcheck was sent. */
export function infoOf(key: string, answer: Answer): RecordInfo {
  const etag = answer.header('etag')
  const modifiedMs = Date.parse(answer.header('last-modified'))
  return {
    key,
    contentType: answer.header('content-type'),
    revision: revisionOf(answer, etag),
    etag,
    modifiedAt: Number.isNaN(modifiedMs) ? undefined : new Date(modifiedMs),
  }
}

/**
 * The revision in an ETag: `"7"` for stored bytes, `"7-d"` for decoded ones; proxies that compress
 * make `W/"7"` and `"7-gzip"` of it. Throws CoatcheckError.
 */
export function revisionOf({ status }: Pick<Answer, 'status'>, etag: string): number {
  const digits = /^(?:W\/)?"(\d{1,16})(?:-[a-z-]+)?"$/.exec(etag)?.[1]
  if (digits !== undefined) return Number(digits)
  throw notUnderstood(status, `The answer has no revision in its ETag: is this a Coatcheck server?`)
}

/** Throws CoatcheckError `answer-not-understood` for JSON that is none. */
export function recordOf(info: RecordInfo, bytes: Uint8Array<ArrayBuffer>): StoredRecord {
  const kind = kindOf(info.contentType)
  if (kind === 'bytes') return { ...info, kind, value: bytes }
  const text = textOf(bytes, info.contentType)
  if (kind === 'text') return { ...info, kind, value: text, text }
  return { ...info, kind, value: jsonOf(text, info.key), text }
}

/** Throws CoatcheckError `answer-not-understood` for text that is no JSON. */
export function jsonOf(text: string, key: string): JsonValue {
  try {
    return parseJson(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const what = `The record ${JSON.stringify(key.slice(0, 100))} is not JSON: ${error.message}`
    throw notUnderstood(200, `${what}. getText and getBytes return it as it is.`, error)
  }
}

/** In the charset of the content type, else as UTF-8. */
export function textOf(bytes: Uint8Array, contentType: string): string {
  const charset = /;\s*charset="?([\w:.-]+)/i.exec(contentType)?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return new TextDecoder().decode(bytes)
  }
}

export function isJsonType(contentType: string): boolean {
  return kindOf(contentType) === 'json'
}

function kindOf(contentType: string): StoredRecord['kind'] {
  const [mediaType = ''] = contentType.toLowerCase().split(';', 1)
  if (/^(application\/json|text\/json|[^/]+\/[^/]+\+json)\s*$/.test(mediaType.trim())) return 'json'
  const isText = /^(text\/|application\/(xml|javascript|x-ndjson|yaml)\s*$|[^/]+\/[^/]+\+xml\s*$)/
  return isText.test(mediaType.trim()) ? 'text' : 'bytes'
}
