import { describe, expect, it } from 'vitest'
import { asksForOneRange, wantedRange } from './byte-range.ts'

describe('the range of bytes that a header wants', () => {
  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-9', 0, 10],
    ['bytes=0-10', 0, 10],
    ['bytes=3-5', 3, 6],
    ['bytes=9-', 9, 10],
    ['bytes=0-', 0, 10],
    ['bytes=-1', 9, 10],
    ['bytes=-10', 0, 10],
    ['bytes=-11', 0, 10],
    ['bytes=5-99999999999999999999999', 5, 10],
    ['bytes=-99999999999999999999999', 0, 10],
    ['BYTES=00-01', 0, 2],
    ['bytes= 3-5 ,', 3, 6],
    ['bytes=,\t3-5', 3, 6],
  ])('%s of 10 is %i to %i', (header, start, end) => {
    expect(wantedRange(header, 10)).toEqual({ start, end })
  })

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999999-'])(
    'can not be satisfied: %s of 10',
    (header) => {
      expect(wantedRange(header, 10)).toBe('unsatisfiable')
    },
  )

  it('of an empty value is never sent as a part', () => {
    expect(wantedRange('bytes=0-', 0)).toBe('unsatisfiable')
    expect(wantedRange('bytes=0-0', 0)).toBe('unsatisfiable')
    expect(wantedRange('bytes=-0', 0)).toBe('unsatisfiable')
    expect(wantedRange('bytes=-5', 0)).toBe('whole')
  })

  it.each(['bytes=0-1,3-4', 'bytes=-1, 0-', 'bytes=20-,30-'])(
    'is the whole if there are several: %s',
    (header) => {
      expect(wantedRange(header, 10)).toBe('whole')
    },
  )

  it.each([
    '',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=-',
    'bytes=5',
    'bytes=5-2',
    'bytes=a-b',
    'bytes=0x0-1',
    'bytes=1.5-2',
    'bytes=--5',
    'bytes=0-5-9',
    'bytes =0-5',
    'bytes=0 - 5',
    'bytes: 0-5',
    'items=0-5',
    '0-5',
  ])('is the whole if the header is not a byte range: "%s"', (header) => {
    expect(wantedRange(header, 10)).toBe('whole')
  })
})

describe('whether a header asks for one range', () => {
  it.each([
    ['bytes=0-', true],
    ['bytes=5-9', true],
    ['bytes=-5', true],
    ['bytes=-0', true],
    ['BYTES=, 0-1,', true],
    ['bytes=0-1,3-4', false],
    ['bytes=5-2', false],
    ['items=0-1', false],
    ['', false],
  ])('%j: %s', (header, expected) => {
    expect(asksForOneRange(header)).toBe(expected)
  })
})
