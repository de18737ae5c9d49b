import { limits } from '../../../core/kernel/limits.ts'
import { parseJsonText } from '../json-text.ts'
import { JsonTextError } from '../json-text-error.ts'
import { JsonPathError } from './error.ts'
import * as filter from './filter.ts'
import { pathFunctions } from './functions.ts'
import {
  assertFewInstructions,
  compilationStepsOf,
  compilePattern,
  programSizeOf,
} from './pattern.ts'
import {
  type Segment,
  type Selector,
  selectAll,
  selectBy,
  selectIndex,
  selectName,
  selectSlice,
} from './query.ts'
import { Scanner } from './scanner.ts'
import type { Steps } from './steps.ts'

const comparisons = ['==', '!=', '<=', '>=', '<', '>'] as const

const words: ReadonlySet<string> = new Set(['true', 'false', 'null'])

/** A selector, and its name or index if it selects at most one value. */
interface ParsedSelector {
  readonly selector: Selector
  readonly key?: string | number
}

/** Parses a JSONPath. Throws JsonPathError. */
export function parsePath(text: string, steps: Steps): readonly Segment[] {
  if (!text.isWellFormed()) throw new JsonPathError('A JSONPath must be valid Unicode text.')
  if (!text.startsWith('$')) throw new JsonPathError('A JSONPath must begin with $.')
  if (text.length > limits.jsonPathLengthMax) {
    throw new JsonPathError(`A JSONPath may have up to ${limits.jsonPathLengthMax} characters.`)
  }
  steps.spend(text.length)
  return new Parser(text, steps).path()
}

/**
 * The syntax of RFC 9535, and of jsoncons what a client can write in a filter: literals and
 * functions without a comparison, queries for many values in comparisons, arrays and objects as
 * literals, and `=~ /PATTERN/`. What jsoncons would calculate is refused: arithmetic, `[(...)]`,
 * functions outside of filters, and `^`.
 */
class Parser {
  readonly #scanner: Scanner
  readonly #steps: Steps
  /** Of all patterns so far. */
  #instructions = 0

  constructor(text: string, steps: Steps) {
    this.#scanner = new Scanner(text)
    this.#steps = steps
  }

  path(): readonly Segment[] {
    this.#scanner.expect('$')
    const segments = this.#segments()
    if (!this.#scanner.isAtEnd) throw this.#scanner.unexpected()
    return segments
  }

  #segments(): readonly Segment[] {
    const segments: Segment[] = []
    for (;;) {
      const segment = this.#scanner.attempt(() => this.#segment())
      if (!segment) return segments
      segments.push(segment)
    }
  }

  #segment(): Segment | undefined {
    this.#scanner.skipBlanks()
    if (this.#scanner.takes('[')) return childSegment(this.#selection())
    if (this.#scanner.takes('..')) {
      const all = this.#scanner.takes('[') ? this.#selection() : [this.#shorthand()]
      const selectors = all.map(({ selector }) => selector)
      return { isDescendant: true, selectors, key: undefined }
    }
    return this.#scanner.takes('.') ? childSegment([this.#shorthand()]) : undefined
  }

  /** What stands behind a dot. */
  #shorthand(): ParsedSelector {
    if (this.#scanner.takes('*')) return { selector: selectAll() }
    const key = this.#scanner.name()
    if (key === undefined) throw this.#scanner.unexpected()
    return { selector: selectName(key), key }
  }

