import { endOfString } from './json-members.ts'

/** What JSON text is parsed to. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | JsonValue[]
  | { [name: string]: JsonValue }

type Reviver = (name: string, value: unknown, context?: { readonly source?: string }) => unknown

interface ModernJson {
  rawJSON?(text: string): unknown
}

// `rawJSON` and a reviver's `source` came to browsers with one proposal (JSON.parse source text
// access), in 2023 to 2025.
const { rawJSON } = JSON as ModernJson

/**
 * Parses JSON; integers that a number can't hold exactly become bigints. `hasSource`: whether
 * JSON.parse tells revivers how numbers are written. Throws SyntaxError.
 */
export function parseJson(json: string, hasSource = rawJSON !== undefined): JsonValue {
  if (!/\d{16}/.test(json)) return JSON.parse(json)
  if (!hasSource) return parseMarked(json)
  const revive: Reviver = (_, value, context) =>
    typeof value === 'number' && isLongInteger(context?.source ?? '')
      ? BigInt(context?.source ?? '')
      : value
  return JSON.parse(json, revive)
}

function isLongInteger(source: string): boolean {
  return /^-?\d{16,}$/.test(source) && !Number.isSafeInteger(Number(source))
}

/** Turns long integers into strings first, which begin with a mark that no other string has. */
function parseMarked(json: string): JsonValue {
  const mark = markOutside(JSON.stringify(JSON.parse(json)))
  const revive: Reviver = (_, value) =>
    typeof value === 'string' && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value
  return JSON.parse(quoteLongIntegers(json, mark), revive)
}

function quoteLongIntegers(json: string, mark: string): string {
  const tokens = /"|-?\d[\d.eE+-]*/g
  let quoted = ''
  let done = 0
  for (let found = tokens.exec(json); found; found = tokens.exec(json)) {
    const [token] = found
    if (token === '"') tokens.lastIndex = endOfString(json, found.index)
    else if (isLongInteger(token)) {
      quoted += `${json.slice(done, found.index)}"${mark}${token}"`
      done = tokens.lastIndex
    }
  }
  return quoted + json.slice(done)
}

/**
 * JSON text as JSON.stringify makes it, with bigints as integers. `hasRaw`: whether JSON.stringify
 * can be given raw text. Throws TypeError for values that JSON can't express, and for strings that
 * are not valid Unicode.
 */
export function printJson(value: unknown, hasRaw = rawJSON !== undefined): string {
  const json =
    printPlain(value) ?? (hasRaw && rawJSON ? printRaw(value, rawJSON) : printMarked(value))
  if (typeof json !== 'string') throw new TypeError(`JSON has no text for ${typeof value}`)
  assertUnicode(json)
  return json
}

/** Six times as fast as looking at every part; undefined if there are bigints. */
function printPlain(value: unknown): string | undefined {
  if ('toJSON' in BigInt.prototype) return undefined
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return undefined
  }
}

function printRaw(value: unknown, raw: (text: string) => unknown): string | undefined {
  return printWith(value, (integer) => raw(String(integer)))
}

/** JSON.stringify with each bigint replaced by the result of `print`. */
function printWith(value: unknown, print: (integer: bigint) => unknown): string | undefined {
  return JSON.stringify(value, function replace(this: Record<string, unknown>, name, part) {
    // Not `part`: many programs give bigints a `toJSON`, which makes strings of them.
    const own = this[name]
    return typeof own === 'bigint' ? print(own) : part
  })
}

function printMarked(value: unknown): string | undefined {
  const print = (prefix: string): string | undefined =>
    printWith(value, (integer) => `${prefix}${integer}`)
  const plain = print('')
  if (plain === undefined) return undefined
  const mark = markOutside(plain)
  return print(mark)?.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
}

/** A word that does not occur in `json`, which JSON.stringify made. */
function markOutside(json: string): string {
  let mark = 'bigint_'
  while (json.includes(mark)) mark += '_'
  return mark
}

/**
 * Checks JSON text and returns it unchanged. Throws SyntaxError for invalid JSON, and TypeError as
 * `printJson`.
 */
export function checkedJson(json: unknown): string {
  if (typeof json !== 'string') throw new TypeError('With `raw`, a value must be JSON text.')
  JSON.parse(json)
  assertUnicode(json)
  return json
}

// Escapes of surrogates, as a pair or as half of one. The group matches a half alone.
const high = String.raw`\\u[dD][89abAB][\da-fA-F]{2}`
const low = String.raw`\\u[dD][c-fC-F][\da-fA-F]{2}`
const pairOrHalf = new RegExp(String.raw`\\[^u]|${high}${low}|(${high}|${low})`, 'g')

/**
 * Refuses text that is not valid Unicode, as NemesisDB does: its answer would not say which command
 * it is for. Throws TypeError.
 */
function assertUnicode(json: string): void {
  if (!json.isWellFormed()) throw new TypeError('A string has half of a surrogate pair.')
  if (!/\\u[dD]/.test(json)) return
  for (const [, half] of json.matchAll(pairOrHalf)) {
    if (half !== undefined) throw new TypeError(`A string has half of a surrogate pair: ${half}`)
  }
}
