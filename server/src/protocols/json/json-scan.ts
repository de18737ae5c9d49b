import { JsonCuts } from './json-cuts.ts'
import { addToHash, hashAt, MemberNames } from './json-names.ts'
import { closingQuote } from './json-string.ts'
import { HalfCharacterError, JsonTextError } from './json-text-error.ts'

// UTF-16 units. They are constants of this file because that is fastest.
const tab = 9
const lineFeed = 10
const carriageReturn = 13
const space = 32
const quote = 34
const asterisk = 42
const plus = 43
const commaUnit = 44
const minus = 45
const dot = 46
const slash = 47
const zero = 48
const nine = 57
const colon = 58
const capitalE = 69
const arrayStart = 91
const backslash = 92
const arrayEnd = 93
const e = 101
const objectStart = 123
const objectEnd = 125
const firstSurrogate = 0xd800

/**
 * JSON without comments and duplicate members, and where each part of it ends, so that the JSON
 * need not be scanned again to walk through it.
 */
export interface ScannedJson {
  readonly text: string
  /** The value, without the white space around it. */
  readonly start: number
  readonly end: number
  /**
   * Where names and values end, in the order in which they begin; negative for a string with
   * escapes in it. The end of an object or array is followed by two more numbers: how many children
   * it has, and the index in this list of the next part behind it.
   */
  readonly ends: readonly number[]
}

/** Longer strings are not scanned by a loop. In UTF-16 units. */
const loopedStringMax = 48

/** Stands for the start of an array's names: an array has none. */
const isArray = -1

/**
 * Scans strict JSON (RFC 8259) with two leniencies: comments are allowed where white space is, and
 * of members with the same name the first one counts. Throws JsonTextError, also if containers are
 * nested deeper than `depthMax`. It scans the text once, and once more if something was left out.
 * It uses no recursion.
 */
export function scanJson(text: string, { depthMax }: { depthMax: number }): ScannedJson {
  const cuts = new JsonCuts()
  const scanned = scan(guarded(text), { depthMax, cuts })
  const after = trailingEnd(text, scanned.end, cuts)
  if (after < text.length) throw new JsonTextError('Unexpected text after the JSON value', after)
  return cuts.isEmpty ? scanned : scanJson(cuts.without(text), { depthMax })
}

/**
 * A single read behind the end of a string makes all later reads at that place of the program
 * several times slower. So a text that may end within a token gets one more unit, a NUL, which is
 * not allowed anywhere in JSON.
 */
function guarded(text: string): string {
  const last = text === '' ? 0 : text.charCodeAt(text.length - 1)
  return last === objectEnd || last === arrayEnd ? text : `${text}\0`
}

/** Free functions instead of methods of a class: measured to be much faster. */
function scan(text: string, { depthMax, cuts }: { depthMax: number; cuts: JsonCuts }): ScannedJson {
  const ends: number[] = []
  /** Pairs, for each open container: its place in `ends`, and where its names begin. */
  const open: number[] = []
  const names = new MemberNames()
  const found: Found = { ends, open, names, cuts }
  const start = skipSpace(text, 0, cuts)
  for (let at = start; ; ) {
    const first = text.charCodeAt(at)
    let end: number
    if (first === objectStart || first === arrayStart) {
      if (open.length === 2 * depthMax) throw new JsonTextError('The JSON is nested too deeply', at)
      open.push(ends.length, first === arrayStart ? isArray : names.length)
      ends.push(0, 0, 0)
      at = skipSpace(text, at + 1, cuts)
      if (text.charCodeAt(at) !== first + 2) {
        if (first === objectStart) at = nextValue(text, at, -1, found)
        continue
      }
      end = leave(at, found)
    } else {
      end = first === quote ? stringEnd(text, at) : scalarEnd(text, at, first)
      ends.push(end)
      if (end < 0) end = -end
    }
    for (at = -1; at === -1; ) {
      const depth = open.length
      if (depth === 0) return { text, start, end, ends }
      if (cuts.hasMember) cuts.endValue(depth, end)
      const count = (open[depth - 2] ?? 0) + 1
      ends[count] = (ends[count] ?? 0) + 1
      const after = nextToken(text, end, cuts)
      const unit = text.charCodeAt(after)
      const isInArray = open[depth - 1] === isArray
      if (unit === commaUnit) {
        at = skipSpace(text, after + 1, cuts)
        if (!isInArray) at = nextValue(text, at, after, found)
      } else if (unit === (isInArray ? arrayEnd : objectEnd)) {
        end = leave(after, found)
      } else throw new JsonTextError(`Expected a comma or ${isInArray ? ']' : '}'}`, after)
    }
  }
}

interface Found {
  readonly ends: number[]
  readonly open: number[]
  readonly names: MemberNames
  readonly cuts: JsonCuts
}

/** Ends a container. Returns the position behind its last bracket. */
function leave(at: number, { ends, open, names }: Found): number {
  const first = open.pop() ?? 0
  const place = open.pop() ?? 0
  if (first !== isArray) names.forget(first)
  ends[place] = at + 1
  ends[place + 2] = ends.length
  return at + 1
}

/**
 * Skips the name of a member and the colon. Returns where its value begins. `comma` is the position
 * of the comma in front of the member; -1: there is none.
 */
