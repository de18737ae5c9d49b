import type { JsonText } from '../json-text.ts'
import { type FunctionScope, lengthOf } from './functions.ts'
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
  /** The name or index if the segment selects at most one value, otherwise undefined. */
  readonly key: string | number | undefined
}

/**
 * All values that a query finds. A value that is found twice is kept once: the result has it once
 * anyway, and otherwise a query such as `$..*..*` would take for ever. Throws JsonPathError.
 */
export function findOnce(segments: readonly Segment[], search: Search): readonly JsonMatch[] {
  let matches: readonly JsonMatch[] = [new JsonMatch(search.root)]
  for (const segment of segments) {
    const places = new Set<number>()
    matches = select(segment, matches, search).filter(({ place }) => {
      if (places.has(place)) return false
      places.add(place)
      return true
    })
  }
  return matches
}

/**
 * All values that a query within a filter finds. A value that is found twice is in it twice. Throws
 * JsonPathError.
 */
export function findAll(
  segments: readonly Segment[],
  start: JsonText,
  search: Search,
): readonly JsonText[] {
  let matches: readonly JsonMatch[] = [new JsonMatch(start)]
  for (const segment of segments) matches = select(segment, matches, search)
  return matches.map(({ value }) => value)
}

/** The value behind names and indexes; undefined: there is none. Throws JsonPathError. */
export function valueAt(
  keys: readonly (string | number)[],
  start: JsonText,
  search: Search,
): JsonText | undefined {
  let value: JsonText | undefined = start
  for (const key of keys) {
    if (!value) return undefined
    search.steps.spend(1)
    value = typeof key === 'string' ? named(value, key, search) : itemOf(value, key, search)
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

/**
 * A match and all its descendants that are arrays or objects, in the order of the text: each before
 * those within it. Others have no children, and jsoncons does not look for their length.
 */
function withDescendants(start: JsonMatch, search: Search): readonly JsonMatch[] {
  const all: JsonMatch[] = []
  const waiting = isContainer(start) ? [start] : []
  for (let match = waiting.pop(); match; match = waiting.pop()) {
    all.push(match)
    const children = childrenOf(match, search)
    for (let index = children.length - 1; index >= 0; index -= 1) {
      const child = children[index]
      if (child && isContainer(child)) waiting.push(child)
    }
  }
  return all
}

function isContainer({ value }: JsonMatch): boolean {
  return value.kind === 'array' || value.kind === 'object'
}

export function selectName(name: string): Selector {
  return (match, found, search) => {
    const value = named(match.value, name, search)
    if (!value) return
    const { kind } = match.value
    if (kind === 'object') found.push(new JsonMatch(value, match, name))
    else if (name === 'length') found.push(JsonMatch.length(value, match))
    else found.push(new JsonMatch(value, match, placeOf(match.value, Number(name))))
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

/**
 * What a name selects, as in jsoncons: a member of an object, an item of an array if the name is a
 * number, the length of an array that is not empty, and the length of a string.
 */
function named(value: JsonText, name: string, search: Search): JsonText | undefined {
  if (value.kind === 'object') return memberOf(value, name, search)
  if (value.kind === 'array' && /^-?\d+$/.test(name)) return itemOf(value, Number(name), search)
  if (name !== 'length' || (value.kind === 'array' && value.size === 0)) return undefined
  return lengthOf(value, search.steps)
}

function memberOf(value: JsonText, name: string, { steps }: Search): JsonText | undefined {
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
