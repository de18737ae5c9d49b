import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { membersOf } from './json-members.ts'

describe('the members of a JSON object', () => {
  it('are unchanged text, in the same order', () => {
    const json = ' {"10" : 12728784288890246945 ,\n"9":[1, {"a":"}"}],"__proto__":{"x":{}},"":""} '
    expect([...membersOf(json)]).toEqual([
      ['10', '12728784288890246945'],
      ['9', '[1, {"a":"}"}]'],
      ['__proto__', '{"x":{}}'],
      ['', '""'],
    ])
  })

  it('may have quotes, backslashes and brackets in their strings', () => {
    const json = String.raw`{"a\"\\":"\\","b":["\\\"]",{"}":"\\\\"}],"\u0063":null}`
    expect([...membersOf(json)]).toEqual([
      ['a"\\', String.raw`"\\"`],
      ['b', String.raw`["\\\"]",{"}":"\\\\"}]`],
      ['c', 'null'],
    ])
  })

  it('are what JSON.parse finds', () => {
    const texts = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.json())
    fc.assert(
      fc.property(texts, fc.constantFrom('', ' ', '\n\t'), (members, space) => {
        const parts = Object.entries(members).map(
          ([name, json]) => `${space}${JSON.stringify(name)}${space}:${space}${json}${space}`,
        )
        const found = membersOf(`${space}{${parts.join(',')}${space}}`)
        expect([...found]).toEqual(Object.entries(members))
      }),
    )
  })

  it.each([
    '',
    '[]',
    '5',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{"a":[1}',
    '{"a":"b}',
    '{,}',
  ])('can not be read from %s', (json) => {
    expect(() => membersOf(json)).toThrow(SyntaxError)
  })
})
