import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSegment } from '../../http/path-segment.ts'
import { isApifyKey, keyOfSpelling, spellKey } from './key-spelling.ts'

describe('the spelling of keys', () => {
  it.each(['a', 'A-1_b.c', "!-_.'()", 'k'.repeat(256), '...', '.a'])(
    "leaves a key of Apify's alphabet as it is: %s",
    (key) => {
      expect(isApifyKey(key)).toBe(true)
      expect(spellKey(key)).toBe(key)
    },
  )

  it.each([
    ['a b', 'a%20b'],
    ['a/b', 'a%2Fb'],
    ['100%', '100%25'],
    ['a%20b', 'a%2520b'],
    ['é', '%C3%A9'],
    ['😀', '%F0%9F%98%80'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['\0', '%00'],
    ['', ''],
    ['k'.repeat(257), 'k'.repeat(257)],
  ])('percent-encodes characters outside the alphabet: %j', (key, spelling) => {
    expect(isApifyKey(key)).toBe(false)
    expect(spellKey(key)).toBe(spelling)
  })

  it('decodes to the same key, as a path segment and as a parameter', () => {
    const anyKey = fc.string({ unit: 'binary', minLength: 1 })
    const property = fc.property(anyKey, (key) => {
      expect(decodeSegment(spellKey(key))).toBe(key)
      expect(keyOfSpelling(spellKey(key))).toBe(key)
      expect(spellKey(key)).toMatch(/^[\x21-\x7e]*$/)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  it.each(['%', '%zz', '%ff', '%C3%28', '%ED%A0%80'])(
    'does not decode %s, which is not percent-encoded UTF-8',
    (segment) => {
      expect(decodeSegment(segment)).toBeUndefined()
      expect(keyOfSpelling(segment)).toBe(segment)
    },
  )
})