  /** What stands between brackets. */
  #selection(): readonly ParsedSelector[] {
    const all: ParsedSelector[] = []
    do {
      this.#scanner.skipBlanks()
      all.push(this.#selector())
      this.#scanner.skipBlanks()
    } while (this.#scanner.takes(','))
    this.#scanner.expect(']')
    return all
  }

  #selector(): ParsedSelector {
    if (this.#scanner.takes('*')) return { selector: selectAll() }
    if (this.#scanner.takes('?')) {
      this.#scanner.skipBlanks()
      return { selector: selectBy(filter.tests(this.#either())) }
    }
    const key = this.#scanner.string()
    if (key !== undefined) return { selector: selectName(key), key }
    const index = this.#scanner.integer()
    const slice = this.#scanner.attempt(() => this.#slice(index))
    if (slice) return { selector: slice }
    if (index === undefined) throw this.#scanner.unexpected()
    return { selector: selectIndex(index), key: index }
  }

  #slice(start: number | undefined): Selector | undefined {
    this.#scanner.skipBlanks()
    if (!this.#scanner.takes(':')) return undefined
    this.#scanner.skipBlanks()
    const end = this.#scanner.integer()
    const step = this.#scanner.attempt(() => this.#step()) ?? 1
    if (step === 0) throw new JsonPathError('The step of a slice must not be 0.')
    return selectSlice({ start, end, step })
  }

  #step(): number | undefined {
    this.#scanner.skipBlanks()
    if (!this.#scanner.takes(':')) return undefined
    return (
      this.#scanner.attempt(() => {
        this.#scanner.skipBlanks()
        return this.#scanner.integer()
      }) ?? 1
    )
  }

  #either(): filter.ValueOf {
    let value = this.#both()
    while (this.#takesNext('||')) value = filter.isEither(value, this.#both())
    return value
  }

  #both(): filter.ValueOf {
    let value = this.#comparison()
    while (this.#takesNext('&&')) value = filter.isBoth(value, this.#comparison())
    return value
  }

  #comparison(): filter.ValueOf {
    const left = this.#operand()
    const operator = comparisons.find((one) => this.#takesNext(one))
    return operator ? filter.compares(left, operator, this.#operand()) : left
  }

  /** In jsoncons, `!` belongs to the value behind it and not to a comparison. */
  #operand(): filter.ValueOf {
    const value = this.#negated()
    if (!this.#takesNext('=~')) return value
    this.#scanner.expect('/')
    const pattern = this.#scanner.untilSlash()
    const flags = this.#scanner.takes('i') ? '(?i)' : ''
    const instructions = programSizeOf(pattern)
    this.#instructions += instructions
    assertFewInstructions(this.#instructions)
    this.#steps.spend(compilationStepsOf(instructions))
    if (!compilePattern(flags + pattern)) {
      throw new JsonPathError(`The pattern /${pattern}/ is invalid.`)
    }
    return filter.fits(value, flags + pattern)
  }

  #negated(): filter.ValueOf {
    if (!this.#scanner.takes('!')) return this.#primary()
    this.#scanner.skipBlanks()
    return filter.isNot(this.#negated())
  }

  #primary(): filter.ValueOf {
    if (this.#scanner.takes('(')) return this.#group()
    const isFromRoot = this.#scanner.takes('$')
    if (isFromRoot || this.#scanner.takes('@'))
      return filter.finds(this.#segments(), { isFromRoot })
    if (this.#scanner.sees('[') || this.#scanner.sees('{'))
      return this.#literal(this.#scanner.container())
    const text = this.#scanner.string()
    if (text !== undefined) return this.#literal(JSON.stringify(text))
    const number = this.#scanner.number()
    if (number !== undefined) return this.#literal(number)
    const word = this.#scanner.word()
    if (word !== undefined && this.#scanner.takes('(')) return this.#call(word)
    if (word !== undefined && words.has(word)) return this.#literal(word)
    throw this.#scanner.unexpected()
  }

  #group(): filter.ValueOf {
    this.#scanner.skipBlanks()
    const value = this.#either()
    this.#scanner.skipBlanks()
    this.#scanner.expect(')')
    return value
  }

  #literal(json: string): filter.ValueOf {
    try {
      return filter.literal(parseJsonText(json))
    } catch (error) {
      if (error instanceof JsonTextError) throw this.#scanner.unexpected()
      throw error
    }
  }

  #call(name: string): filter.ValueOf {
    const called = pathFunctions.get(name)
    if (!called) throw new JsonPathError(`There is no function ${name} in a JSONPath.`)
    const given: filter.ValueOf[] = []
    this.#scanner.skipBlanks()
    while (!this.#scanner.takes(')')) {
      if (given.length > 0) this.#scanner.expect(',')
      this.#scanner.skipBlanks()
      given.push(this.#either())
      this.#scanner.skipBlanks()
    }
    if (given.length === called.arity) return filter.calls(called, given)
    throw new JsonPathError(`The function ${name} takes ${called.arity} arguments.`)
  }

  /** Whether the operator comes next, behind blanks. If so, it and blanks behind it are read. */
  #takesNext(operator: string): boolean {
    const found = this.#scanner.attempt(() => {
      this.#scanner.skipBlanks()
      return this.#scanner.takes(operator) || undefined
    })
    if (found) this.#scanner.skipBlanks()
    return found === true
  }
}

function childSegment(all: readonly ParsedSelector[]): Segment {
  const selectors = all.map(({ selector }) => selector)
  return { isDescendant: false, selectors, key: all.length === 1 ? all[0]?.key : undefined }
}
