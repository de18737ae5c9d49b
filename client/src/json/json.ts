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

// Both came to browsers with one proposal (JSON.parse source text access), in 2023 to 2025.
const { rawJSON } = JSON as ModernJson

/**
 * Parses JSON; integers that a number can't hold exactly become bigints. `hasSource`: whether
 * JSON.parse tells how numbers are written. Throws SyntaxError.
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

/** Long integers are made strings first, which begin as no other string in the text does. */
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
 * JSON text as JSON.stringify makes it, bigints as integers. `hasRaw`: whether JSON.stringify can
 * be given text. Throws TypeError for what JSON has no text for, and for strings that are no
 * Unicode.
 */
export function printJson(value: unknown, hasRaw = rawJSON !== undefined): string {
  const json =
    printPlain(value) ?? (hasRaw && rawJSON ? printRaw(value, rawJSON) : printMarked(value))
  if (typeof json !== 'string') throw new TypeError(`JSON has no text for ${typeof value}`)
  assertUnicode(json)
  return json
}

/** Six times as fast as with a look at every part; undefined where there are bigints. */
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

/** JSON.stringify, which gets something else in place of a bigint. */
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

/** A word that `json`, as JSON.stringify makes it, does not have. */
function markOutside(json: string): string {
  let mark = 'bigint_'
  while (json.includes(mark)) mark += '_'
  return mark
}

/** JSON text as it stands. Throws SyntaxError where it is none, and TypeError as `printJson`. */
export function checkedJson(json: unknown): string {
  if (typeof json !== 'string') throw new TypeError('With `raw`, a value is JSON text.')
  JSON.parse(json)
  assertUnicode(json)
  return json
}

// Half of a pair, written as an escape, with nothing or anything else where its other half belongs.
const high = String.raw`\\u[dD][89abAB][\da-fA-F]{2}`
const low = String.raw`\\u[dD][c-fC-F][\da-fA-F]{2}`
const pairOrHalf = new RegExp(String.raw`\\[^u]|${high}${low}|(${high}|${low})`, 'g')

/** NemesisDB takes no other, and its answer would not tell which command it is for. */
function assertUnicode(json: string): void {
  if (!json.isWellFormed()) throw new TypeError('A string has half of a surrogate pair.')
  if (!/\\u[dD]/.test(json)) return
  for (const [, half] of json.matchAll(pairOrHalf)) {
    if (half !== undefined) throw new TypeError(`A string has half of a surrogate pair: ${half}`)
  }
}
