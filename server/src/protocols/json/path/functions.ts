import { type JsonText, parseJsonText } from '../json-text.ts'
import { isEqual, isLess, type Value } from './comparison.ts'
import type { Patterns } from './pattern.ts'
import type { Steps } from './steps.ts'

export interface FunctionScope {
  readonly steps: Steps
  readonly patterns: Patterns
}

/** An argument is a value (one or none) or nodes (any number). */
export interface PathFunction {
  readonly takes: readonly ('value' | 'nodes')[]
  /** A truth is a condition by itself, a value must be compared. */
  readonly gives: 'value' | 'truth'
  /** A truth is `true` or `false`. */
  call(scope: FunctionScope, ...given: (readonly JsonText[])[]): Value | boolean
}

/**
 * How many units `includes` compares in the time that reading one value takes. In the worst case it
 * compares each unit with each.
 */
const includesPerStep = 4_096

/** The functions of RFC 9535, and those of jsoncons that make sense in filters. */
export const pathFunctions: ReadonlyMap<string, PathFunction> = new Map([
  ['length', ofValue(pathLength)],
  ['count', ofNodes((nodes) => made(nodes.length))],
  ['value', ofNodes((nodes) => (nodes.length === 1 ? nodes[0] : undefined))],
  [
    'match',
    ofStrings((text, pattern, scope) => scope.patterns.matches(text, pattern, scope.steps)),
  ],
  ['search', ofStrings((text, pattern, scope) => scope.patterns.isIn(text, pattern, scope.steps))],
  ['starts_with', ofStrings((text, part) => text.startsWith(part))],
  ['ends_with', ofStrings((text, part) => text.endsWith(part))],
  ['contains', ofTwo('truth', contains)],
  ['tokenize', ofTwo('value', tokenize)],
  ['keys', ofValue(keysOf)],
  ['sum', ofNumbers((numbers) => sumOf(numbers))],
  ['avg', ofNumbers((numbers) => averageOf(numbers))],
  ['prod', ofNumbers((numbers) => numbers.reduce((product, one) => product * Number(one), 1))],
  ['min', ofNodes((nodes, scope) => extreme(nodes, scope, (a, b) => isLess(a, b, scope.steps)))],
  ['max', ofNodes((nodes, scope) => extreme(nodes, scope, (a, b) => isLess(b, a, scope.steps)))],
  ['abs', ofNumber((number) => number.replace('-', ''))],
  ['ceil', ofNumber((number) => (isInteger(number) ? number : Math.ceil(Number(number))))],
  ['floor', ofNumber((number) => (isInteger(number) ? number : Math.floor(Number(number))))],
  ['to_number', ofValue(toNumber)],
])

function ofValue(call: (value: JsonText, scope: FunctionScope) => Value): PathFunction {
  return {
    takes: ['value'],
    gives: 'value',
    call: (scope, [value] = []) => value && call(value, scope),
  }
}

function ofTwo(
  gives: 'value' | 'truth',
  call: (a: JsonText, b: JsonText, scope: FunctionScope) => Value | boolean,
): PathFunction {
  return {
    takes: ['value', 'value'],
    gives,
    call: (scope, [a] = [], [b] = []) => {
      if (a && b) return call(a, b, scope)
      return gives === 'truth' ? false : undefined
    },
  }
}

/** A function of two strings. It gives false if one of its arguments is not a string. */
function ofStrings(call: (a: string, b: string, scope: FunctionScope) => boolean): PathFunction {
  return ofTwo('truth', (a, b, scope) => {
    if (a.kind !== 'string' || b.kind !== 'string') return false
    return call(stringOf(a, scope), stringOf(b, scope), scope)
  })
}

function ofNodes(call: (nodes: readonly JsonText[], scope: FunctionScope) => Value): PathFunction {
  return { takes: ['nodes'], gives: 'value', call: (scope, nodes = []) => call(nodes, scope) }
}

/** A function of the items of one array, or of nodes. All of them must be numbers. */
function ofNumbers(
  call: (numbers: readonly string[]) => string | number | undefined,
): PathFunction {
  return ofNodes((nodes, scope) => {
    const all = itemsOf(nodes, scope)
    if (all.some(({ kind }) => kind !== 'number')) return undefined
    return made(call(all.map((node) => textOf(node, scope))))
  })
}

function ofNumber(call: (number: string) => string | number): PathFunction {
  return ofValue((value, scope) => {
    return value.kind === 'number' ? made(call(textOf(value, scope))) : undefined
  })
}

/** The value of a number or of JSON text; Nothing for other input, such as infinity. */
function made(json: string | number | undefined): Value {
  if (json === undefined || (typeof json === 'number' && !Number.isFinite(json))) return undefined
  return parseJsonText(String(json))
}

function textOf(value: JsonText, { steps }: FunctionScope): string {
  steps.spendOnText(value.end - value.start)
  return value.text
}

function stringOf(value: JsonText, { steps }: FunctionScope): string {
  steps.spendOnText(value.end - value.start)
  return value.string()
}

function itemsOf(nodes: readonly JsonText[], { steps }: FunctionScope): readonly JsonText[] {
  const [only] = nodes
  if (nodes.length !== 1 || only?.kind !== 'array') return nodes
  steps.spend(only.size)
  return only.items()
}

/** The number of items or members, or of a string's Unicode code points; else Nothing. */
export function pathLength(value: JsonText, scope: FunctionScope): Value {
  if (value.kind === 'object' || value.kind === 'array') return made(value.size)
  if (value.kind !== 'string') return undefined
  let length = 0
  for (const _ of stringOf(value, scope)) length += 1
  return made(length)
}

/** Whether an array has an item, or a string a part. */
function contains(whole: JsonText, part: JsonText, scope: FunctionScope): boolean {
  if (whole.kind === 'array') {
    return itemsOf([whole], scope).some((item) => isEqual(item, part, scope.steps))
  }
  if (whole.kind !== 'string' || part.kind !== 'string') return false
  const text = stringOf(whole, scope)
  const sought = stringOf(part, scope)
  scope.steps.spend((text.length * sought.length) / includesPerStep)
  return text.includes(sought)
}

function tokenize(text: JsonText, pattern: JsonText, scope: FunctionScope): Value {
  if (text.kind !== 'string' || pattern.kind !== 'string') return undefined
  const { patterns, steps } = scope
  const parts = patterns.split(stringOf(text, scope), stringOf(pattern, scope), steps)
  return made(parts && JSON.stringify(parts))
}

function keysOf(value: JsonText, { steps }: FunctionScope): Value {
  if (value.kind !== 'object') return undefined
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

/** The best of values that are all numbers or all strings; else Nothing. */
function extreme(
  nodes: readonly JsonText[],
  scope: FunctionScope,
  isBetter: (a: JsonText, b: JsonText) => boolean,
): Value {
  const [first, ...others] = itemsOf(nodes, scope)
  if (first?.kind !== 'number' && first?.kind !== 'string') return undefined
  if (others.some(({ kind }) => kind !== first.kind)) return undefined
  return others.reduce((best, one) => (isBetter(one, best) ? one : best), first)
}

function toNumber(value: JsonText, scope: FunctionScope): Value {
  if (value.kind === 'number') return value
  if (value.kind !== 'string') return undefined
  const text = stringOf(value, scope)
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? made(text) : undefined
}

function isInteger(number: string): boolean {
  return /^-?\d+$/.test(number)
}
