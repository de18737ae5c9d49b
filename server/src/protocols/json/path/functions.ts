import { JsonText, parseJsonText } from '../json-text.ts'
import { JsonPathError } from './error.ts'
import type { Patterns } from './pattern.ts'
import type { Steps } from './steps.ts'
import { arrayOf, booleanValue, compareValues, isEqual, nullValue, type Value } from './value.ts'

export interface FunctionScope {
  readonly steps: Steps
  readonly patterns: Patterns
}

export interface PathFunction {
  /** How many arguments it takes. */
  readonly arity: number
  /** Undefined: it does not take these values. Throws JsonPathError. */
  call(scope: FunctionScope, ...given: readonly Value[]): Value | undefined
}

/**
 * How many units `includes` compares in the time that reading one value takes. In the worst case it
 * compares each unit with each.
 */
const includesPerStep = 4_096

/** The functions of jsoncons 0.171, and `match`, `search` and `value` of RFC 9535. */
export const pathFunctions: ReadonlyMap<string, PathFunction> = new Map([
  ['length', ofValue((value, { steps }) => sizeOf(value, steps))],
  ['count', ofValue((value, { steps }) => sizeOf(value, steps))],
  ['value', ofValue((value) => (value instanceof JsonText ? value : onlyOne(value)))],
  ['match', ofPattern(({ patterns, steps }, text, by) => patterns.matches(text, by, steps))],
  ['search', ofPattern(({ patterns, steps }, text, by) => patterns.isIn(text, by, steps))],
  ['starts_with', ofStrings((text, part) => booleanValue(text.startsWith(part)))],
  ['ends_with', ofStrings((text, part) => booleanValue(text.endsWith(part)))],
  ['contains', { arity: 2, call: contains }],
  ['tokenize', ofStrings(tokenize)],
  ['keys', ofValue(keysOf)],
  ['sum', ofNumbers((numbers) => made(sumOf(numbers)))],
  ['avg', ofNumbers((numbers) => made(averageOf(numbers)))],
  ['prod', ofNumbers((numbers) => (numbers.length > 0 ? made(productOf(numbers)) : undefined))],
  ['min', ofValue((value, scope) => extreme(value, scope, (order) => order < 0))],
  ['max', ofValue((value, scope) => extreme(value, scope, (order) => order > 0))],
  ['abs', ofNumber((number) => number.replace('-', ''))],
  ['ceil', ofNumber((number) => (isInteger(number) ? number : Math.ceil(Number(number))))],
  ['floor', ofNumber((number) => (isInteger(number) ? number : Math.floor(Number(number))))],
  ['to_number', ofValue(toNumber)],
])

function ofValue(call: (value: Value, scope: FunctionScope) => Value | undefined): PathFunction {
  return { arity: 1, call: (scope, value) => value && call(value, scope) }
}

/** A function that takes two strings. */
function ofStrings(
  call: (a: string, b: string, scope: FunctionScope) => Value | undefined,
): PathFunction {
  return {
    arity: 2,
    call: (scope, a, b) => {
      const text = a && stringOf(a, scope)
      const other = b && stringOf(b, scope)
      return text === undefined || other === undefined ? undefined : call(text, other, scope)
    },
  }
}

/** A function of RFC 9535 that takes a string and a pattern: it gives false for anything else. */
function ofPattern(
  call: (scope: FunctionScope, text: string, pattern: string) => boolean,
): PathFunction {
  return {
    arity: 2,
    call: (scope, a, b) => {
      const text = a && stringOf(a, scope)
      const pattern = b && stringOf(b, scope)
      if (text === undefined || pattern === undefined) return booleanValue(false)
      return booleanValue(call(scope, text, pattern))
    },
  }
}

/** A function of one array, whose items must all be numbers. */
function ofNumbers(call: (numbers: readonly string[]) => Value | undefined): PathFunction {
  return ofValue((value, scope) => {
    const items = arrayOf(value, scope.steps)
    if (!items || items.some(({ kind }) => kind !== 'number')) return undefined
    return call(items.map((item) => textOf(item, scope)))
  })
}

function ofNumber(call: (number: string) => string | number): PathFunction {
  return ofValue((value, scope) => {
    if (!(value instanceof JsonText) || value.kind !== 'number') return undefined
    return made(call(textOf(value, scope)))
  })
}

