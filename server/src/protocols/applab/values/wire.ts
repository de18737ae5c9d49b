import { assert } from '../../../core/kernel/assert.ts'
import type { Bytes } from '../../../core/kernel/bytes.ts'
import type { HttpReply } from '../../../transport/exchange.ts'
import { type JsonText, parseJsonText } from '../../json/json-text.ts'
import { JsonTextError } from '../../json/json-text-error.ts'
import type { Query } from '../../rest/query.ts'
import { PageError } from '../page/errors.ts'

/** The longest key, in UTF-16 units, as the page's `key.length` counts. */
const keyLengthMax = 700

/** The largest value, in bytes as `encodedBytes` counts. */
export const valueBytesMax = 4_096

/** The largest value that is read, whoever wrote it, in characters of JSON. */
export const readValueLengthMax = 1_048_576

const replyType = 'application/json; charset=utf-8'

/** A 200 whose body is JSON already. */
export function jsonReplyOf(
  body: string | Bytes,
  headers: Readonly<Record<string, string>>,
): HttpReply {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const all = { 'Content-Type': replyType, 'Content-Length': length, ...headers }
  return { status: 200, headers: all, body }
}

/** ... and is written while it is read. */
export function streamedJsonReply(body: AsyncIterable<Bytes> | ''): HttpReply {
  return { status: 200, headers: { 'Content-Type': replyType }, body }
}

/** The parameters of a call: of the query, and over them those of a form or of a JSON object. */
export class Parameters {
  readonly #query: Query
  readonly #form: URLSearchParams | undefined
  readonly #json: ReadonlyMap<string, unknown> | undefined

  constructor(parts: {
    readonly query: Query
    readonly form?: URLSearchParams
    /** The members of an object, as `JSON.parse` makes them. */
    readonly json?: ReadonlyMap<string, unknown>
  }) {
    this.#query = parts.query
    this.#form = parts.form
    this.#json = parts.json
  }

  /**
   * The key, which a JSON body may spell as a number or a claim: it is what a query would say.
   * Throws PageError `KEY_INVALID`.
   */
  key(): string {
    const key = this.#get('key')
    if (typeof key === 'string') return checkedKey(key)
    if (typeof key === 'number' || typeof key === 'boolean') return String(key)
    throw keyInvalid('The key must be specified, as a string')
  }

  /** JSON text within the text of a parameter. Throws PageError. */
  jsonText(name: string): string | undefined {
    const text = this.#get(name)
    if (typeof text === 'string' || text === undefined) return text
    const rule = `The ${name} must be sent as a string that holds JSON`
    throw new PageError({ status: 400, type: 'VALUE_INVALID' }, rule)
  }

  /** Undefined where it is absent or null. */
  #get(name: string): unknown {
    if (this.#json?.has(name)) return this.#json.get(name) ?? undefined
    return this.#form?.get(name) ?? this.#query.given(name)
  }
}

/** Throws PageError `KEY_INVALID`. */
function checkedKey(key: string): string {
  if (key.length > keyLengthMax) {
    const rule = `it must be shorter than ${keyLengthMax} bytes ('characters')`
    throw keyInvalid(`The key is too large, ${rule}`)
  }
  if (!key.isWellFormed()) throw keyInvalid('The key has half a character in it')
  return key
}

function keyInvalid(message: string): PageError {
  return new PageError({ status: 400, type: 'KEY_INVALID' }, message)
}

/** The `value` of a call. Throws PageError, as for a value that nothing was said of. */
export function parseValue(text: string | undefined): JsonText {
  if (text === undefined) {
    const message = 'Value must be specified'
    throw new PageError({ status: 400, type: message }, message)
  }
  return assertedSize(parsedValue(text))
}

function parsedValue(text: string): JsonText {
  if (!text.isWellFormed()) throw notJson('It has half a character in it.')
  try {
    return parseJsonText(text)
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error
    throw notJson(error.message)
  }
}

function notJson(why: string): PageError {
  return new PageError({ status: 400, type: 'VALUE_INVALID' }, `The value is not JSON: ${why}`)
}

/** Throws PageError `MAX_VALUE_LENGTH_EXCEEDED`. */
function assertedSize(value: JsonText): JsonText {
  if (!isSurelySmall(value.text) && encodedBytes(value) > valueBytesMax) throw valueTooLarge()
  return value
}

/** Without looking at each character of most values; of some that are small it is not sure. */
function isSurelySmall(text: string): boolean {
  // What is spelled by one unit is never longer than six bytes.
  if (text.length * escapedBytes <= valueBytesMax) return true
  // Rails writes these longer than they may be spelled.
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
  if (!raw.isWellFormed()) throw notPairs('key_values_json has half a character in it')
  try {
    const pairs = parseJsonText(raw)
    if (pairs.kind === 'object') return pairs.members()
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error
    throw notPairs(
      `SyntaxError ${error.message}\n while parsing initial key/value data: ${excerpt(raw)}`,
    )
  }
  throw notPairs('key_values_json must be a JSON object with a value for each key')
}

function notPairs(message: string): PageError {
  return new PageError({ status: 400, type: message }, message)
}

/** Who sends megabytes need not get them back. */
function excerpt(raw: string): string {
  const lengthMax = 1_000
  return raw.length <= lengthMax ? raw : `${raw.slice(0, lengthMax)}...`.toWellFormed()
}

/**
 * How many bytes Rails writes a value in: without blanks, in UTF-8, and with six bytes each for
 * `<`, `>`, `&`, U+2028 and U+2029.
 */
export function encodedBytes(value: JsonText): number {
  const compact: string | undefined = JSON.stringify(JSON.parse(value.text))
  assert(compact !== undefined, 'What was JSON is JSON again.')
  let bytes = Buffer.byteLength(compact)
  for (const [found] of compact.matchAll(/[<>&\u2028\u2029]/g)) {
    bytes += escapedBytes - Buffer.byteLength(found)
  }
  return bytes
}

/** As in `\u003c`. */
const escapedBytes = 6
