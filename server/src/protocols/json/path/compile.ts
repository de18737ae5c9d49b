import { type JSONPathQuery, jsonpath, TokenKind } from 'json-p3'
import { assert } from '../../../core/kernel/assert.ts'
import { parseJsonText } from '../json-text.ts'
import { JsonPathError } from './error.ts'
import * as filter from './filter.ts'
import { type PathFunction, pathFunctions } from './functions.ts'
import {
  type Query,
  type Segment,
  type Selector,
  selectAll,
  selectBy,
  selectIndex,
  selectName,
  selectSlice,
  type Test,
} from './query.ts'

const { expressions, selectors } = jsonpath

type Expression = InstanceType<typeof expressions.FilterExpression>

/** Turns a JSONPath that the library has parsed into our own query. Throws JsonPathError. */
export function compileQuery(query: JSONPathQuery): Query {
  const segments = query.segments.map(compileSegment)
  return { segments, keys: query.singularQuery() ? query.segments.map(keyOf) : undefined }
}

function compileSegment({ token, selectors: all }: jsonpath.JSONPathSegment): Segment {
  return {
    isDescendant: token.kind === TokenKind.DDOT,
    selectors: all.flatMap((selector) => compileSelector(selector) ?? []),
  }
}

/** Undefined for a slice with a step of 0, which selects nothing. */
function compileSelector(selector: jsonpath.JSONPathSelector): Selector | undefined {
  if (selector instanceof selectors.NameSelector) return selectName(selector.name)
  if (selector instanceof selectors.IndexSelector) return selectIndex(selector.index)
  if (selector instanceof selectors.WildcardSelector) return selectAll()
  if (selector instanceof selectors.FilterSelector) {
    return selectBy(compileTest(selector.expression.expression))
  }
  assert(selector instanceof selectors.SliceSelector, 'there is no other selector')
  const { start, stop: end, step = 1 } = selector
  return step === 0 ? undefined : selectSlice({ start, end, step })
}

/** The name or index that a segment of a singular query selects. */
function keyOf({ selectors: [selector] }: jsonpath.JSONPathSegment): string | number {
  if (selector instanceof selectors.NameSelector) return selector.name
  assert(selector instanceof selectors.IndexSelector, 'a singular query has names and indexes')
  return selector.index
}

function compileTest(expression: Expression): Test {
  if (expression instanceof expressions.InfixExpression) {
    const { left, operator, right } = expression
    if (operator === '&&') return filter.isBoth(compileTest(left), compileTest(right))
    if (operator === '||') return filter.isEither(compileTest(left), compileTest(right))
    assert(filter.isComparison(operator), 'there is no other operator')
    return filter.compares(compileValue(left), operator, compileValue(right))
  }
  if (expression instanceof expressions.PrefixExpression) {
    return filter.isNot(compileTest(expression.right))
  }
  if (isQuery(expression)) return filter.findsAny(compileFilterQuery(expression))
  if (expression instanceof expressions.FunctionExtension) {
    const called = functionOf(expression)
    if (called.gives === 'truth') return filter.callsForTruth(called, argumentsOf(expression))
  }
  throw misplaced(expression)
}

function compileValue(expression: Expression): filter.ValueOf {
  const literal = literalOf(expression)
  if (literal !== undefined) return filter.literal(parseJsonText(literal))
  if (isQuery(expression)) return compileSingular(expression)
  if (expression instanceof expressions.FunctionExtension) {
    const called = functionOf(expression)
    if (called.gives === 'value') return filter.callsForValue(called, argumentsOf(expression))
  }
  throw misplaced(expression)
}

/** The JSON of a literal; undefined: it is not a literal. A number keeps its spelling. */
function literalOf(expression: Expression): string | undefined {
  if (expression instanceof expressions.NumberLiteral) return expression.token.value
  if (expression instanceof expressions.StringLiteral) return JSON.stringify(expression.value)
  if (expression instanceof expressions.BooleanLiteral) return String(expression.value)
  return expression instanceof expressions.NullLiteral ? 'null' : undefined
}

type QueryExpression = InstanceType<typeof expressions.RelativeQuery | typeof expressions.RootQuery>

function isQuery(expression: Expression): expression is QueryExpression {
  return (
    expression instanceof expressions.RelativeQuery || expression instanceof expressions.RootQuery
  )
}

function compileFilterQuery(expression: QueryExpression): filter.FilterQuery {
  const isFromRoot = expression instanceof expressions.RootQuery
  return { ...compileQuery(expression.path), isFromRoot }
}

function compileSingular(expression: QueryExpression): filter.ValueOf {
  const { keys, isFromRoot } = compileFilterQuery(expression)
  if (!keys) throw misplaced(expression)
  const last = expression.path.segments.at(-1)
  const isShort = last?.token.kind === TokenKind.NAME
  if (!isShort || keys.at(-1) !== 'length') return filter.singularValue(keys, { isFromRoot })
  return filter.lengthOf(filter.singularValue(keys.slice(0, -1), { isFromRoot }))
}

type Call = InstanceType<typeof expressions.FunctionExtension>

function functionOf({ name }: Call): PathFunction {
  const called = pathFunctions.get(name)
  assert(called !== undefined, 'the library knows only our functions')
  return called
}

function argumentsOf(call: Call): filter.NodesOf[] {
  const { takes } = functionOf(call)
  return call.args.map((argument, index) => {
    if (isQuery(argument) && takes[index] === 'nodes') {
      return filter.nodesOf(compileFilterQuery(argument))
    }
    const value = compileValue(argument)
    return (current, search) => {
      const given = value(current, search)
      return given ? [given] : []
    }
  })
}

function misplaced(expression: Expression): JsonPathError {
  const place = `at position ${expression.token.index}`
  return new JsonPathError(`This JSONPath has an expression ${place} that is not allowed there.`)
}
