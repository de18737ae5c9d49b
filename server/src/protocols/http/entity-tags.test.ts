import { describe, expect, it } from 'vitest'
import { entityTagOf, parseEntityTag, parseEntityTags, revisionOf } from './entity-tags.ts'

const strong = (text: string): unknown => ({ text, isWeak: false })
const weak = (text: string): unknown => ({ text, isWeak: true })

describe('entity tags in a header', () => {
  it.each([
    ['"1"', [strong('"1"')]],
    ['W/"1"', [weak('"1"')]],
    ['""', [strong('""')]],
    ['"1", "2-d",W/"3"', [strong('"1"'), strong('"2-d"'), weak('"3"')]],
    [' "1" \t,\t "2" ', [strong('"1"'), strong('"2"')]],
    [', ,"1",,"2",', [strong('"1"'), strong('"2"')]],
    ['"a,b", "W/", "*"', [strong('"a,b"'), strong('"W/"'), strong('"*"')]],
    ['"\\", "\xe9"', [strong('"\\"'), strong('"\xe9"')]],
  ])('are understood: %s', (text, expected) => {
    expect(parseEntityTags(text)).toEqual(expected)
  })

  it('may be `*`, which stands for any', () => {
    expect(parseEntityTags('*')).toBe('*')
  })

  it.each([
    '',
    ' ',
    ',',
    '1',
    '"1',
    '1"',
    '"1" "2"',
    '"1", 2',
    '"1", *',
    '*, "1"',
    '**',
    'w/"1"',
    'W/1',
    'W/ "1"',
    "'1'",
    '"a b"',
    '"\x7f"',
    '"1";"2"',
  ])('are not understood: %j', (text) => {
    expect(parseEntityTags(text)).toBeUndefined()
  })

  it('are parsed in linear time, also in long malformed texts', () => {
    for (const part of [' ,', '"1" ', ' \t', ',,', 'W/']) {
      expect(parseEntityTags(`${part.repeat(100_000)}x`)).toBeUndefined()
    }
  })

  it('count as one tag only if there is exactly one', () => {
    expect(parseEntityTag('"1"')).toEqual(strong('"1"'))
    expect(parseEntityTag('W/"1"')).toEqual(weak('"1"'))
    for (const text of ['*', '"1", "2"', '"1",', ' "1"', '1', '']) {
      expect(parseEntityTag(text), text).toBeUndefined()
    }
  })
})

describe('the tag of a revision', () => {
  it('is different for stored and for decoded bytes, and contains the revision', () => {
    for (const revision of [1, 9_007_199_254_740_991]) {
      const [stored, decoded] = [false, true].map((isDecoded) =>
        entityTagOf(revision, { isDecoded }),
      )
      expect([stored, decoded]).toEqual([`"${revision}"`, `"${revision}-d"`])
      for (const text of [stored, decoded]) {
        expect(revisionOf({ text: text ?? '', isWeak: false })).toBe(revision)
      }
    }
  })

  it.each(['"01"', '"1.0"', '"1e3"', '" 1"', '"-1"', '"+1"', '""', '"-d"', '"1-d-d"', '"1-x"'])(
    'is not %s',
    (text) => {
      expect(revisionOf({ text, isWeak: false })).toBeUndefined()
    },
  )

  it('is not a number that is too large to be exact', () => {
    expect(revisionOf({ text: '"9007199254740993"', isWeak: false })).toBeUndefined()
  })
})
