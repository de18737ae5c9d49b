import { limits } from '../../../core/kernel/limits.ts'
import type { JsonText } from '../json-text.ts'
import type { JsonTree } from '../json-tree.ts'
import { compileQuery } from './compile.ts'
import type { JsonMatch } from './match.ts'
import { Patterns } from './pattern.ts'
import { findOnce, type Query } from './query.ts'
import { Steps } from './steps.ts'
import { parsePath } from './syntax.ts'

/** A valid JSONPath. It may be used any number of times. */
export interface JsonPath {
  /**
   * The matches in the order of RFC 9535, each value once. Throws JsonPathError if the search takes
   * more than `stepsMax` steps. A step is about one value that is looked at.
   */
  find(tree: JsonTree, options?: { stepsMax: number }): readonly JsonMatch[]

  /**
   * Replaces all matches by `value`. Returns how many were replaced: a match within another match
   * is replaced with it and not counted. Throws JsonPathError as `find` does, JsonTreeError and
   * JsonTextError as `JsonTree.replace` does.
   */
  replace(tree: JsonTree, value: JsonText, options?: { stepsMax: number }): number
}

/**
 * Parses a JSONPath (RFC 9535) with some additions of jsoncons: `=~ /PATTERN/` and `.length` in
 * filters, and more functions. Throws JsonPathError.
 */
export function compilePath(text: string): JsonPath {
  const query = compileQuery(parsePath(text))
  return {
    find: (tree, options) => search(query, tree, options),
    replace: (tree, value, options) => {
      const nodes = outermost(search(query, tree, options))
      if (nodes.length > 0) tree.replace(nodes, value)
      return nodes.length
    },
  }
}

function search(
  query: Query,
  { root }: JsonTree,
  { stepsMax }: { stepsMax: number } = { stepsMax: limits.jsonPathStepsMax },
): readonly JsonMatch[] {
  return findOnce(query, { root, steps: new Steps(stepsMax), patterns: new Patterns() })
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
