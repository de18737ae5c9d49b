import { assert } from '../../core/assert.ts'
import type { Bytes } from '../../core/engine.ts'
import type { HttpReply } from '../../transport/exchange.ts'
import { type JsonText, parseJsonText } from '../json-text.ts'
import { JsonTextError } from '../json-text-error.ts'
import { PageError } from './errors.ts'

/** The longest key, in UTF-16 units, as the page's `key.length` counts. */
export const keyLengthMax = 700

/** The largest value, in bytes as `encodedBytes` counts. */
export const valueBytesMax = 4_096

/** The largest value that is read, whoever wrote it, in characters of JSON. */
export const readValueLengthMax = 1_048_576

const replyType = 'application/json; charset=utf-8'

/** A 200 whose body is JSON text already. */
export function jsonReplyOf(text: string, headers: Readonly<Record<string, string>>): HttpReply {
  const body = Buffer.from(text)
  return {
    status: 200,
    headers: { 'Content-Type': replyType, 'Content-Length': body.length, ...headers },
    body,
  }
}

/** ... and is written while it is read. */
export function streamedJsonReply(body: AsyncIterable<Bytes> | ''): HttpReply {
  return { status: 200, headers: { 'Content-Type': replyType }, body }
}

/** The parameters of a call: of the query, and over them those of a form or of a JSON object. */
export class Parameters {
  readonly #query: URLSearchParams
  readonly #form: URLSearchParams
  readonly #json: JsonText | undefined

  constructor(parts: {
    readonly query: string
    readonly form?: string | undefined
    /** An object. */
    readonly json?: JsonText | undefined
  }) {
    this.#query = new URLSearchParams(parts.query)
    this.#form = new URLSearchParams(parts.form ?? '')
    this.#json = parts.json
  }

  /**
   * The key, which a JSON body may spell as a number or a claim: it is what a query would say.
   * Throws PageError `KEY_INVALID`.
   */
  key(): string {
    const key = this.#text('key')
    if (key === undefined) throw keyInvalid('The key must be specified, as a string')
    return checkedKey(key)
  }

  /** JSON text within the text of a parameter. Throws PageError. */
  jsonText(name: string): string | undefined {
    const member = this.#json?.member(name)
    if (!member) return this.#form.get(name) ?? this.#query.get(name) ?? undefined
    if (member.kind === 'null') return undefined
    if (member.kind === 'string') return member.string()
    const rule = `The ${name} must be sent as a string that holds JSON`
    throw new PageError({ status: 400, type: 'VALUE_INVALID' }, rule)
  }

  #text(name: string): string | undefined {
    const member = this.#json?.member(name)
    if (!member) return this.#form.get(name) ?? this.#query.get(name) ?? undefined
    if (member.kind === 'string') return member.string()
    return ['number', 'true', 'false'].includes(member.kind) ? member.text : undefined
  }
}

/** Throws PageError `KEY_INVALID`. */
export function checkedKey(key: string): string {
  if (key.length > keyLengthMax) {
    const rule = `it must be shorter than ${keyLengthMax} bytes ('characters')`
    throw keyInvalid(`The key is too large, ${rule}`)
  }
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
  try {
    return parseJsonText(text)
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error
    const message = `The value is not JSON: ${error.message}`
    throw new PageError({ status: 400, type: 'VALUE_INVALID' }, message)
  }
}

/** Throws PageError `MAX_VALUE_LENGTH_EXCEEDED`. */
export function assertedSize(value: JsonText): JsonText {
  // What is spelled by one unit is never longer than six bytes.
  const isSmall = value.text.length * escapedBytes <= valueBytesMax
  if (!isSmall && encodedBytes(value) > valueBytesMax) throw valueTooLarge()
  return value
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
