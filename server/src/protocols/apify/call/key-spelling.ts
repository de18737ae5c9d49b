import { decodeSegment } from '../../rest/path-segment.ts'

/**
 * How this door spells keys outside Apify's alphabet: every byte outside it is percent-encoded, `%`
 * included. A key within the alphabet stays as it is.
 */

// KEY_VALUE_STORE_KEY_REGEX of @apify/consts. `.` and `..` match, but no URL can carry them.
const apifyKey = /^[a-zA-Z0-9!\-_.'()]{1,256}$/
const outsideAlphabet = /[^a-zA-Z0-9!\-_.'()]/u

/** Whether Apify's own store would take the key. */
export function isApifyKey(key: string): boolean {
  return apifyKey.test(key) && key !== '.' && key !== '..'
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
