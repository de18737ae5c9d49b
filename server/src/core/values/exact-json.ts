import { limits } from '../kernel/limits.ts'
import { compareNumbers } from './numbers.ts'

/**
 * JSON as `JSON.parse` makes it, except that numbers keep all their digits: each number is the text
 * `n` followed by its spelling, and each string and each name of a member is the text `s` followed
 * by itself. So two texts are equal or begin with one another exactly as the strings do.
 */
export type ExactJson = null | boolean | string | readonly ExactJson[] | ExactMembers

export interface ExactMembers {
  readonly [name: string]: ExactJson
}

/** A string, or a number outside of strings. No part is scanned twice, whatever the text is. */
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

/** `text` is valid JSON. Of members with the same name, the last one counts. */
export function parseExactJson(text: string): ExactJson {
  return JSON.parse(text.replace(stringOrNumber, tagged))
}

/** The spelling of a number; undefined for any other value. */
export function numberIn(value: ExactJson): string | undefined {
  return typeof value === 'string' && value.startsWith('n') ? value.slice(1) : undefined
}

/** The string with its tag, which is the same for all strings; undefined for any other value. */
export function stringIn(value: ExactJson): string | undefined {
  return typeof value === 'string' && value.startsWith('s') ? value : undefined
}

function tagged(part: string): string {
  return part.startsWith('"') ? `"s${part.slice(1)}` : `"n${part}"`
}

/**
 * Whether two values are the same JSON. Members may be in any order, and numbers may be spelled in
 * any way. Values that are nested too deep never count as equal.
 */
export function isEqualJson(one: ExactJson, other: ExactJson | undefined, depth = 0): boolean {
  if (one === other) return true
  if (other === undefined || depth > limits.jsonDepthMax) return false
  const numbers = [numberIn(one), numberIn(other)]
  if (numbers[0] !== undefined && numbers[1] !== undefined) {
    return compareNumbers(numbers[0], numbers[1]) === 0
  }
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false
    return one.every((item, index) => isEqualJson(item, other[index], depth + 1))
  }
  if (!isObject(one) || !isObject(other)) return false
  const members = Object.entries(one)
  if (members.length !== Object.keys(other).length) return false
  return members.every(
    ([name, value]) =>
      Object.hasOwn(other, name) && isEqualJson(value, Reflect.get(other, name), depth + 1),
  )
}

export function isObject(value: ExactJson): value is ExactMembers {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
