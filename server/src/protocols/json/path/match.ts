import type { JsonText } from '../json-text.ts'

/** A value that a JSONPath finds, and where it is. */
export class JsonMatch {
  readonly value: JsonText
  readonly #parent: JsonMatch | undefined
  readonly #key: string | number
  #isLength = false

  /** Without a parent it is the root. */
  constructor(value: JsonText, parent?: JsonMatch, key: string | number = 0) {
    this.value = value
    this.#parent = parent
    this.#key = key
  }

  /** The length of an array or a string, which jsoncons finds by `.length`. */
  static length(value: JsonText, parent: JsonMatch): JsonMatch {
    const match = new JsonMatch(value, parent, 'length')
    match.#isLength = true
    return match
  }

  /** Whether the value stands in the JSON that was searched. A length does not. */
  get isPart(): boolean {
    return !this.#isLength
  }

  /** Two matches of one search are the same if they have the same place. */
  get place(): number {
    if (!this.#isLength || !this.#parent) return this.value.start
    return -1 - this.#parent.value.start
  }

  /** The normalized path (RFC 9535, 2.7), such as `$['items'][1]`. */
  get location(): string {
    const steps: string[] = []
    let match: JsonMatch = this
    while (match.#parent) {
      const key = match.#key
      steps.push(typeof key === 'number' ? `[${key}]` : `[${quoted(key)}]`)
      match = match.#parent
    }
    return `$${steps.reverse().join('')}`
  }
}

/** JSON escapes only the double quote, a normalized path only the single one. */
function quoted(name: string): string {
  const inside = JSON.stringify(name).slice(1, -1)
  return `'${inside.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
