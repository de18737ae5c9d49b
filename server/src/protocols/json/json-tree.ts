import { limits } from '../../core/kernel/limits.ts'
import { type JsonText, parseJsonText } from './json-text.ts'

/** JSON that can be changed. What is not changed keeps its spelling: numbers, names, strings. */
export class JsonTree {
  #root: JsonText

  constructor(root: JsonText) {
    this.#root = root
  }

  get root(): JsonText {
    return this.#root
  }

  /**
   * Replaces each of `nodes` by `value`. The nodes must be parts of `root`, in the order of its
   * text, none within another. Nodes that were read before are not parts of the tree any more.
   * Throws JsonTextError if the result is nested too deeply, and JsonTreeError.
   */
  replace(nodes: readonly JsonText[], value: JsonText): void {
    const { text, start } = this.#root
    const added = value.end - value.start
    const removed = nodes.reduce((sum, node) => sum + node.end - node.start, 0)
    const length = text.length + nodes.length * added - removed
    if (length > Math.max(text.length, limits.jsonViewBytesMax)) throw new JsonTreeError()
    const parts: string[] = []
    let from = 0
    for (const node of nodes) {
      parts.push(text.slice(from, node.start - start), value.text)
      from = node.end - start
    }
    this.#root = parseJsonText(parts.join('') + text.slice(from))
  }
}

/** A change would make a tree too large. */
export class JsonTreeError extends Error {
  constructor() {
    super(`A JSON value may have up to ${limits.jsonViewBytesMax} characters.`)
    this.name = 'JsonTreeError'
  }
}

/** Parses what `parseJsonText` accepts. Throws JsonTextError. */
export function parseTree(text: string): JsonTree {
  return new JsonTree(parseJsonText(text))
}

export function printTree(tree: JsonTree): string {
  return tree.root.text
}
