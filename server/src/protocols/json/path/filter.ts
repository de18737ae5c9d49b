import { JsonText } from '../json-text.ts'
import type { PathFunction } from './functions.ts'
import { findAll, type Search, type Segment, type Test, valueAt } from './query.ts'
import type { Steps } from './steps.ts'
import {
  booleanValue,
  compareValues,
  isEqual,
  isNull,
  isTrue,
  nullValue,
  type Value,
} from './value.ts'

/**
 * Evaluates a part of a filter for the value `current`. Undefined: a function got a value that it
 * does not take; then the filter does not select `current`, whatever its other parts say.
 */
export type ValueOf = (current: JsonText, search: Search) => Value | undefined

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

const comparisons = {
  '==': (a, b, steps) => booleanValue(isEqual(a, b, steps)),
  '!=': (a, b, steps) => booleanValue(!isEqual(a, b, steps)),
  '<': inOrder((order) => order < 0),
  '<=': inOrder((order) => order <= 0),
  '>': inOrder((order) => order > 0),
  '>=': inOrder((order) => order >= 0),
} satisfies Record<Comparison, (a: Value, b: Value, steps: Steps) => Value>

function inOrder(accepts: (order: number) => boolean) {
  return (a: Value, b: Value, steps: Steps): Value => {
    const order = compareValues(a, b, steps)
    return order === undefined ? nullValue : booleanValue(accepts(order))
  }
}

/** The test of a whole filter: it asks for the truth of its value. */
export function tests(value: ValueOf): Test {
  return (current, search) => {
    const found = value(current, search)
    return found !== undefined && isTrue(found)
  }
}

export function compares(left: ValueOf, operator: Comparison, right: ValueOf): ValueOf {
  return ofBoth(left, right, comparisons[operator])
}

/** The second value if the first one is true, otherwise the first. */
export function isBoth(left: ValueOf, right: ValueOf): ValueOf {
  return ofBoth(left, right, (a, b) => (isTrue(a) ? b : a))
}

/** The first value if it is true, otherwise the second. */
export function isEither(left: ValueOf, right: ValueOf): ValueOf {
  return ofBoth(left, right, (a, b) => {
    if (isNull(a) && isNull(b)) return nullValue
    return isTrue(a) ? a : b
  })
}

/** Both sides are always evaluated: a function that fails in either of them decides. */
function ofBoth(
  left: ValueOf,
  right: ValueOf,
  operate: (a: Value, b: Value, steps: Steps) => Value,
): ValueOf {
  return (current, search) => {
    search.steps.spend(1)
    const a = left(current, search)
    const b = right(current, search)
    return a === undefined || b === undefined ? undefined : operate(a, b, search.steps)
  }
}

export function isNot(value: ValueOf): ValueOf {
  return (current, search) => {
    const found = value(current, search)
    return found === undefined ? undefined : booleanValue(!isTrue(found))
  }
}

/** A query within a filter, from the root or from the value that the filter looks at. */
export function finds(
  segments: readonly Segment[],
  { isFromRoot }: { isFromRoot: boolean },
): ValueOf {
  const first = segments.findIndex(({ key }) => key === undefined)
  const keys = segments.slice(0, first < 0 ? segments.length : first).map(({ key }) => key ?? '')
  const others = first < 0 ? [] : segments.slice(first)
  return (current, search) => {
    search.steps.spend(1)
    const value = valueAt(keys, isFromRoot ? search.root : current, search)
    if (!value) return nullValue
    return others.length === 0 ? value : findAll(others, value, search)
  }
}

/** `=~`: whether a string has a part that matches the pattern; null for other values. */
export function fits(value: ValueOf, pattern: string): ValueOf {
  return (current, search) => {
    const text = value(current, search)
    if (text === undefined) return undefined
    if (!(text instanceof JsonText) || text.kind !== 'string') return nullValue
    search.steps.spendOnText(text.end - text.start)
    return booleanValue(search.patterns.isIn(text.string(), pattern, search.steps))
  }
}

export function literal(value: JsonText): ValueOf {
  return () => value
}

export function calls({ call }: PathFunction, given: readonly ValueOf[]): ValueOf {
  return (current, search) => {
    const values: Value[] = []
    for (const one of given) {
      const value = one(current, search)
      if (value === undefined) return undefined
      values.push(value)
    }
    return call(search, ...values)
  }
}
