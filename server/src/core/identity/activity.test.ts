import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeActivity, encodeActivity, instanceBytes, type StoreActivity } from './activity.ts'

const anyNumber = fc.nat({ max: Number.MAX_SAFE_INTEGER })

const anyActivity: fc.Arbitrary<StoreActivity> = fc.record({
  expiresAt: anyNumber,
  modifiedAt: anyNumber,
  accessedAt: anyNumber,
  reads: anyNumber,
  writes: anyNumber,
  deletes: anyNumber,
  lists: anyNumber,
  by: fc
    .uint8Array({ minLength: instanceBytes, maxLength: instanceBytes })
    .map((bytes) => Buffer.from(bytes)),
})

it('is read as it was written', () => {
  fc.assert(
    fc.property(anyActivity, (activity) => {
      const entry = { key: Buffer.from('a'), value: encodeActivity(activity), revision: 1 }
      expect(decodeActivity(entry)).toEqual(activity)
    }),
  )
})

it('keeps its bytes on disk', () => {
  const bytes = encodeActivity({
    expiresAt: 1,
    modifiedAt: 2,
    accessedAt: 3,
    reads: 4,
    writes: 5,
    deletes: 6,
    lists: 7,
    by: Buffer.from('abcdefgh'),
  })
  const numbers = ['3ff', '400', '4008', '401', '4014', '4018', '401c']
  const expected = numbers.map((number) => number.padEnd(16, '0')).join('')
  expect(bytes.toString('hex')).toBe(expected + Buffer.from('abcdefgh').toString('hex'))
})

it('is all zeros if it is damaged, so that its store is kept', () => {
  const damaged = { key: Buffer.from('a'), value: Buffer.alloc(0), revision: 1, isDamaged: true }
  expect(decodeActivity(damaged)).toMatchObject({ expiresAt: 0, modifiedAt: 0, reads: 0 })
})
