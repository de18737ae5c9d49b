import { describe, expect, it } from 'vitest'
import { checkedJson, parseJson, printJson } from './json.ts'

const ways = [
  ['as modern engines do', true],
  ['without help from the engine', false],
] as const

describe.each(ways)('JSON that is parsed %s', (_, hasSource) => {
  const parse = (json: string) => parseJson(json, hasSource)

  it('keeps every digit of integers that no number holds, as bigints', () => {
    expect(parse('[9007199254740991,9007199254740992,-12728784288890246945]')).toEqual([
      9007199254740991,
      9007199254740992n,
      -12728784288890246945n,
    ])
  })

  it('parses everything else as JSON.parse does', () => {
    const json =
      '{"10":1,"9":0.12345678901234567,"a":1e20,"12345678901234567890":[null,true,-0.0],"e":1234567890123456.5}'
    expect(parse(json)).toEqual(JSON.parse(json))
  })

  it('leaves digits in strings and names alone', () => {
    const json = String.raw`{"a\"12345678901234567890":"bigint_12345678901234567890\\","b":[12345678901234567890,"\"12345678901234567890"]}`
    expect(parse(json)).toEqual({
      'a"12345678901234567890': 'bigint_12345678901234567890\\',
      b: [12345678901234567890n, '"12345678901234567890'],
    })
  })

  it('is not misled by a string that spells its mark with escapes', () => {
    const json = String.raw`["\u0062igint_7",12345678901234567890]`
    expect(parse(json)).toEqual(['bigint_7', 12345678901234567890n])
  })

  it('refuses text that is not JSON', () => {
    expect(() => parse('[12345678901234567890')).toThrow(SyntaxError)
    expect(() => parse('')).toThrow(SyntaxError)
  })
})

describe.each(ways)('JSON that is printed %s', (_, hasRaw) => {
  const print = (value: unknown) => printJson(value, hasRaw)

  it('has bigints as integers, at any depth', () => {
    expect(print(-12728784288890246945n)).toBe('-12728784288890246945')
    expect(print({ a: [1n, { b: 2n ** 64n }] })).toBe('{"a":[1,{"b":18446744073709551616}]}')
  })

  it('is not misled by strings that look like its own marks', () => {
    const value = { bigint_1: 'bigint_2', b: ['bigint__3', 4n] }
    expect(print(value)).toBe('{"bigint_1":"bigint_2","b":["bigint__3",4]}')
  })

  it('ignores a toJSON that programs give to bigints', () => {
    Object.assign(BigInt.prototype, { toJSON: () => 'a string' })
    try {
      expect(print([5n])).toBe('[5]')
    } finally {
      Reflect.deleteProperty(BigInt.prototype, 'toJSON')
    }
  })

  it('refuses values that JSON can not express', () => {
    expect(() => print(undefined)).toThrow(TypeError)
    expect(() => print(() => 1)).toThrow(TypeError)
  })

  it.each(['\ud800', 'a\udc00b', '\\\ud800', '\ude00\ud83d'])(
    'refuses half of a surrogate pair: %j',
    (text) => {
      expect(() => print({ deep: [text] })).toThrow('surrogate')
      expect(() => print({ [text]: 1 })).toThrow('surrogate')
    },
  )

  it.each(['😀', '\\ud800', '\\\\udc00', '"\\ud800"'])('takes %j', (text) => {
    expect(JSON.parse(print(text))).toBe(text)
  })
})

describe('JSON text that is given', () => {
  it('stays unchanged', () => {
    const json = String.raw`{ "a": 1.00, "b": "\ud83d\ude00\\ud800" }`
    expect(checkedJson(json)).toBe(json)
  })

  it.each(['', '1,2', '{"a":1},"b":{', '1}', "'a'"])('must be one value, not %j', (json) => {
    expect(() => checkedJson(json)).toThrow(SyntaxError)
  })

  it('must be text, and Unicode', () => {
    expect(() => checkedJson(5)).toThrow(TypeError)
    expect(() => checkedJson(String.raw`"\ud83d"`)).toThrow('surrogate')
    expect(() => checkedJson(String.raw`"\uDE00\uD83D"`)).toThrow('surrogate')
    expect(() => checkedJson('"\ud83d"')).toThrow('surrogate')
  })
})
