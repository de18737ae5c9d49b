import type { JsonText } from '../json-text.ts'
import type { FunctionScope } from './functions.ts'
import { JsonMatch } from './match.ts'

/** Finding an item skips so many others in the time that reading one value takes. */
const itemsPerStep = 16

/** Objects with fewer members keep a map of them, which is made once. */
const readMembersMin = 1_000

/** What all parts of one search share. */
export interface Search extends FunctionScope {
  readonly root: JsonText
}

/** Whether a filter selects the value `current`. */
export type Test = (current: JsonText, search: Search) => boolean

/** Selects some of the children of a match, and adds them to `found`. */
export type Selector = (match: JsonMatch, found: JsonMatch[], search: Search) => void

export interface Segment {
  /** Whether it also selects among the children of all descendants. */
  readonly isDescendant: boolean
  readonly selectors: readonly Selector[]
}

export interface Query {
  readonly segments: readonly Segment[]
  /**
   * The names and indexes of a singular query, which finds at most one value; undefined: the query
   * is not singular.
   */
  readonly keys: readonly (string | number)[] | undefined
}

/**
 * All values that a query finds. A value that is found twice is kept once: the result has it once
 * anyway, and otherwise a query such as `$..*..*` would take for ever. Throws JsonPathError.
 */
export function findOnce(query: Query, search: Search): readonly JsonMatch[] {
  let matches: readonly JsonMatch[] = [new JsonMatch(search.root)]
  for (const segment of query.segments) {
    const places = new Set<number>()
    matches = select(segment, matches, search).filter(({ value }) => {
      if (places.has(value.start)) return false
      places.add(value.start)
      return true
    })
  }
  return matches
}

/**
 * All values that a query within a filter finds. A value that is found twice is in it twice. Throws
 * JsonPathError.
 */
export function findAll(query: Query, start: JsonText, search: Search): readonly JsonText[] {
  if (query.keys) {
    const value = findOne(query.keys, start, search)
    return value ? [value] : []
  }
  let matches: readonly JsonMatch[] = [new JsonMatch(start)]
  for (const segment of query.segments) matches = select(segment, matches, search)
  return matches.map(({ value }) => value)
}

/** The value of a singular query; undefined: there is none. Throws JsonPathError. */
export function findOne(
  keys: readonly (string | number)[],
  start: JsonText,
  search: Search,
): JsonText | undefined {
  let value: JsonText | undefined = start
  for (const key of keys) {
    if (!value) return undefined
    search.steps.spend(1)
    value = typeof key === 'string' ? memberOf(value, key, search) : itemOf(value, key, search)
  }
  return value
}

function select(
  { isDescendant, selectors }: Segment,
  matches: readonly JsonMatch[],
  search: Search,
): JsonMatch[] {
  const found: JsonMatch[] = []
  for (const match of matches) {
    for (const one of isDescendant ? withDescendants(match, search) : [match]) {
      for (const selector of selectors) selector(one, found, search)
    }
  }
  return found
}

/** A match and all its descendants, in the order of the text: each before those within it. */
function withDescendants(start: JsonMatch, search: Search): readonly JsonMatch[] {
  const all: JsonMatch[] = []
  const waiting = [start]
  for (let match = waiting.pop(); match; match = waiting.pop()) {
    all.push(match)
    const children = childrenOf(match, search)
    for (let index = children.length - 1; index >= 0; index -= 1) {
      const child = children[index]
      if (child) waiting.push(child)
    }
  }
  return all
}

export function selectName(name: string): Selector {
  return (match, found, search) => {
    const value = memberOf(match.value, name, search)
    if (value) found.push(new JsonMatch(value, match, name))
  }
}

export function selectIndex(index: number): Selector {
  return (match, found, search) => {
    const value = itemOf(match.value, index, search)
    if (value) found.push(new JsonMatch(value, match, placeOf(match.value, index)))
  }
}

export function selectAll(): Selector {
  return (match, found, search) => {
    for (const child of childrenOf(match, search)) found.push(child)
  }
}

export function selectBy(test: Test): Selector {
  return (match, found, search) => {
    for (const child of childrenOf(match, search)) {
      if (test(child.value, search)) found.push(child)
    }
  }
}

/** Selects the items that RFC 9535 (2.3.4.2) defines; `step` must not be 0. */
export function selectSlice({
  start,
  end,
  step,
}: {
  start: number | undefined
  end: number | undefined
  step: number
}): Selector {
  return (match, found, search) => {
    if (match.value.kind !== 'array') return
    const { size } = match.value
    const within = (index: number, least: number, most: number): number =>
      Math.min(Math.max(index < 0 ? size + index : index, least), most)
    const [least, most] = step > 0 ? [0, size] : [-1, size - 1]
    const first = start === undefined ? (step > 0 ? 0 : size - 1) : within(start, least, most)
    const last = end === undefined ? (step > 0 ? size : -1) : within(end, least, most)
    const items = itemsOf(match.value, search)
    for (let index = first; step > 0 ? index < last : index > last; index += step) {
      const value = items[index]
      if (value) found.push(new JsonMatch(value, match, index))
    }
  }
}

function childrenOf(match: JsonMatch, search: Search): readonly JsonMatch[] {
  const { value } = match
  if (value.kind === 'array') {
    return itemsOf(value, search).map((item, index) => new JsonMatch(item, match, index))
  }
  if (value.kind !== 'object') return []
  search.steps.spend(value.size)
  return Array.from(value.members(), ([name, member]) => new JsonMatch(member, match, name))
}

function memberOf(value: JsonText, name: string, { steps }: Search): JsonText | undefined {
  if (value.kind !== 'object') return undefined
  if (value.size < readMembersMin) steps.spend(1)
  else steps.spendOnText(value.end - value.start)
  return value.member(name)
}

function itemOf(value: JsonText, index: number, { steps }: Search): JsonText | undefined {
  if (value.kind !== 'array') return undefined
  steps.spend(1 + value.size / itemsPerStep)
  return value.item(placeOf(value, index))
}

function itemsOf(value: JsonText, { steps }: Search): readonly JsonText[] {
  steps.spend(value.size)
  return value.items()
}

function placeOf(value: JsonText, index: number): number {
  return index < 0 ? value.size + index : index
}
