import { assert } from '../../../core/kernel/assert.ts'
import type { Bytes } from '../../../core/kernel/bytes.ts'
import { limits } from '../../../core/kernel/limits.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { type JsonText, parseJsonText } from '../../json/json-text.ts'
import { HalfCharacterError, JsonTextError } from '../../json/json-text-error.ts'
import type { Query } from '../../rest/query.ts'
import { PageError } from '../page/errors.ts'

/** The longest key, in UTF-16 units, as the page's `key.length` counts. */
const keyLengthMax = 700

/** The largest value, in bytes as `encodedBytes` counts. */
export const valueBytesMax = 4_096

/** The largest value that a page may read, whoever wrote it, in characters of JSON. */
export const readValueLengthMax = 1_048_576

/** Parameters of a form. No call has that many: longer forms are refused before they are read. */
export const formParametersMax = 1_000

const replyType = 'application/json; charset=utf-8'

/** A reply with status 200 whose body is JSON text already. */
export function jsonReplyOf(
  body: string | Bytes,
  headers: Readonly<Record<string, string>>,
): HttpReply {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const all = { 'Content-Type': replyType, 'Content-Length': length, ...headers }
  return { status: 200, headers: all, body }
}

/** A reply with status 200 whose JSON is sent while it is still being made. */
export function streamedJsonReply(body: AsyncIterable<Bytes> | ''): HttpReply {
  return { status: 200, headers: { 'Content-Type': replyType }, body }
}

/** The parameters of a call. Those of a form or of a JSON object go before those of the query. */
export class Parameters {
  readonly #query: Query
  readonly #form: URLSearchParams | undefined
  readonly #json: ReadonlyMap<string, unknown> | undefined

  /** The query and the form as sent. */
  readonly #sent: readonly string[]

  constructor(parts: {
    readonly query: Query
    readonly form?: URLSearchParams
    /** The members of an object, as `JSON.parse` makes them. */
    readonly json?: ReadonlyMap<string, unknown>
    /** The query and the form as they were sent. */
    readonly sent?: readonly string[]
  }) {
    this.#query = parts.query
    this.#sent = parts.sent ?? []
    this.#form = parts.form
    this.#json = parts.json
  }

  /**
   * The key. A JSON body may have a number or a boolean in its place: then the key is its text, as
   * in a query. Throws PageError `KEY_INVALID`.
   */
  key(): string {
    const key = this.#get('key')
    if (typeof key === 'string') return checkedKey(key)
    if (typeof key === 'number' || typeof key === 'boolean') return String(key)
    throw keyInvalid('The key must be specified, as a string')
  }

