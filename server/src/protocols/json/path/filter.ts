import type { JsonText } from '../json-text.ts'
import { isEqual, isLess, type Value } from './comparison.ts'
import { type PathFunction, pathLength } from './functions.ts'
import { findAll, findOne, type Query, type Search, type Test } from './query.ts'
import type { Steps } from './steps.ts'

/** A value in a filter, or Nothing. */
export type ValueOf = (current: JsonText, search: Search) => Value

/** An argument of a function. */
export type NodesOf = (current: JsonText, search: Search) => readonly JsonText[]

/** A query within a filter, from the root or from the value that the filter looks at. */
export interface FilterQuery extends Query {
  readonly isFromRoot: boolean
}

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

/** As RFC 9535 (2.3.5.2.2) defines them. */
const comparisons = {
  '==': isEqual,
  '!=': (a, b, steps) => !isEqual(a, b, steps),
  '<': isLess,
  '<=': (a, b, steps) => isLess(a, b, steps) || isEqual(a, b, steps),
  '>': (a, b, steps) => isLess(b, a, steps),
  '>=': (a, b, steps) => isLess(b, a, steps) || isEqual(a, b, steps),
} satisfies Record<Comparison, (a: Value, b: Value, steps: Steps) => boolean>

export function isComparison(operator: string): operator is Comparison {
  return Object.hasOwn(comparisons, operator)
}

export function compares(left: ValueOf, operator: Comparison, right: ValueOf): Test {
  const compare = comparisons[operator]
  return (current, search) => {
    search.steps.spend(1)
    return compare(left(current, search), right(current, search), search.steps)
  }
}

export function isBoth(left: Test, right: Test): Test {
  return (current, search) => left(current, search) && right(current, search)
}

export function isEither(left: Test, right: Test): Test {
  return (current, search) => left(current, search) || right(current, search)
}

export function isNot(test: Test): Test {
  return (current, search) => !test(current, search)
}

export function findsAny(query: FilterQuery): Test {
  const nodes = nodesOf(query)
  return (current, search) => nodes(current, search).length > 0
}

export function nodesOf(query: FilterQuery): NodesOf {
  return (current, search) => {
    search.steps.spend(1)
    return findAll(query, query.isFromRoot ? search.root : current, search)
  }
}

/** The value that a singular query finds. */
export function singularValue(
  keys: readonly (string | number)[],
  { isFromRoot }: { isFromRoot: boolean },
): ValueOf {
  return (current, search) => findOne(keys, isFromRoot ? search.root : current, search)
}

/**
 * The value of `.length` at the end of a query, as in jsoncons: for arrays and strings, which have
 * no members, it is the length; for objects it is the member of that name.
 */
export function lengthOf(whole: ValueOf): ValueOf {
  return (current, search) => {
    const value = whole(current, search)
    if (value?.kind === 'object') return findOne(['length'], value, search)
    return value && pathLength(value, search)
  }
}

export function literal(value: JsonText): ValueOf {
  return () => value
}

export function callsForValue({ call }: PathFunction, given: readonly NodesOf[]): ValueOf {
  return (current, search) => {
    const result = call(search, ...given.map((nodes) => nodes(current, search)))
    return typeof result === 'boolean' ? undefined : result
  }
}

export function callsForTruth({ call }: PathFunction, given: readonly NodesOf[]): Test {
  return (current, search) => call(search, ...given.map((nodes) => nodes(current, search))) === true
}
