import { describe, expect, it } from 'vitest'
import { parseJsonText } from '../../json/json-text.ts'
import { Query } from '../../rest/query.ts'
import { PageError } from '../page/errors.ts'
import { encodedBytes, Parameters, parsePairs, parseValue } from './wire.ts'

/** The type of the error that `act` throws. */
function typeOf(act: () => unknown): string {
  try {
    act()
    return 'nothing'
  } catch (error) {
    if (error instanceof PageError) return error.type
    throw error
  }
}

describe('the size of a value', () => {
  it.each<[json: string, bytes: number]>([
    ['"abc"', 5],
    ['""', 2],
    ['"ü"', 4],
    ['"👁️"', 9],
    ['"<"', 8],
    ['">&"', 14],
    ['"\u2028\u2029"', 14],
    ['"\\u003c"', 8],
    ['"\\u0041"', 3],
    ['"\\n\\"\\\\\\/"', 9],
    ['"\\u0001"', 8],
    ['[ 1,\t2 ]', 5],
    [' { "a" : null } ', 10],
    ['{"a":1,"a":"twice"}', 7],
    ['{"<":1}', 12],
    ['true', 4],
    ['-1.50', 4],
    ['{"__proto__":{"a":1}}', 21],
  ])('of %j is %i bytes, as Rails writes it', (json, bytes) => {
    expect(encodedBytes(parseJsonText(json))).toBe(bytes)
  })

  it('is at most 4,096 bytes, quotes included', () => {
    const tooLarge = 'MAX_VALUE_LENGTH_EXCEEDED'
    const sized = (text: string): string => typeOf(() => parseValue(JSON.stringify(text)))
    expect(sized('b'.repeat(4_094))).toBe('nothing')
    expect(sized('b'.repeat(4_095))).toBe(tooLarge)
    expect(sized('ü'.repeat(2_047))).toBe('nothing')
    expect(sized('ü'.repeat(2_048))).toBe(tooLarge)
    expect(sized('<'.repeat(682))).toBe('nothing')
    expect(sized('<'.repeat(683))).toBe(tooLarge)
    expect(sized('\u2028'.repeat(683))).toBe(tooLarge)
    expect(typeOf(() => parseValue(`[${'1e20,'.repeat(300)}0]`))).toBe(tooLarge)
    expect(typeOf(() => parseValue(`[${'1e20,'.repeat(150)}0]`))).toBe('nothing')
    expect(typeOf(() => parseValue(`"${'\\u0041'.repeat(4_000)}"`))).toBe('nothing')
    expect(typeOf(() => parseValue(`${' '.repeat(100_000)}1`))).toBe('nothing')
  })
})

describe('a value', () => {
  it('is required', () => {
    expect(typeOf(() => parseValue(undefined))).toBe('Value must be specified')
  })

  it.each([
    '',
    ' ',
    '{',
    'undefined',
    'NaN',
    "'a'",
    '01',
    '[1,]',
    '{a:1}',
    '"\n"',
    '1 2',
    '"\\ud83d"',
  ])('must be JSON, which %j is not', (text) => {
    expect(typeOf(() => parseValue(text))).toBe('VALUE_INVALID')
  })

  it('is refused if it is nested too deeply', () => {
    const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(typeOf(() => parseValue(deep(1_000)))).toBe('nothing')
    expect(typeOf(() => parseValue(deep(100_000)))).toBe('VALUE_INVALID')
    expect(typeOf(() => parseValue('['.repeat(100_000)))).toBe('VALUE_INVALID')
  })

  it('keeps its spelling: numbers beyond doubles, and the order of members', () => {
    const text = '{"b":9007199254740993,"a":1.10}'
    expect(parseValue(text).text).toBe(text)
  })

  it('loses comments, and all but the first of members with the same name', () => {
    expect(parseValue('{"a":1,/* no */"a":2}').text).toBe('{"a":1}')
  })
})

