import { LRUCache } from 'lru-cache'
import { RE2JS, RE2JSException } from 're2js'
import { limits } from '../../../core/kernel/limits.ts'
import { JsonPathError } from './error.ts'
import type { Steps } from './steps.ts'

/** One step is about the work of matching so many UTF-16 units with one instruction. */
const stepUnits = 512

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
    const compiled = compilePattern(pattern)
    steps.spend(1_000 + (compiled?.programSize() ?? 0))
    const entry = { compiled }
    cached.set(pattern, entry)
    return entry
  }
}

/** Undefined: the pattern is invalid. Throws JsonPathError if it is too long. */
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

/** In I-Regexp a dot matches neither `\n` nor `\r`, in RE2 it matches `\r`. */
function withStrictDots(pattern: string): string {
  return pattern.replace(/\\.|\[(?:\\.|[^\\\]])*\]|\./gs, (part) =>
    part === '.' ? '[^\\n\\r]' : part,
  )
}
