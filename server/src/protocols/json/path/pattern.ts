import { LRUCache } from 'lru-cache'
import { RE2JS, RE2JSException } from 're2js'
import { limits } from '../../../core/kernel/limits.ts'
import { JsonPathError } from './error.ts'
import type { Steps } from './steps.ts'

/** A step is about as much work as this many UTF-16 units in a pattern of one instruction. */
const stepUnits = 512

interface Compiled {
  /** Undefined: the pattern is none. */
  readonly compiled: RE2JS | undefined
}

/**
 * Regular expressions of RE2's syntax, which has all of I-Regexp (RFC 9485) and takes time in
 * proportion to the text: patterns come from users, and those of JavaScript can take years.
 */
export class Patterns {
  /** Made when it is needed: most searches have no pattern. */
  #cached: LRUCache<string, Compiled> | undefined

  /** Whether all of `text` matches. False where the pattern is none. Throws JsonPathError. */
  matches(text: string, pattern: string, steps: Steps): boolean {
    return this.#find(text, pattern, steps)?.testExact(text) ?? false
  }

  /** Whether a part of `text` matches. False where the pattern is none. Throws JsonPathError. */
  isIn(text: string, pattern: string, steps: Steps): boolean {
    return this.#find(text, pattern, steps)?.test(text) ?? false
  }

  /** The parts of `text` between matches; undefined where the pattern is none. */
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
    const compiled = compilePattern(pattern)
    steps.spend(1_000 + (compiled?.programSize() ?? 0))
    const entry = { compiled }
    cached.set(pattern, entry)
    return entry
  }
}

/** Undefined where the pattern is none. Throws JsonPathError where it is too long. */
export function compilePattern(pattern: string): RE2JS | undefined {
  if (pattern.length > limits.patternLengthMax) {
    throw new JsonPathError(`Patterns may have up to ${limits.patternLengthMax} characters.`)
  }
  try {
    return RE2JS.compile(withStrictDots(pattern))
  } catch (error) {
    if (error instanceof RE2JSException) return undefined
    throw error
  }
}

/** In I-Regexp a dot is neither of two line breaks, in RE2 it is one of them. */
function withStrictDots(pattern: string): string {
  return pattern.replace(/\\.|\[(?:\\.|[^\\\]])*\]|\./gs, (part) =>
    part === '.' ? '[^\\n\\r]' : part,
  )
}
