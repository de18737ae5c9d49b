import { describe, expect, it } from 'vitest'
import { cutTo, printable, printableJson, widthOf } from './printable.ts'

describe('text for a terminal', () => {
  it.each([
    ['plain', 'plain'],
    ['grüße 漢字 👩‍👩‍👧', 'grüße 漢字 👩‍👩‍👧'],
    ['a\tb\r\nc', 'a\\tb\\r\\nc'],
    ['\u001b[31mred\u001b]0;title\u0007', '\\u001b[31mred\\u001b]0;title\\u0007'],
    ['\u009b31m', '\\u009b31m'],
    ['\u007f\u0000', '\\u007f\\u0000'],
    ['\u202etxt.exe\u2066', '\\u202etxt.exe\\u2066'],
    ['\u200e\u061c\ufeff', '\\u200e\\u061c\\ufeff'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\ud800', '\\ud800'],
    ['\u{e0001}', '\\udb40\\udc01'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  it('keeps the value of JSON', () => {
    const value = { 'k\u001b': ['\u009b\u202e\u{e0001}\u2028\n\ud800', 'grüße'] }
    const text = printableJson(value)
    expect(JSON.parse(text)).toEqual(value)
    expect(text).toMatch(/^[\x20-\x7eüß]+$/)
  })

  it.each([
    ['abc', 3],
    ['漢字', 4],
    ['é', 1],
    ['👩‍👩‍👧', 2],
    ['', 0],
  ])('%s takes %i columns', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['漢字', 4, '漢字'],
    ['漢字', 3, '漢…'],
    ['漢字', 2, '…'],
    ['漢字', 1, '…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['a👩‍👩‍👧b', 3, 'a…'],
  ])('%s in %i columns is %s', (text, width, shown) => {
    expect(cutTo(width, text)).toBe(shown)
    expect(widthOf(shown)).toBeLessThanOrEqual(width)
  })
})
