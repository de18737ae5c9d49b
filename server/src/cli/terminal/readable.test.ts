import { describe, expect, it } from 'vitest'
import { sizeCell, textCell, timeCell } from './readable.ts'

describe('a cell', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [1_549, '1.5 kB'],
    [9_949, '9.9 kB'],
    [9_951, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [123_456_789, '123 MB'],
    [5_000_000_000_000, '5.0 TB'],
    [Number.MAX_SAFE_INTEGER, '9.0 PB'],
  ])('of %i bytes says %s to people, and all digits to programs', (bytes, readable) => {
    expect(sizeCell(bytes)).toEqual({ readable, plain: String(bytes) })
  })

  it('of a time says the minute to people, and the time itself to programs', () => {
    const time = new Date(2027, 0, 31, 4, 5, 59, 999)
    const cell = timeCell(time.toISOString())
    expect(cell).toEqual({ readable: '2027-01-31 04:05', plain: time.toISOString() })
  })

  it('of nothing is a hyphen, so that no column is empty', () => {
    const nothing = { readable: '-', plain: '-' }
    for (const cell of [textCell(null), textCell(''), timeCell(null), sizeCell(undefined)]) {
      expect(cell).toEqual(nothing)
    }
  })
})
