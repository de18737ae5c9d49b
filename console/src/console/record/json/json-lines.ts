/** The tokens of a JSON text, by where they stand in it: every digit stays as it is. */
export interface JsonTokens {
  readonly text: string
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** A line of JSON as it is drawn: some tokens, at a depth. */
export interface JsonLine {
  readonly depth: number
  /** The first token. */
  readonly from: number
  /** One behind the last token. */
  readonly to: number
  /** The line with the closing bracket, for a line that opens one. */
  close: number | undefined
  /** How many items or members are between the brackets. */
  count: number
}

export interface JsonOutline extends JsonTokens {
  readonly lines: readonly JsonLine[]
}

export interface JsonMistake {
  readonly message: string
  /** Where in the text. */
  readonly at: number
  /** From 1. */
  readonly line: number
}

/** Why a text is not JSON. */
export class NotJson extends Error {
  override readonly name = 'NotJson'
  readonly mistake: JsonMistake

  constructor(text: string, message: string, at: number) {
    super(message)
    const line = text.slice(0, at).split('\n').length
    this.mistake = { message, at: Math.min(at, text.length), line }
  }
}

const string = '"(?:[^"\\\\\\u0000-\\u001f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
const number = '-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?'
const tokenPattern = new RegExp(
  `[[\\]{}:,]|${string}|${number}(?![\\w.])|(?:true|false|null)\\b`,
  'y',
)
const blankPattern = /[ \t\n\r]*/y
const badPattern = /"[^"\n]{0,20}|[^\s[\]{},:]{1,20}/y

/** Throws NotJson. */
export function outlineOf(text: string): JsonOutline {
  const reading = new Reading(text)
  const { starts, ends } = reading
  let from = 0
  let depth = 0
  const lines: JsonLine[] = []
  const open: number[] = []
  const endLine = (to: number): void => {
    if (to > from) lines.push({ depth, from, to, close: undefined, count: 0 })
    from = to
  }
  for (let token = reading.next(); token !== undefined; token = reading.next()) {
    const at = starts.length
    if (token === '{' || token === '[') {
      if (reading.isClosedNext()) continue
      endLine(at)
      open.push(lines.length - 1)
      depth += 1
    } else if ((token === '}' || token === ']') && !reading.wasEmpty) {
      endLine(at - 1)
      depth -= 1
      const opener = lines[open.pop() ?? -1]
      if (opener) Object.assign(opener, { close: lines.length, count: reading.lastCount })
    } else if (token === ',') endLine(at)
  }
  endLine(starts.length)
  return { text, starts, ends, lines }
}

/** Deeper lines stand at the same place: else a short text of brackets would become gigabytes. */
export const indentMax = 60

/** The text with one line for each item. Only blanks between tokens change. Throws NotJson. */
export function formatJson(text: string): string {
  const outline = outlineOf(text)
  const lines = outline.lines.map(
    (line) => '  '.repeat(Math.min(line.depth, indentMax)) + lineText(outline, line),
  )
  return `${lines.join('\n')}\n`
}

/** As `formatJson`; a text that is not JSON stays as it is. */
export function formatIfJson(text: string): string {
  return mistakeIn(text) ? text : formatJson(text)
}

export function lineText(tokens: JsonTokens, { from, to }: JsonLine): string {
  let shown = ''
  for (let at = from; at < to; at += 1) {
    const token = tokenAt(tokens, at)
    shown += token === ':' ? ': ' : token
  }
  return shown
}

export function tokenAt({ text, starts, ends }: JsonTokens, at: number): string {
  return text.slice(starts[at], ends[at])
}

/** What is wrong with a text that should be JSON; undefined: nothing. */
export function mistakeIn(text: string): JsonMistake | undefined {
  const reading = new Reading(text)
  try {
    while (reading.next() !== undefined);
    return undefined
  } catch (error) {
    if (error instanceof NotJson) return error.mistake
    throw error
  }
}

type Expected = 'value' | 'value-or-]' | 'key' | 'key-or-}' | ':' | ', or end' | 'nothing'

