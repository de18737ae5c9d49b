import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addToCounter, decodeCounter, encodeCounter } from './counter.ts'

const totalMax = 2n ** 63n - 1n
const totalMin = -(2n ** 63n)

it('counts an absent counter as 0', () => {
  expect(decodeCounter(undefined)).toBe(0n)
})

it('is 8 bytes, signed big-endian', () => {
  expect(encodeCounter(1n).toString('hex')).toBe('0000000000000001')
  expect(encodeCounter(-2n).toString('hex')).toBe('fffffffffffffffe')
})

it('reads every number as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: totalMin, max: totalMax }), (total) => {
      expect(decodeCounter(encodeCounter(total))).toBe(total)
    }),
  )
})

it('adds up to the limits of 64 bits and refuses larger sums', () => {
  expect(addToCounter(totalMax - 1n, 1n)).toBe(totalMax)
  expect(addToCounter(totalMin + 1n, -1n)).toBe(totalMin)
  const refused = expect.objectContaining({ failure: 'refused', applied: 'no' })
  expect(() => addToCounter(totalMax, 1n)).toThrow(refused)
  expect(() => addToCounter(totalMin, -1n)).toThrow(refused)
})