describe('a key', () => {
  const keyOf = (key: unknown): string =>
    new Parameters({ query: new Query(''), json: new Map([['key', key]]) }).key()

  it('has up to 700 characters, as pages count them', () => {
    expect(keyOf('k'.repeat(700))).toHaveLength(700)
    expect(keyOf('👁'.repeat(350))).toHaveLength(700)
    expect(typeOf(() => keyOf('k'.repeat(701)))).toBe('KEY_INVALID')
    expect(typeOf(() => keyOf(`${'👁'.repeat(350)}k`))).toBe('KEY_INVALID')
  })

  it.each([
    '',
    ' ',
    '__proto__',
    'constructor',
    'a/b',
    '../..',
    'a.b$[]#',
    '👁️👄👁️',
    'ключ',
    '\u0000',
  ])('may be %j', (key) => {
    expect(keyOf(key)).toBe(key)
  })

  it('may be a number or a boolean in JSON, and is then the text that a query would have', () => {
    expect([keyOf(5), keyOf(1.5), keyOf(true), keyOf(false)]).toEqual(['5', '1.5', 'true', 'false'])
  })

  it.each([[null], [['k']], [{}]])('is never %j', (key) => {
    expect(typeOf(() => keyOf(key))).toBe('KEY_INVALID')
  })
})

describe('parameters', () => {
  it('come from the body, or else from the query', () => {
    const query = new Query('key=of%20the+query&value=1')
    expect(new Parameters({ query }).key()).toBe('of the query')
    const form = new URLSearchParams('key=of the form')
    expect(new Parameters({ query, form }).key()).toBe('of the form')
    const json = new Map([['key', 'of the JSON']])
    const parameters = new Parameters({ query, json })
    expect(parameters.key()).toBe('of the JSON')
    expect(parameters.jsonText('value')).toBe('1')
    expect(new Parameters({ query: new Query('key=') }).key()).toBe('')
    expect(typeOf(() => new Parameters({ query: new Query('') }).key())).toBe('KEY_INVALID')
  })

  it('hold JSON only as text', () => {
    const textOf = (value: unknown): string | undefined => {
      const json = new Map([['value', value]])
      return new Parameters({ query: new Query(''), json }).jsonText('value')
    }
    expect([textOf('1'), textOf(undefined), textOf(null)]).toEqual(['1', undefined, undefined])
    for (const value of [1, true, [], {}]) {
      expect(typeOf(() => textOf(value))).toBe('VALUE_INVALID')
    }
  })
})

describe('pairs', () => {
  it('are the members of an object, each checked', () => {
    const pairs = parsePairs('{"a":1,"__proto__":"x","b":{"c":null}}')
    expect([...pairs].map(([key, { text }]) => [key, text])).toEqual([
      ['a', '1'],
      ['__proto__', '"x"'],
      ['b', '{"c":null}'],
    ])
    const longKey = JSON.stringify({ ok: 1, ['k'.repeat(701)]: 2 })
    expect(typeOf(() => parsePairs(longKey))).toBe('KEY_INVALID')
    const large = JSON.stringify({ ok: 1, k: 'b'.repeat(4_095) })
    expect(typeOf(() => parsePairs(large))).toBe('MAX_VALUE_LENGTH_EXCEEDED')
  })

  it('are refused with the message of the parser and the raw text, as by code.org', () => {
    const message = /^SyntaxError .+\n while parsing initial key\/value data: \{"a$/
    expect(typeOf(() => parsePairs('{"a'))).toMatch(message)
    expect(() => parsePairs('{"a')).toThrow(message)
    expect(typeOf(() => parsePairs(`{${'x'.repeat(100_000)}`)).length).toBeLessThan(1_200)
  })

  it.each([undefined, '[]', '5', '"{}"', 'null'])('are never %j', (text) => {
    expect(typeOf(() => parsePairs(text))).toContain('key_values_json')
  })
})
