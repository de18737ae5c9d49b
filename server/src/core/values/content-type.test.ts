import { describe, expect, it } from 'vitest'
import { charsetOf, isContentType, isJsonType, mediaTypeOf } from './content-type.ts'

describe('a content type', () => {
  it.each([
    ['text/plain', 'text/plain', undefined],
    ['Text/HTML; Charset=UTF-8', 'text/html', 'utf-8'],
    ['text/html;charset="utf-8"', 'text/html', 'utf-8'],
    ['text/html ; q=1; charset=windows-1250 ', 'text/html', 'windows-1250'],
    ['text/plain; charset=a; charset=b', 'text/plain', 'a'],
    ['text/plain; note="; charset=a"; charset=b', 'text/plain', 'b'],
    ['text/plain;;charset=""', 'text/plain', ''],
    ['text/plain;', 'text/plain', undefined],
    ["x!#$%&'*+.^_`|~/y", "x!#$%&'*+.^_`|~/y", undefined],
  ])('is read: %j', (text, mediaType, charset) => {
    expect(isContentType(text)).toBe(true)
    expect(mediaTypeOf(text)).toBe(mediaType)
    expect(charsetOf(text)).toBe(charset)
  })

  it.each([
    ['', '', undefined],
    ['json', 'json', undefined],
    ['Text/', 'text/', undefined],
    ['/plain', '/plain', undefined],
    ['text/plain/x', 'text/plain/x', undefined],
    [' text/plain ', 'text/plain', undefined],
    ['text/plain, text/html', 'text/plain, text/html', undefined],
    ['text/plän', 'text/plän', undefined],
    ['text/plain; charset', 'text/plain', undefined],
    ['text/plain; charset=', 'text/plain', ''],
    ['text/plain; charset = a', 'text/plain', 'a'],
    ['text/plain; a="b', 'text/plain', undefined],
    [';', '', undefined],
  ])('is invalid, and is read as far as possible: %j', (text, mediaType, charset) => {
    expect(isContentType(text)).toBe(false)
    expect(mediaTypeOf(text)).toBe(mediaType)
    expect(charsetOf(text)).toBe(charset)
  })

  it.each(['\r', '\n', '\0', '\x0b', '\x7f', '\x85', '\u2028', '\ud800'])(
    'may not contain %j, which could break the line of a header',
    (character) => {
      const text = 'a/b; c="d"; e=f '
      for (let at = 0; at <= text.length; at += 1) {
        const broken = text.slice(0, at) + character + text.slice(at)
        expect(isContentType(broken), JSON.stringify(broken)).toBe(false)
      }
      expect(isContentType(`a/b; c="\\${character}"`)).toBe(false)
    },
  )
})

describe('a JSON type', () => {
  it.each([
    'application/json',
    'Application/JSON ; charset=utf-8',
    'application/ld+json',
    'a/b+json',
  ])('may be %j', (text) => {
    expect(isJsonType(text)).toBe(true)
  })

  it.each(['', 'json', 'text/json', 'application/jsonp', 'a/b+json5', 'text/plain; a=b+json'])(
    'may not be %j',
    (text) => {
      expect(isJsonType(text)).toBe(false)
    },
  )
})