  /** All keys of the query. Throws PageError `KEY_INVALID`, also if they are too many. */
  keys(): readonly string[] {
    const keys = this.#query.all('key')
    const most = limits.watchedKeysMax
    if (keys.length > most) throw keyInvalid(`At most ${most} keys may be named at once`)
    return keys.map((key) => checkedKey(this.#checked('key', key)))
  }

  /** The beginning of keys, in the query; undefined: there is none. Throws PageError. */
  prefix(): string | undefined {
    const prefix = this.#query.given('prefix')
    return prefix === undefined ? undefined : checkedKey(this.#checked('key', prefix))
  }

  /** The text of a parameter that holds JSON; undefined: it is absent. Throws PageError. */
  jsonText(name: string): string | undefined {
    const text = this.#get(name)
    if (typeof text === 'string' || text === undefined) return text
    const rule = `The ${name} must be sent as a string that holds JSON`
    throw new PageError({ status: 400, type: 'VALUE_INVALID' }, rule)
  }

  /** Undefined if it is absent or null. Throws PageError for text that is not UTF-8. */
  #get(name: string): unknown {
    if (this.#json?.has(name)) return this.#json.get(name) ?? undefined
    const text = this.#form?.get(name) ?? this.#query.given(name)
    return text === undefined ? undefined : this.#checked(name, text)
  }

  #checked(name: string, text: string): string {
    // Parsers of queries put U+FFFD in place of what is not UTF-8: another key, or another value.
    if (text.includes('\ufffd') && !this.#sent.every(isUrlEncodedUtf8)) throw notUnicode(name)
    return text
  }
}

/** Throws PageError `KEY_INVALID`. */
function checkedKey(key: string): string {
  if (key.length > keyLengthMax) {
    const rule = `it must be shorter than ${keyLengthMax} bytes ('characters')`
    throw keyInvalid(`The key is too large, ${rule}`)
  }
  if (!key.isWellFormed()) throw notUnicode('key')
  return key
}

function notUnicode(name: string): PageError {
  const type = name === 'key' ? 'KEY_INVALID' : 'VALUE_INVALID'
  return new PageError({ status: 400, type }, `The ${name} is not valid Unicode text`)
}

function keyInvalid(message: string): PageError {
  return new PageError({ status: 400, type: 'KEY_INVALID' }, message)
}

/** The `value` of a call. Throws PageError, also if there is none. */
export function parseValue(text: string | undefined): JsonText {
  if (text === undefined) {
    const message = 'Value must be specified'
    throw new PageError({ status: 400, type: message }, message)
  }
  return assertedSize(parseJson(text, 'value'))
}

/** The parameter `name` of a call. Throws PageError. */
export function parseJson(text: string, name: string): JsonText {
  if (!text.isWellFormed()) throw notUnicode(name)
  try {
    return parseJsonText(text)
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error
    if (error instanceof HalfCharacterError) throw notUnicode(name)
    const message = `The ${name} is not JSON: ${error.message}`
    throw new PageError({ status: 400, type: 'VALUE_INVALID' }, message)
  }
}

/** Throws PageError `MAX_VALUE_LENGTH_EXCEEDED`. */
function assertedSize(value: JsonText): JsonText {
  if (!isSurelySmall(value.text) && encodedBytes(value) > valueBytesMax) throw valueTooLarge()
  return value
}

/** A fast check for most values. False for large values, and also for some small ones. */
function isSurelySmall(text: string): boolean {
  // One UTF-16 unit is written in six bytes at most.
  if (text.length * escapedBytes <= valueBytesMax) return true
  // Rails may write these characters, and numbers with an exponent, in more bytes.
  return Buffer.byteLength(text) <= valueBytesMax && !/[<>&\u2028\u2029]|\de/i.test(text)
}

export function valueTooLarge(): PageError {
  const rule = `it must be shorter than ${valueBytesMax} bytes ('characters')`
  return new PageError(
    { status: 400, type: 'MAX_VALUE_LENGTH_EXCEEDED' },
    `The value is too large, ${rule}`,
  )
}

/** The members of `key_values_json`: values by their keys, each checked. Throws PageError. */
export function parsePairs(text: string | undefined): ReadonlyMap<string, JsonText> {
  const pairs = parsedPairs(text)
  for (const [key, value] of pairs) {
    checkedKey(key)
    assertedSize(value)
  }
  return pairs
}

function parsedPairs(raw: string | undefined): ReadonlyMap<string, JsonText> {
  if (raw === undefined) throw notPairs('key_values_json must be specified')
  if (!raw.isWellFormed()) throw notPairs(pairsNotUnicode)
  try {
    const pairs = parseJsonText(raw)
    if (pairs.kind === 'object') return pairs.members()
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error
    if (error instanceof HalfCharacterError) throw notPairs(pairsNotUnicode)
    throw notPairs(
      `SyntaxError ${error.message}\n while parsing initial key/value data: ${excerpt(raw)}`,
    )
  }
  throw notPairs('key_values_json must be a JSON object with a value for each key')
}

const pairsNotUnicode = 'key_values_json is not valid Unicode text'

function notPairs(message: string): PageError {
  return new PageError({ status: 400, type: message }, message)
}

/** The beginning of a long text: a client that sends megabytes does not get them back. */
function excerpt(raw: string): string {
  const lengthMax = 1_000
  return raw.length <= lengthMax ? raw : `${raw.slice(0, lengthMax)}...`.toWellFormed()
}

/**
 * The size of a value in bytes, as Rails writes it: without blanks, in UTF-8, and with six bytes
 * each for `<`, `>`, `&`, U+2028 and U+2029.
 */
export function encodedBytes(value: JsonText): number {
  const compact: string | undefined = JSON.stringify(JSON.parse(value.text))
  assert(compact !== undefined, 'A JSON value can be written as JSON.')
  let bytes = Buffer.byteLength(compact)
  for (const [found] of compact.matchAll(/[<>&\u2028\u2029]/g)) {
    bytes += escapedBytes - Buffer.byteLength(found)
  }
  return bytes
}

/** The length of an escape such as `\u003c`. */
const escapedBytes = 6

/** Whether all percent-encoded bytes of a query or a form are UTF-8. */
function isUrlEncodedUtf8(text: string): boolean {
  try {
    // Browsers take a percent sign without two hexadecimal digits as it is.
    decodeURIComponent(text.replace(/%(?![\da-f]{2})/gi, '%25'))
    return true
  } catch (error) {
    if (error instanceof URIError) return false
    throw error
  }
}
