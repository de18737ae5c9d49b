import { limits } from '../../../core/kernel/limits.ts'
import { parseTree } from '../../json/json-tree.ts'
import type { JsonPath, PathWork } from '../../json/path/json-path.ts'
import type { JsonMatch } from '../../json/path/match.ts'

/** Where a text was found in a value. */
export interface FoundText {
  /** The normalized path (RFC 9535); undefined: the search has no path, or it is too long. */
  readonly place: string | undefined
  /** The text, with some of what stands before and behind it. */
  readonly excerpt: string
}

/** What a search looks for in each value. */
export interface Matcher {
  /** Whether only values of JSON types are searched. */
  readonly isJson: boolean
  /** Steps of JSONPaths that were done so far, and whether few are left for another value. */
  readonly spent: number
  readonly isWorkDone: boolean
  /**
   * The first place in a value; undefined: nowhere. Throws JsonTextError for a text that is not
   * JSON, and JsonPathError if the value takes too many steps.
   */
  find(text: string): FoundText | undefined
}

/** A text anywhere in the values. */
export class AnyText implements Matcher {
  readonly isJson = false
  readonly spent = 0
  readonly isWorkDone = false
  readonly #sought: string

  constructor(text: string) {
    this.#sought = folded(text)
  }

  find(text: string): FoundText | undefined {
    const excerpt = excerptWith(text, this.#sought)
    return excerpt === undefined ? undefined : { place: undefined, excerpt }
  }
}

interface Paths {
  readonly at: JsonPath
  /** Everything below what `at` finds. */
  readonly below: JsonPath
  readonly work: PathWork
}

/** A text in the values at a path of JSON, or below it. The text '' is in every value. */
export class TextAtPath implements Matcher {
  readonly isJson = true
  readonly #sought: string
  readonly #paths: Paths

  constructor(text: string, paths: Paths) {
    this.#sought = folded(text)
    this.#paths = paths
  }

  get spent(): number {
    return this.#paths.work.spent
  }

  get isWorkDone(): boolean {
    // Two searches of one value, each as long as it may be.
    return this.spent > limits.jsonPathCommandStepsMax - 2 * limits.jsonPathStepsMax
  }

  find(text: string): FoundText | undefined {
    const { at, below, work } = this.#paths
    const tree = parseTree(text)
    const matches = at.find(tree, work)
    // Where nothing is at the path, nothing is below it.
    if (matches.length === 0) return undefined
    return this.#firstOf(matches) ?? this.#firstOf(below.find(tree, work))
  }

  #firstOf(matches: readonly JsonMatch[]): FoundText | undefined {
    for (const match of matches) {
      const excerpt = this.#excerptOf(match)
      if (excerpt !== undefined) return { place: placeOf(match), excerpt }
    }
    return undefined
  }

  /**
   * Objects and lists are not searched themselves, but what is in them: else the same text would
   * be read as often as it is nested.
   */
  #excerptOf({ value }: JsonMatch): string | undefined {
    if (this.#sought === '') return excerptAt(value.text, 0, 0)
    if (value.kind === 'object' || value.kind === 'array') return undefined
    return excerptWith(value.kind === 'string' ? value.string() : value.text, this.#sought)
  }
}

function placeOf({ location }: JsonMatch): string | undefined {
  return location.length <= limits.findPlaceLengthMax ? location : undefined
}

/** As texts are compared: without a difference between upper and lower case. */
function folded(text: string): string {
  // The small sigma has another form at the end of a word.
  return text.toLowerCase().replaceAll('ς', 'σ')
}

/** Undefined: the text does not contain what is sought, which is folded. */
function excerptWith(text: string, sought: string): string | undefined {
  const lower = folded(text)
  const at = lower.indexOf(sought)
  if (at < 0) return undefined
  // A few letters are longer in lower case: then places in one text are not places in the other.
  return excerptAt(lower.length === text.length ? text : lower, at, sought.length)
}

function excerptAt(text: string, at: number, length: number): string {
  const start = Math.max(0, at - limits.findExcerptBefore)
  const excerpt = text.slice(start, at + length + limits.findExcerptAfter)
  // Half of a character may be left at each end.
  return excerpt.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '')
}
