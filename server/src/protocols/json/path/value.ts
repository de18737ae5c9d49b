import { compareNumbers } from '../../../core/values/numbers.ts'
import { JsonText, parseJsonText } from '../json-text.ts'
import type { Steps } from './steps.ts'

/**
 * A value in a filter: a part of the JSON that is searched, a literal, what a function returned, or
 * all values that a query found. The latter count as an array.
 */
export type Value = JsonText | readonly JsonText[]

/** What a query finds that finds nothing. */
export const nullValue = parseJsonText('null')

const trueValue = parseJsonText('true')
const falseValue = parseJsonText('false')

export function booleanValue(is: boolean): JsonText {
  return is ? trueValue : falseValue
}

/** As in jsoncons: false, null, and empty strings, arrays and objects are not true. 0 is true. */
export function isTrue(value: Value): boolean {
  if (!(value instanceof JsonText)) return value.length > 0
  if (value.kind === 'array' || value.kind === 'object') return value.size > 0
  if (value.kind === 'string') return value.end - value.start > 2
  return value.kind === 'true' || value.kind === 'number'
}

export function isNull(value: Value): boolean {
  return value instanceof JsonText && value.kind === 'null'
}

/** Undefined: the value is not an array. */
export function arrayOf(value: Value, steps: Steps): readonly JsonText[] | undefined {
  if (!(value instanceof JsonText)) return value
  if (value.kind !== 'array') return undefined
  steps.spend(value.size)
  return value.items()
}

/** Compares numbers exactly, and objects with the order of their members, as NemesisDB does. */
export function isEqual(a: Value, b: Value, steps: Steps): boolean {
  if (a instanceof JsonText && b instanceof JsonText) return isSameJson(a, b, steps)
  const items = arrayOf(a, steps)
  const others = arrayOf(b, steps)
  return items !== undefined && others !== undefined && areItemsEqual(items, others, steps)
}

function isSameJson(a: JsonText, b: JsonText, steps: Steps): boolean {
  if (a.kind !== b.kind) return false
  if (a.kind === 'number' || a.kind === 'string') return compareValues(a, b, steps) === 0
  steps.spendOnText(Math.min(a.end - a.start, b.end - b.start))
  if (a.text === b.text) return true
  return a.size === b.size && areChildrenEqual(a, b, steps)
}

function areChildrenEqual(a: JsonText, b: JsonText, steps: Steps): boolean {
  steps.spend(2 * a.size)
  if (a.kind === 'array') return areItemsEqual(a.items(), b.items(), steps)
  const others = [...b.members()]
  return [...a.members()].every(([name, value], index) => {
    const [otherName, other] = others[index] ?? []
    return other !== undefined && name === otherName && isSameJson(value, other, steps)
  })
}

function areItemsEqual(
  items: readonly JsonText[],
  others: readonly JsonText[],
  steps: Steps,
): boolean {
  if (items.length !== others.length) return false
  return items.every((item, index) => {
    const other = others[index]
    return other !== undefined && isSameJson(item, other, steps)
  })
}

/**
 * Less than 0 if `a` is less, more than 0 if it is more. Undefined if the values have no order:
 * only two numbers or two strings have one.
 */
export function compareValues(a: Value, b: Value, steps: Steps): number | undefined {
  if (!(a instanceof JsonText) || !(b instanceof JsonText) || a.kind !== b.kind) return undefined
  if (a.kind !== 'number' && a.kind !== 'string') return undefined
  const isSame = a.text === b.text
  // If they differ, both are read to their ends: one short text may meet a long one many times.
  steps.spendOnText((isSame ? 0 : a.end - a.start) + b.end - b.start)
  if (isSame) return 0
  if (a.kind === 'number') return compareNumbers(a.text, b.text)
  return compareStrings(a.string(), b.string())
}

/** By Unicode code points, not by UTF-16 units as JavaScript does. */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rankOf(left) - rankOf(right)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above those of all other units. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
