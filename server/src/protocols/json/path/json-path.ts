import { limits } from '../../../core/kernel/limits.ts'
import type { JsonText } from '../json-text.ts'
import type { JsonTree } from '../json-tree.ts'
import type { JsonMatch } from './match.ts'
import { parsePath } from './parser.ts'
import { compilationStepsOf, Patterns } from './pattern.ts'
import { findOnce, type Segment } from './query.ts'
import { Steps } from './steps.ts'

/** The work of several searches, which share a bound and the compiled patterns. */
export class PathWork {
  readonly patterns = new Patterns()
  readonly #steps: Steps

  constructor(stepsMax: number = limits.jsonPathCommandStepsMax) {
    this.#steps = new Steps(stepsMax)
  }

  /** How many steps the searches took so far. */
  get spent(): number {
    return this.#steps.spent
  }

  /** Runs one search within what is left for all. Throws JsonPathError. */
  run<T>(search: (steps: Steps) => T): T {
    const steps = new Steps(Math.min(limits.jsonPathStepsMax, this.#steps.left))
    try {
      return search(steps)
    } finally {
      this.#steps.count(steps.spent)
    }
  }
}

/** A valid JSONPath. It may be used any number of times. */
export interface JsonPath {
  /**
   * The matches in the order of RFC 9535, each value once. Throws JsonPathError if the search takes
   * more steps than one search may, or than are left in `work`. A step is about one value that is
   * looked at.
   */
  find(tree: JsonTree, work?: PathWork): readonly JsonMatch[]

  /**
   * Replaces all matches by `value`. Returns the number of matches, as jsoncons counts: a match
   * within another match is replaced with it and counted too, and a length is counted but can't be
   * replaced. Throws JsonPathError as `find` does, JsonTreeError and JsonTextError as
   * `JsonTree.replace` does.
   */
  replace(tree: JsonTree, value: JsonText, work?: PathWork): number
}

/**
 * Parses a JSONPath (RFC 9535) as jsoncons 0.171 understands it, which NemesisDB uses. What it
 * finds differs from RFC 9535 in filters, which test the truth of a value and see null where there
 * is none, and in names, which also select items by their number and lengths. Compiling counts in
 * `work` like a search. Throws JsonPathError.
 */
export function compilePath(text: string, work = new PathWork()): JsonPath {
  const query = work.run((steps) => parsePath(text, steps))
  return {
    find: (tree, searches = new PathWork()) => search(query, tree, searches),
    replace: (tree, value, searches = new PathWork()) => {
      const matches = search(query, tree, searches)
      const nodes = outermost(matches.filter(({ isPart }) => isPart))
      if (nodes.length > 0) tree.replace(nodes, value)
      return matches.length
    },
  }
}

/**
 * About how many steps compiling a path takes at most, before anything of it is compiled. Only
 * filters have patterns, and only repetitions make a pattern larger than its text.
 */
export function pathStepsOf(text: string): number {
  if (text.length > limits.jsonPathLengthMax || !text.includes('?')) return text.length
  return compilationStepsOf(text.includes('{') ? limits.patternProgramMax : text.length)
}

function search(
  query: readonly Segment[],
  { root }: JsonTree,
  work: PathWork,
): readonly JsonMatch[] {
  return work.run((steps) => findOnce(query, { root, steps, patterns: work.patterns }))
}

function outermost(matches: readonly JsonMatch[]): readonly JsonText[] {
  const inOrder = matches.map(({ value }) => value).sort((a, b) => a.start - b.start)
  let end = 0
  return inOrder.filter((value) => {
    if (value.start < end) return false
    end = value.end
    return true
  })
}
