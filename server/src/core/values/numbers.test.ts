import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareNumbers } from './numbers.ts'

describe('numbers of JSON', () => {
  it.each([
    ['1', '1.0'],
    ['1e5', '100000'],
    ['100e-2', '1'],
    ['0', '-0.0e9'],
    ['0.00', '0e-999999999999999999999'],
    ['12345678901234567890.50', '1234567890123456789050e-2'],
    ['1E400', '10e399'],
    ['0.5', '5e-1'],
  ])('are equal: %s and %s', (a, b) => {
    expect(compareNumbers(a, b)).toBeCloseTo(0)
    expect(compareNumbers(b, a)).toBeCloseTo(0)
  })

  it.each([
    ['9007199254740992', '9007199254740993'],
    ['18446744073709551614', '18446744073709551615'],
    ['-9007199254740993', '-9007199254740992'],
    ['0.1', '0.10000000000000000000001'],
    ['-1', '0'],
    ['-0.1', '1e-400'],
    ['-1e400', '-1e399'],
    ['1e-401', '1e-400'],
    ['1e400', '2e400'],
    ['9', '10'],
    ['99e3', '1e5'],
    ['12', '120'],
    ['1.2', '1.23'],
    ['1e999999999999', '1e999999999999999999999'],
  ])('are in order: %s is less than %s', (a, b) => {
    expect(compareNumbers(a, b)).toBeLessThan(0)
    expect(compareNumbers(b, a)).toBeGreaterThan(0)
  })

  it('are compared as exactly as fractions of integers', () => {
    const decimal = fc.record({
      digits: fc.oneof(fc.bigInt({ min: -9999n, max: 9999n }), fc.bigInt()),
      power: fc.integer({ min: -25, max: 25 }),
    })
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const [x, y] = [
          a.digits * 10n ** BigInt(a.power + 25),
          b.digits * 10n ** BigInt(b.power + 25),
        ]
        const expected = x === y ? 0 : x < y ? -1 : 1
        for (const left of spellings(a)) {
          for (const right of spellings(b)) {
            expect(Math.sign(compareNumbers(left, right)) + 0).toBe(expected)
          }
        }
      }),
    )
  })
})

function spellings({ digits, power }: { digits: bigint; power: number }): string[] {
  const sign = digits < 0n ? '-' : ''
  const all = String(digits).replace('-', '')
  const zeros =
    power < 0 ? all.padStart(1 - power, '0') : `${all === '0' ? '' : all}${'0'.repeat(power)}`
  const plain = power < 0 ? `${zeros.slice(0, power)}.${zeros.slice(power)}` : zeros || '0'
  return [`${sign}${all}e${power}`, `${sign}${plain}`]
}
