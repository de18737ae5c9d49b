import { describe, expect, it } from 'vitest'
import { typedValue } from './typed-value.ts'

describe('what is typed as a value', () => {
  it.each([
    'true',
    'false',
    '5',
    ' 5 ',
    '-0.5',
    '1e3',
    '"1"',
    '"true"',
    '"foo"',
    String.raw`"\"foo\""`,
  ])('is JSON such as %s', (typed) => {
    expect(typedValue(typed)).toEqual({ kind: 'value', json: typed.trim() })
  })

  it('keeps every digit, and lists and objects too', () => {
    expect(typedValue('9007199254740993')).toEqual({ kind: 'value', json: '9007199254740993' })
    expect(typedValue('[1, {"a": null}]')).toEqual({ kind: 'value', json: '[1, {"a": null}]' })
  })

  it.each(['', '   ', 'undefined', 'null', ' null '])('is nothing where it is "%s"', (typed) => {
    expect(typedValue(typed)).toEqual({ kind: 'nothing' })
  })

  it.each([
    ['abc', '"abc"'],
    ['NaN', '"NaN"'],
    ["'x'", '"x"'],
    ["it's", `"it's"`],
    ['“it', '"“it"'],
    ['"open', String.raw`"\"open"`],
    ['say "hi"', String.raw`"say \"hi\""`],
    [`6'2"`, String.raw`"6'2\""`],
    ["rock 'n'", `"rock 'n'"`],
    ["'Twas", `"'Twas"`],
    ["'Twas the night'", '"Twas the night"'],
    ["'rock 'n' roll'", `"'rock 'n' roll'"`],
    [`'say "hi"'`, String.raw`"'say \"hi\"'"`],
    ['“say ‘hi’”', '"“say ‘hi’”"'],
    ['„Straße“', '"Straße"'],
    ['« oui »', '" oui "'],
    ["''", '""'],
    ["'", `"'"`],
    ['01', '1'],
    ['.5', '0.5'],
    ['+1', '1'],
    ['5.', '5'],
    ['-.5e3', '-0.5e3'],
    ['+9007199254740993', '9007199254740993'],
    ['00123456789012345678901', '123456789012345678901'],
    ['.', '"."'],
    ['+', '"+"'],
    ['e5', '"e5"'],
    ['True', 'true'],
    ['Ünï "x" y', String.raw`"Ünï \"x\" y"`],
  ])('is a mistake where it is %s, and may mean %s', (typed, suggestion) => {
    const value = typedValue(typed)
    expect(value).toMatchObject({ kind: 'mistake', suggestion })
    expect(typedValue(suggestion)).toEqual({ kind: 'value', json: suggestion })
  })

  it.each(['[1, 2', '{a: 1}', '[1] 2'])('is a list or an object with a mistake: %s', (typed) => {
    const value = typedValue(typed)
    expect(value).toEqual({ kind: 'mistake', message: expect.stringContaining('mistake in this') })
  })
})
