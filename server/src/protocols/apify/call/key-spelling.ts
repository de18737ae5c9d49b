import { decodeSegment } from '../../http/path-segment.ts'

/**
 * How this door spells keys outside Apify's alphabet: every byte outside it is percent-encoded, `%`
 * included. A key within the alphabet stays as it is.
 */

// KEY_VALUE_STORE_KEY_REGEX of @apify/consts. `.` and `..` match, but no URL can carry them.
const apifyKeyLengthMax = 256
const apifyKey = new RegExp(`^[a-zA-Z0-9!\\-_.'()]{1,${apifyKeyLengthMax}}$`)
const outsideAlphabet = /[^a-zA-Z0-9!\-_.'()]/u

/** Whether Apify's own store would take the key. */
export function isApifyKey(key: string): boolean {
  return apifyKey.test(key) && key !== '.' && key !== '..'
}

/** Why Apify's own store would not take a key. */
export function whyNoApifyKey(key: string): string {
  const at = key.search(outsideAlphabet)
  const char = at < 0 ? '' : `${nameOfChar(key, at)} is not possible in a path. `
  const isLong = key.length > apifyKeyLengthMax
  const rule = `at most ${apifyKeyLengthMax} are possible in a path`
  const length = isLong ? `The key has ${key.length} characters, and ${rule}. ` : ''
  return `${char}${length}For other keys use /record?key= instead.`
}

/** A character for people, who may not see it. */
function nameOfChar(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0
  const char = JSON.stringify(String.fromCodePoint(code))
  const isVisible = code > 0x20 && code < 0x7f
  const hex = code.toString(16).toUpperCase().padStart(4, '0')
  return `Character ${at + 1}, ${char}${isVisible ? '' : ` (U+${hex})`},`
}

/**
 * The header that makes a browser save a record under its key. RFC 6266, appendix D: `filename` for
 * clients that do not know `filename*`.
 */
export function contentDisposition(key: string): string {
  const spelling = spellKey(key)
  const plain = `attachment; filename="${spelling}"`
  if (spelling === key || !key.isWellFormed()) return plain
  // RFC 8187, 3.2.1, allows fewer characters than encodeURIComponent leaves.
  const extended = encodeURIComponent(key).replaceAll(/['()*]/g, spellChar)
  return `${plain}; filename*=UTF-8''${extended}`
}

export function spellKey(key: string): string {
  if (isApifyKey(key)) return key
  if (key === '.' || key === '..') return key.replaceAll('.', '%2E')
  return Array.from(key, (one) => (outsideAlphabet.test(one) ? spellChar(one) : one)).join('')
}

/** The key of a spelling from a listing. A text that is not a valid spelling is the key itself. */
export function keyOfSpelling(spelling: string): string {
  return decodeSegment(spelling) ?? spelling
}

function spellChar(char: string): string {
  return Array.from(Buffer.from(char), spellByte).join('')
}

function spellByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
