import { JSONPathEnvironment, JSONPathError, type JSONPathQuery, type JSONValue } from 'json-p3'
import { type JsonText, parseJsonText } from './json-text.ts'

/** The query can't be understood, or asks for too much work; the message is a sentence. */
export class JsonPathError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'JsonPathError'
  }
}

/** Names and indices that lead from a value to a part of it. */
export type Location = readonly (string | number)[]

export interface Match {
  readonly location: Location
  /** As RFC 9535 (2.7) writes it: `$['items'][1]`. */
  readonly path: string
}

/** Values looked at by one query of one value, at the most and about. */
const workMax = 50_000_000
const lengthMax = 4_096

const environment = new JSONPathEnvironment()
// A regular expression can take for ever, and stops everybody meanwhile.
environment.functionRegister.delete('match')
environment.functionRegister.delete('search')

/** Throws JsonPathError. JSONPath as RFC 9535 says, without `match()` and `search()`. */
export function compilePath(text: string): JsonPath {
  if (text.length > lengthMax)
    throw new JsonPathError(`A path has at most ${lengthMax} characters.`)
  return new JsonPath(parsed(withMarkedIntegers(text)), text)
}

function parsed(text: string): JSONPathQuery {
  try {
    return environment.compile(text)
  } catch (error) {
    if (error instanceof JSONPathError) throw new JsonPathError(`${error.message}.`)
    throw error
  }
}

/** A query that finds parts of JSON values. */
export class JsonPath {
  readonly #query: JSONPathQuery
  readonly #text: string

  /** Use `compilePath`. */
  constructor(query: JSONPathQuery, text: string) {
    this.#query = query
    this.#text = text
  }

  /** Each part once, in the order of the query. `json` is JSON text. Throws JsonPathError. */
  find(json: string): readonly Match[] {
    const clean = parseJsonText(json).text
    this.#assertBounded(clean)
    const matches = new Map<string, Match>()
    for (const node of this.#query.query(treeOf(clean))) {
      const path = node.getPath({ form: 'canonical' })
      matches.set(path, { location: node.location, path })
    }
    return [...matches.values()]
  }

  /**
   * Puts `value`, JSON text, in place of each part that is found; of parts within each other, the
   * outer one counts. All else stays as it is written. Returns how many, and the new text.
   */
  replace(json: string, value: string): { count: number; json: string } {
    const document = parseJsonText(parseJsonText(json).text)
    const parts = this.find(document.text).map(({ location }) => partAt(document, location))
    parts.sort((one, other) => one.start - other.start || other.end - one.end)
    let text = ''
    let end = 0
    let count = 0
    for (const part of parts) {
      if (part.start < end) continue
      text += document.text.slice(end, part.start) + value
      end = part.end
      count += 1
    }
    return { count, json: text + document.text.slice(end) }
  }

  /** What is nested multiplies: `..` within `..`, and lists of selectors. */
  #assertBounded(json: string): void {
    const values = json.split(/[,:[{]/).length
    const descents = Math.max(1, this.#text.split('..').length - 1)
    const choices = 2 ** Math.min(60, this.#text.split(',').length - 1)
    const filters = this.#text.split('?').length
    if (values ** descents * choices * filters <= workMax) return
    throw new JsonPathError('This path asks for too much work on so large a value.')
  }
}

function partAt(document: JsonText, location: Location): JsonText {
  let part: JsonText | undefined = document
  for (const step of location) {
    part = typeof step === 'string' ? part?.members().get(step) : part?.items()[step]
  }
  if (part) return part
  throw new JsonPathError('This path leads where nothing is.')
}

// Integers that no double holds are compared as texts, which carry this mark: it begins with what
// Unicode keeps for such use, and queries can't have control characters.
const integerMark = '\ufdd0int:'

function treeOf(json: string): JSONValue {
  if (!/\d{16}/.test(json)) return JSON.parse(json)
  const reviver = (_name: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source ?? ''
    const isExact = typeof value !== 'number' || !isInexact(source)
    return isExact ? value : integerMark + source
  }
  return JSON.parse(json, reviver)
}

function isInexact(source: string): boolean {
  return /^-?\d+$/.test(source) && !Number.isSafeInteger(Number(source))
}

/** Outside of quotes, such an integer becomes a text with the mark. */
function withMarkedIntegers(path: string): string {
  return path.replace(
    /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])-?\d{16,}(?![\w.])/g,
    (found) => (isInexact(found) ? `'${integerMark}${found}'` : found),
  )
}
