import { JsonPathError } from './error.ts'

/** Integers in a JSONPath are exact in a double (RFC 9535, 2.1). */
const integer = /-?(?:0|[1-9]\d*)/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const blanks = /[ \t\n\r]*/y
const word = /[a-z][a-z_0-9]*/y
/** Unlike RFC 9535, jsoncons also allows names that begin with a digit. */
const name = /[A-Za-z0-9_\u0080-\u{10ffff}]+/uy
const json = /"(?:[^"\\]|\\.)*"|[[\]{}]|[^"[\]{}]/sy

const escaped: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '/': '/',
  '\\': '\\',
}

/** Reads the parts of a JSONPath one after the other. All methods throw JsonPathError. */
export class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length
  }

  skipBlanks(): void {
    this.#match(blanks)
  }

  /** Whether `part` comes next. If so, it is read. */
  takes(part: string): boolean {
    if (!this.#text.startsWith(part, this.#at)) return false
    this.#at += part.length
    return true
  }

  /** Whether `part` comes next. */
  sees(part: string): boolean {
    return this.#text.startsWith(part, this.#at)
  }

  expect(part: string): void {
    if (!this.takes(part)) throw this.unexpected()
  }

  /** Runs `read`, and goes back to where it began if it returns undefined. */
  attempt<T>(read: () => T | undefined): T | undefined {
    const start = this.#at
    const found = read()
    if (found === undefined) this.#at = start
    return found
  }

  /** A name after a dot; undefined: there is none. */
  name(): string | undefined {
    return this.#match(name)
  }

  /** A word of small letters, such as the name of a function; undefined: there is none. */
  word(): string | undefined {
    return this.#match(word)
  }

  /** Undefined: there is no integer. */
  integer(): number | undefined {
    const text = this.#match(integer)
    if (text === undefined) return undefined
    if (text === '-0' || /^\d/.test(this.#rest(1)) || !Number.isSafeInteger(Number(text))) {
      throw this.unexpected()
    }
    return Number(text)
  }

  /** The text of a JSON number; undefined: there is none. */
  number(): string | undefined {
    const text = this.#match(number)
    if (text !== undefined && /^[\w.]/.test(this.#rest(1))) throw this.unexpected()
    return text
  }

  /** A string in single or double quotes; undefined: there is none. */
  string(): string | undefined {
    const quote = this.#rest(1)
    if (quote !== "'" && quote !== '"') return undefined
    this.#at += 1
    let text = ''
    for (;;) {
      const unit = this.#next()
      if (unit === quote) return text
      if (unit < ' ') throw this.unexpected()
      text += unit === '\\' ? this.#escape(quote) : unit
    }
  }

  /** The text of a JSON array or object, which begins here. It may be invalid JSON. */
  container(): string {
    const start = this.#at
    let depth = 0
    do {
      const part = this.#match(json)
      if (part === undefined) throw this.unexpected()
      if (part === '[' || part === '{') depth += 1
      if (part === ']' || part === '}') depth -= 1
    } while (depth > 0)
    return this.#text.slice(start, this.#at)
  }

  /** The text up to the next slash that is not escaped. The slash is read too. */
  untilSlash(): string {
    const start = this.#at
    for (let unit = this.#next(); unit !== '/'; unit = this.#next()) {
      if (unit === '\\') this.#next()
    }
    return this.#text.slice(start, this.#at - 1)
  }

  unexpected(): JsonPathError {
    const found = this.isAtEnd ? 'its end' : JSON.stringify(this.#rest(10))
    return new JsonPathError(`This is not a JSONPath: ${found} is unexpected at ${this.#at}.`)
  }

  #next(): string {
    const unit = this.#text[this.#at]
    if (unit === undefined) throw this.unexpected()
    this.#at += 1
    return unit
  }

  #escape(quote: string): string {
    const unit = this.#next()
    if (unit === quote) return quote
    if (unit === 'u') return this.#codePoint()
    const character = escaped[unit]
    if (character === undefined) throw this.unexpected()
    return character
  }

  #codePoint(): string {
    const first = this.#hexUnit()
    if (first.isWellFormed()) return first
    const both = this.takes('\\u') ? first + this.#hexUnit() : first
    if (!both.isWellFormed()) throw this.unexpected()
    return both
  }

  #hexUnit(): string {
    const digits = this.#rest(4)
    if (!/^[\da-fA-F]{4}$/.test(digits)) throw this.unexpected()
    this.#at += 4
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  #rest(length: number): string {
    return this.#text.slice(this.#at, this.#at + length)
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    if (found === undefined) return undefined
    this.#at += found.length
    return found
  }
}
