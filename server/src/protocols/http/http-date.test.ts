import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from './http-date.ts'

const now = Date.UTC(2026, 5, 15)
const moment = Date.UTC(1994, 10, 6, 8, 49, 37)

function parse(text: string): number | undefined {
  return parseHttpDate(text, { now })
}

describe('a date in a header', () => {
  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ])('is understood in each of the three forms: %s', (text) => {
    expect(parse(text)).toBe(moment)
  })

  it('is written in the preferred form, in whole seconds, and can be read again', () => {
    expect(formatHttpDate(moment + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
    for (const ms of [0, 951_782_400_000, now, Date.UTC(9999, 11, 31, 23, 59, 59)]) {
      expect(parse(formatHttpDate(ms))).toBe(ms)
    }
  })

  it('treats a leap second as the second before it', () => {
    expect(parse('Sat, 31 Dec 2016 23:59:60 GMT')).toBe(Date.UTC(2016, 11, 31, 23, 59, 59))
  })

  it.each([
    ['76', 2076],
    ['77', 1977],
    ['00', 2000],
    ['26', 2026],
    ['99', 1999],
  ])('with the year %s means %i, at most 50 years ahead', (short, year) => {
    expect(parse(`Monday, 01-Jun-${short} 00:00:00 GMT`)).toBe(Date.UTC(year, 5, 1))
  })

  it('with a two-digit year is in the past if it seems over 50 years ahead by a day', () => {
    expect(parse('Monday, 15-Jun-76 00:00:00 GMT')).toBe(Date.UTC(2076, 5, 15))
    expect(parse('Monday, 16-Jun-76 00:00:00 GMT')).toBe(Date.UTC(1976, 5, 16))
  })

  it.each([
    '',
    '0',
    'yesterday',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ])('is not "%s"', (text) => {
    expect(parse(text)).toBeUndefined()
  })
})
