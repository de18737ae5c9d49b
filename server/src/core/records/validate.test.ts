import { describe, expect, it } from 'vitest'
import { refusalOf } from '../testing/outcomes.ts'
import {
  assertContentType,
  assertRecordKey,
  assertStoreName,
  assertStoreTitle,
} from './validate.ts'

describe('a store name', () => {
  it.each(['a', 'Z', '7', 'ab', 'my-store', 'A--b', '-'.padStart(62, 'x').concat('x')])(
    'may be %j',
    (name) => {
      expect(refusalOf(() => assertStoreName(name))).toBe('none')
    },
  )

  it.each(['', '-', '-a', 'a-', 'a_b', 'a.b', 'a b', 'a~b', 'ä', 'a\n', 'a\0b', 'x'.repeat(64)])(
    'may not be %j',
    (name) => {
      expect(refusalOf(() => assertStoreName(name))).toBe('store-name-invalid')
    },
  )

  it('may have 63 characters and no more', () => {
    expect(refusalOf(() => assertStoreName('x'.repeat(63)))).toBe('none')
    expect(refusalOf(() => assertStoreName('x'.repeat(1_000_000)))).toBe('store-name-invalid')
  })
})

describe('a store title', () => {
  it('is any text of at most 256 characters', () => {
    for (const title of ['', 'Läden & Stores ~ 🧥', 'x'.repeat(256)]) {
      expect(refusalOf(() => assertStoreTitle(title))).toBe('none')
    }
    expect(refusalOf(() => assertStoreTitle('x'.repeat(257)))).toBe('store-title-invalid')
  })

  it('may not hold half of a surrogate pair', () => {
    expect(refusalOf(() => assertStoreTitle('a\ud83d'))).toBe('store-title-invalid')
  })
})

describe('a record key', () => {
  it.each(['', '.', '..', '/', '%', '\0', '\n', 'a b', 'ü', '🧥', '__proto__', '\uffff', '\ufffd'])(
    'may be %j',
    (key) => {
      expect(refusalOf(() => assertRecordKey(key))).toBe('none')
    },
  )

  it.each(['\ud800', '\udfff', 'a\ud83d', '\udde5\ud83e'])('may not be %j', (key) => {
    expect(refusalOf(() => assertRecordKey(key))).toBe('record-key-invalid')
  })

  it.each([
    ['a', 2_400],
    ['é', 1_200],
    ['€', 800],
    ['🧥', 600],
  ])('may have 2,400 bytes and no more: %s', (character, count) => {
    expect(refusalOf(() => assertRecordKey(character.repeat(count)))).toBe('none')
    expect(refusalOf(() => assertRecordKey(`${character.repeat(count)}a`))).toBe(
      'record-key-invalid',
    )
  })
})

describe('a content type', () => {
  it.each([
    'text/plain',
    'application/vnd.api+json',
    'text/html; charset=utf-8',
    'text/html;charset="utf-8"',
    'text/html ; charset=utf-8; q="a;\\"b\\""  ',
    'text/plain;',
    'text/plain; ;charset=utf-8',
    "x!#$%&'*+.^_`|~/y",
    `text/${'x'.repeat(195)}`,
  ])('may be %j', (contentType) => {
    expect(refusalOf(() => assertContentType(contentType))).toBe('none')
  })

  it.each([
    '',
    'text',
    'text/',
    '/plain',
    'text/plain/x',
    ' text/plain',
    'text /plain',
    'text/plain; charset',
    'text/plain; charset=',
    'text/plain; a="b',
    'text/plain\r\nx-evil: 1',
    'text/plain\n',
    'text/plain; a="b\r\nc"',
    'text/plain; a="\0"',
    'text/plän',
    'text/plain, text/html',
    `text/${'x'.repeat(196)}`,
  ])('may not be %j', (contentType) => {
    expect(refusalOf(() => assertContentType(contentType))).toBe('content-type-invalid')
  })

  // A regular expression that backtracks would not finish on these, and the test would time out.
  it.each([
    `text/plain${';'.repeat(189)}!`,
    `text/plain${'; '.repeat(94)}é`,
    `text/plain${' \t'.repeat(94)}é`,
    `text/plain;a="${'\\"'.repeat(92)}`,
    `text/plain${';a=b'.repeat(47)}=`,
    `text/${'x'.repeat(1_000_000)}`,
    'text/plain'.concat(' ;'.repeat(500_000)),
  ])('is refused quickly, however hard it is to parse', (contentType) => {
    expect(refusalOf(() => assertContentType(contentType))).toBe('content-type-invalid')
  })
})
