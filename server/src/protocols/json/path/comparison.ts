import { compareNumbers } from '../../../core/values/numbers.ts'
import type { JsonText } from '../json-text.ts'
import type { Steps } from './steps.ts'

/** A value in a filter; undefined: there is none, which RFC 9535 calls Nothing. */
export type Value = JsonText | undefined

/** Compares as RFC 9535 (2.3.5.2.2) says, and numbers exactly. Throws JsonPathError. */
export function isEqual(a: Value, b: Value, steps: Steps): boolean {
  if (!a || !b) return a === b
  if (a.kind !== b.kind) return false
  steps.spendOnText(Math.min(a.end - a.start, b.end - b.start))
  if (a.text === b.text) return true
  if (a.kind === 'number') return compareNumbers(a.text, b.text) === 0
  if (a.kind === 'string') return a.string() === b.string()
  return a.size === b.size && areChildrenEqual(a, b, steps)
}

function areChildrenEqual(a: JsonText, b: JsonText, steps: Steps): boolean {
  steps.spend(2 * a.size)
  if (a.kind === 'array') {
    const others = b.items()
    return a.items().every((item, index) => isEqual(item, others[index], steps))
  }
  const others = b.members()
  for (const [name, value] of a.members()) {
    if (!isEqual(value, others.get(name), steps)) return false
  }
  return true
}

/** Only numbers and strings have an order. Throws JsonPathError. */
export function isLess(a: Value, b: Value, steps: Steps): boolean {
  if (!a || !b || a.kind !== b.kind) return false
  steps.spendOnText(Math.min(a.end - a.start, b.end - b.start))
  if (a.kind === 'number') return compareNumbers(a.text, b.text) < 0
  return a.kind === 'string' && isStringLess(a.string(), b.string())
}

/** By Unicode code points, not by UTF-16 units as JavaScript does. */
function isStringLess(a: string, b: string): boolean {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rankOf(left) < rankOf(right)
  }
  return a.length < b.length
}

/** Surrogates stand for code points above those of all other units. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}
