import { LRUCache } from 'lru-cache'
import { RE2JS, RE2JSException } from 're2js'
import { limits } from '../../../core/kernel/limits.ts'
import { JsonPathError } from './error.ts'
import type { Steps } from './steps.ts'

/**
 * One step is about the work of matching so many UTF-16 units with one instruction, in the worst
 * case: 30 to 50 ns for each.
 */
const stepUnits = 4
/** The same for an instruction that is compiled. */
const stepsPerInstruction = 50

interface Compiled {
  /** Undefined: the pattern is invalid. */
  readonly compiled: RE2JS | undefined
}

/**
 * Regular expressions in RE2's syntax, which has all of I-Regexp (RFC 9485). RE2 takes time in
 * proportion to the text. Patterns come from users, and JavaScript could take years for one.
 */
export class Patterns {
  /** Created when it is needed: most searches have no pattern. */
  #cached: LRUCache<string, Compiled> | undefined

  /** Whether all of `text` matches. False if the pattern is invalid. Throws JsonPathError. */
  matches(text: string, pattern: string, steps: Steps): boolean {
    return this.#find(text, pattern, steps)?.testExact(text) ?? false
  }

  /** Whether a part of `text` matches. False if the pattern is invalid. Throws JsonPathError. */
  isIn(text: string, pattern: string, steps: Steps): boolean {
    return this.#find(text, pattern, steps)?.test(text) ?? false
  }

  /** The parts of `text` between matches; undefined: the pattern is invalid. */
  split(text: string, pattern: string, steps: Steps): readonly string[] | undefined {
    return this.#find(text, pattern, steps)?.split(text, -1)
  }

  #find(text: string, pattern: string, steps: Steps): RE2JS | undefined {
    this.#cached ??= new LRUCache({ max: limits.cachedPatternsMax })
    const { compiled } = this.#cached.get(pattern) ?? this.#add(pattern, steps, this.#cached)
    if (compiled) steps.spend(1 + (text.length * compiled.programSize()) / stepUnits)
    return compiled
  }

  #add(pattern: string, steps: Steps, cached: LRUCache<string, Compiled>): Compiled {
    steps.spend(compilationStepsOf(programSizeOf(pattern)))
    const compiled = compilePattern(pattern)
    const entry = { compiled }
    cached.set(pattern, entry)
    return entry
  }
}

/** About how many steps compiling a pattern of so many instructions takes. */
export function compilationStepsOf(instructions: number): number {
  return 1_000 + stepsPerInstruction * instructions
}

/** Undefined: the pattern is invalid. Throws JsonPathError if it is too long or too large. */
export function compilePattern(pattern: string): RE2JS | undefined {
  if (pattern.length > limits.patternLengthMax) {
    throw new JsonPathError(`Patterns may have up to ${limits.patternLengthMax} characters.`)
  }
  assertFewInstructions(programSizeOf(pattern))
  try {
    return RE2JS.compile(withStrictDots(pattern))
  } catch (error) {
    if (error instanceof RE2JSException) return undefined
    throw error
  }
}

/** Throws JsonPathError. */
export function assertFewInstructions(size: number): void {
  if (size <= limits.patternProgramMax) return
  const rule = `at most ${limits.patternProgramMax} parts, each repetition written out`
  throw new JsonPathError(`A pattern may have ${rule}.`)
}

/** In I-Regexp a dot matches neither `\n` nor `\r`, in RE2 it matches `\r`. */
function withStrictDots(pattern: string): string {
  return pattern.replace(/\\.|\[(?:\\.|[^\\\]])*\]|\./gs, (part) =>
    part === '.' ? '[^\\n\\r]' : part,
  )
}

/** Parts of a pattern that count as one thing, and its quantifiers. */
const part =
  /\\Q(?<literal>.*?)(?:\\E|$)|\\[pPx]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\{(?<least>\d+)(?:,(?<most>\d*))?\}|./gs

/** A group that is open: what stands in it so far, and the last part, which may be repeated. */
interface Group {
  before: number
  last: number
}

/**
 * About how many instructions a pattern has once its repetitions are written out. It is known
 * before the pattern is compiled, which takes memory and time for each of them.
 */
export function programSizeOf(pattern: string): number {
  let group: Group = { before: 1, last: 0 }
  const outer: Group[] = []
  const add = (size: number): void => {
    group = { before: group.before + group.last, last: size }
  }
  for (const { 0: text, groups = {} } of pattern.matchAll(part)) {
    const { literal, least, most } = groups
    if (literal !== undefined) add(literal.length)
    else if (least !== undefined) group.last *= timesOf(least, most)
    else if (text === '(') {
      outer.push(group)
      group = { before: 2, last: 0 }
    } else if (text === ')') {
      const size = group.before + group.last
      group = outer.pop() ?? { before: 0, last: 0 }
      add(size)
    } else if ('*+?'.includes(text)) group.last += 1
    else add(1)
  }
  const open = outer.reduce((sum, { before, last }) => sum + before + last, 0)
  return open + group.before + group.last
}

/** Each repetition that may be left out has an instruction more. */
function timesOf(least: string, most: string | undefined): number {
  if (most === undefined) return Math.max(1, Number(least))
  return most === '' ? Number(least) + 2 : Math.max(1, 2 * Number(most) - Number(least))
}