/** The value of a number or of JSON text; null for other input, such as infinity. */
function made(json: string | number | undefined): Value {
  if (json === undefined || (typeof json === 'number' && !Number.isFinite(json))) return nullValue
  return parseJsonText(String(json))
}

function textOf(value: JsonText, { steps }: FunctionScope): string {
  steps.spendOnText(value.end - value.start)
  return value.text
}

/** Undefined: the value is not a string. */
function stringOf(value: Value, { steps }: FunctionScope): string | undefined {
  if (!(value instanceof JsonText) || value.kind !== 'string') return undefined
  steps.spendOnText(value.end - value.start)
  return value.string()
}

function onlyOne(values: readonly JsonText[]): Value {
  const [only] = values
  return only && values.length === 1 ? only : nullValue
}

function sizeOf(value: Value, steps: Steps): Value | undefined {
  return value instanceof JsonText ? lengthOf(value, steps) : made(value.length)
}

/** How many items, members or Unicode code points it has; undefined: it has no length. */
export function lengthOf(value: JsonText, steps: Steps): JsonText | undefined {
  if (value.kind === 'object' || value.kind === 'array') return parseJsonText(String(value.size))
  if (value.kind !== 'string') return undefined
  steps.spendOnText(value.end - value.start)
  let length = 0
  for (const _ of value.string()) length += 1
  return parseJsonText(String(length))
}

/** Whether an array has an item, or a string a part. */
function contains(scope: FunctionScope, whole?: Value, part?: Value): Value | undefined {
  if (!whole || !part) return undefined
  const items = arrayOf(whole, scope.steps)
  if (items) return booleanValue(items.some((item) => isEqual(item, part, scope.steps)))
  const text = stringOf(whole, scope)
  const sought = stringOf(part, scope)
  if (text === undefined || sought === undefined) return undefined
  scope.steps.spend((text.length * sought.length) / includesPerStep)
  return booleanValue(text.includes(sought))
}

function tokenize(text: string, pattern: string, { patterns, steps }: FunctionScope): Value {
  const parts = patterns.split(text, pattern, steps)
  if (!parts) throw new JsonPathError(`The pattern /${pattern}/ is invalid.`)
  return made(JSON.stringify(parts))
}

function keysOf(value: Value, { steps }: FunctionScope): Value | undefined {
  if (!(value instanceof JsonText) || value.kind !== 'object') return undefined
  steps.spendOnText(value.end - value.start)
  return made(JSON.stringify([...value.members().keys()]))
}

/** Exact if all numbers are integers of at most 40 characters. */
function sumOf(numbers: readonly string[]): string | number {
  if (numbers.every((number) => number.length <= 40 && isInteger(number))) {
    return String(numbers.reduce((sum, number) => sum + BigInt(number), 0n))
  }
  return numbers.reduce((sum, number) => sum + Number(number), 0)
}

function averageOf(numbers: readonly string[]): number | undefined {
  return numbers.length === 0 ? undefined : Number(sumOf(numbers)) / numbers.length
}

function productOf(numbers: readonly string[]): number {
  return numbers.reduce((product, number) => product * Number(number), 1)
}

/** The best item of an array, whose items must be all numbers or all strings. */
function extreme(
  value: Value,
  { steps }: FunctionScope,
  isBetter: (order: number) => boolean,
): Value | undefined {
  const items = arrayOf(value, steps)
  if (!items) return undefined
  let best = items[0]
  if (!best) return nullValue
  if (best.kind !== 'number' && best.kind !== 'string') return undefined
  for (const item of items) {
    const order = compareValues(item, best, steps)
    if (order === undefined) return undefined
    if (isBetter(order)) best = item
  }
  return best
}

/** A string is read as far as it is a number, as C does; null if it does not begin with one. */
function toNumber(value: Value, scope: FunctionScope): Value | undefined {
  if (value instanceof JsonText && value.kind === 'number') return value
  const text = stringOf(value, scope)
  if (text === undefined) return undefined
  if (/^-?(?:0|[1-9]\d*)$/.test(text)) return made(text)
  const [start] = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(text) ?? []
  return made(start === undefined ? undefined : Number(start))
}

function isInteger(number: string): boolean {
  return /^-?\d+$/.test(number)
}