function nextValue(text: string, start: number, comma: number, found: Found): number {
  const { ends, open, names, cuts } = found
  if (text.charCodeAt(start) !== quote) throw new JsonTextError('Expected a name in quotes', start)
  const last = text.length - 1
  let hash = 0
  let end = start + 1
  let unit = text.charCodeAt(end)
  while (unit !== quote && end < last && isPlain(unit)) {
    hash = addToHash(hash, unit)
    end += 1
    unit = text.charCodeAt(end)
  }
  if (unit === quote) {
    end += 1
    ends.push(end)
  } else {
    end = longStringEnd(text, start)
    ends.push(end)
    if (end < 0) end = -end
    hash = hashAt(text, start)
  }
  if (names.add(text, start, hash, open[open.length - 1] ?? 0)) cuts.beginMember(open.length, comma)
  const after = nextToken(text, end, cuts)
  if (text.charCodeAt(after) !== colon) throw new JsonTextError('A colon is missing', after)
  return skipSpace(text, after + 1, cuts)
}

/** Where a string ends; negative if it has escapes. */
function stringEnd(text: string, start: number): number {
  // A loop is fastest for short strings, JSON.parse for long ones.
  const last = Math.min(start + loopedStringMax, text.length - 1)
  for (let at = start + 1; at <= last; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === quote) return at + 1
    if (!isPlain(unit)) break
  }
  return longStringEnd(text, start)
}

function longStringEnd(text: string, start: number): number {
  const end = closingQuote(text, start) + 1
  if (end === 0) throw new JsonTextError('Unclosed string', start)
  const decoded = decodeLong(text.slice(start, end), start)
  return decoded.length === end - start - 2 ? end : -end
}

/** Decodes a string. Its surrogates must stand in pairs, either both escaped or none. */
function decodeLong(string: string, start: number): string {
  const decoded = parsed(string, start)
  if (decoded.isWellFormed() && string.isWellFormed()) return decoded
  throw new HalfCharacterError(start)
}

function parsed(string: string, start: number): string {
  try {
    return JSON.parse(string)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new JsonTextError('Invalid string', start)
  }
}

/** Where a value ends that is neither a string nor a container. */
function scalarEnd(text: string, start: number, first: number): number {
  if (first === minus || isDigit(first)) return numberEnd(text, start, first)
  if (text.startsWith('true', start) || text.startsWith('null', start)) return start + 4
  if (text.startsWith('false', start)) return start + 5
  throw new JsonTextError('There is no JSON value', start)
}

function numberEnd(text: string, start: number, first: number): number {
  let at = first === minus ? start + 1 : start
  at = text.charCodeAt(at) === zero ? at + 1 : digitsEnd(text, at)
  let unit = text.charCodeAt(at)
  if (unit === dot) {
    at = digitsEnd(text, at + 1)
    unit = text.charCodeAt(at)
  }
  if (unit !== e && unit !== capitalE) return at
  const sign = text.charCodeAt(at + 1)
  return digitsEnd(text, sign === plus || sign === minus ? at + 2 : at + 1)
}

function digitsEnd(text: string, start: number): number {
  let at = start
  while (isDigit(text.charCodeAt(at))) at += 1
  if (at === start) throw new JsonTextError('The number lacks a digit', at)
  return at
}

/** As `skipSpace`, but the text may have ended at `start`. */
function nextToken(text: string, start: number, cuts: JsonCuts): number {
  if (start === text.length) throw tooShort(start)
  return skipSpace(text, start, cuts)
}

/** Skips white space and comments. Throws JsonTextError if nothing follows. */
function skipSpace(text: string, start: number, cuts: JsonCuts): number {
  const unit = text.charCodeAt(start)
  if (unit > space && unit !== slash) return start
  const end = trailingEnd(text, start, cuts)
  if (end === text.length) throw tooShort(end)
  return end
}

/** Skips white space and comments. Nothing need follow. */
function trailingEnd(text: string, start: number, cuts: JsonCuts): number {
  let at = start
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    if (unit === slash) {
      const end = commentEnd(text, at)
      cuts.addComment(at, end)
      at = end
    } else if (isSpace(unit)) at += 1
    else return at
  }
  return at
}

function tooShort(position: number): JsonTextError {
  return new JsonTextError('The text ends too early', position)
}

function commentEnd(text: string, start: number): number {
  const mark = text.charCodeAt(start + 1)
  if (mark === slash) {
    const lineBreak = /[\n\r]/g
    lineBreak.lastIndex = start
    return lineBreak.exec(text)?.index ?? text.length
  }
  if (mark !== asterisk) throw new JsonTextError('Unexpected slash', start)
  const end = text.indexOf('*/', start + 2)
  if (end === -1) throw new JsonTextError('Unclosed comment', start)
  return end + 2
}

function isSpace(unit: number): boolean {
  return unit === space || unit === lineFeed || unit === carriageReturn || unit === tab
}

function isDigit(unit: number): boolean {
  return unit >= zero && unit <= nine
}

/** Whether a unit may stand in a string without an escape, whatever stands beside it. */
function isPlain(unit: number): boolean {
  return unit >= space && unit < firstSurrogate && unit !== backslash
}
