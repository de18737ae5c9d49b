import { describe, expect, it } from 'vitest'
import {
  argumentWarnings,
  functionArgument,
  keyArgument,
  valueArgument,
} from './argument-warnings.ts'

const anyValue = 'string, number, boolean, undefined or null'

describe('a key', () => {
  it.each([
    [5, '5'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[1, 2], '1,2'],
    [{}, '[object Object]'],
    [Object.create(null), '[object Object]'],
    [() => 1, 'function'],
    [Symbol('s'), 'Symbol(s)'],
  ])('that is %s is warned of', (key, shown) => {
    expect(argumentWarnings('getKeyValue', [keyArgument(key)])).toEqual([
      `getKeyValue() key parameter value (${shown}) is not a string.`,
    ])
  })

  it.each(['', 'k', '__proto__'])('that is the string "%s" is not warned of', (key) => {
    expect(argumentWarnings('getKeyValue', [keyArgument(key)])).toEqual([])
  })
})

describe('a value', () => {
  it.each(['', 0, Number.NaN, false, undefined, null, [1], { a: 1 }, new Date(0)])(
    'that is %s is not warned of',
    (value) => {
      expect(argumentWarnings('setKeyValue', [valueArgument(value)])).toEqual([])
    },
  )

  it.each([
    [() => 1, 'function'],
    [class {}, 'function'],
    [Symbol('s'), 'Symbol(s)'],
    [5n, '5'],
  ])('that is %s is warned of', (value, shown) => {
    expect(argumentWarnings('setKeyValue', [valueArgument(value)])).toEqual([
      `setKeyValue() value parameter value (${shown}) is not a ${anyValue}.`,
    ])
  })
})

describe('a function', () => {
  it('may be left out where it is optional, but not be null', () => {
    const warningsOf = (value: unknown, isOptional: boolean): readonly string[] =>
      argumentWarnings('getKeyValue', [functionArgument('callback', value, isOptional)])
    const warning = (shown: string): string =>
      `getKeyValue() callback parameter value (${shown}) is not a function.`
    expect(warningsOf(undefined, true)).toEqual([])
    expect(warningsOf(undefined, false)).toEqual([warning('undefined')])
    expect(warningsOf(null, true)).toEqual([warning('null')])
    expect(warningsOf('done', true)).toEqual([warning('done')])
    expect(warningsOf(() => undefined, false)).toEqual([])
  })
})

it('warns of every argument by itself, in their order', () => {
  const args = [keyArgument(1), valueArgument('v'), functionArgument('onError', 2, true)]
  expect(argumentWarnings('setKeyValue', args)).toEqual([
    'setKeyValue() key parameter value (1) is not a string.',
    'setKeyValue() onError parameter value (2) is not a function.',
  ])
})