const expectedWords: Readonly<Record<Expected, string>> = {
  value: 'a value',
  'value-or-]': 'a value or ]',
  key: 'a name in double quotes',
  'key-or-}': 'a name in double quotes or }',
  ':': 'a colon',
  ', or end': 'a comma or a closing bracket',
  nothing: 'the end',
}

/** Reads tokens one after the other, and checks their order. It needs no stack of calls. */
class Reading {
  readonly starts: number[] = []
  readonly ends: number[] = []
  /** Whether the bracket that was closed last had nothing in it. */
  wasEmpty = false
  lastCount = 0
  readonly #text: string
  #at = 0
  #expected: Expected = 'value'
  readonly #open: { readonly bracket: string; count: number }[] = []

  constructor(text: string) {
    this.#text = text
    this.#at = text.startsWith('\ufeff') ? 1 : 0
  }

  /** Undefined at the end. Throws NotJson. */
  next(): string | undefined {
    this.#at = this.#blankEnd()
    const start = this.#at
    if (start === this.#text.length) {
      if (this.#expected === 'nothing') return undefined
      throw this.#mistake('The text ends')
    }
    tokenPattern.lastIndex = start
    const token = tokenPattern.exec(this.#text)?.[0]
    if (token === undefined || !this.#take(token)) throw this.#mistake(this.#found(token))
    this.starts.push(start)
    this.#at = start + token.length
    this.ends.push(this.#at)
    return token
  }

  isClosedNext(): boolean {
    const next = this.#text[this.#blankEnd()]
    return next === '}' || next === ']'
  }

  #blankEnd(): number {
    blankPattern.lastIndex = this.#at
    return this.#at + (blankPattern.exec(this.#text)?.[0].length ?? 0)
  }

  #take(token: string): boolean {
    const expected = this.#expected
    const [first] = token
    if (first === ']' || first === '}') return this.#close(first)
    if (first === ':') return this.#move(expected === ':', 'value')
    if (first === ',') {
      const bracket = this.#open.at(-1)?.bracket
      return this.#move(expected === ', or end', bracket === '{' ? 'key' : 'value')
    }
    if (expected === 'key' || expected === 'key-or-}') {
      this.#count()
      return this.#move(first === '"', ':')
    }
    if (expected !== 'value' && expected !== 'value-or-]') return false
    if (this.#open.at(-1)?.bracket === '[') this.#count()
    if (first === '[' || first === '{') {
      this.#open.push({ bracket: first, count: 0 })
      return this.#move(true, first === '[' ? 'value-or-]' : 'key-or-}')
    }
    return this.#move(true, this.#afterValue())
  }

  #close(bracket: string): boolean {
    const opener = this.#open.at(-1)
    const isEmpty = this.#expected === (bracket === ']' ? 'value-or-]' : 'key-or-}')
    const fits = opener?.bracket === (bracket === ']' ? '[' : '{')
    if (!opener || !fits || !(isEmpty || this.#expected === ', or end')) return false
    this.#open.pop()
    this.wasEmpty = isEmpty
    this.lastCount = opener.count
    return this.#move(true, this.#afterValue())
  }

  #count(): void {
    const last = this.#open.at(-1)
    if (last) last.count += 1
  }

  #afterValue(): Expected {
    return this.#open.length === 0 ? 'nothing' : ', or end'
  }

  #move(isRight: boolean, next: Expected): boolean {
    if (isRight) this.#expected = next
    return isRight
  }

  #found(token: string | undefined): string {
    if (token !== undefined) return `Here is ${token.slice(0, 20)}`
    badPattern.lastIndex = this.#at
    const bad = badPattern.exec(this.#text)?.[0]
    if (bad?.startsWith('"')) return `Here is ${bad}, a text that has no end or a wrong sign`
    return `Here is ${bad ?? this.#text[this.#at]}`
  }

  #mistake(found: string): NotJson {
    const message = `${found}, where ${expectedWords[this.#expected]} should be.`
    return new NotJson(this.#text, message, this.#at)
  }
}
