import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Change, type ChangeKind, changePut, decodeChanges } from './change.ts'
import { changeRange, encodeNumber } from './keyspace.ts'

const storeId = 'store000000000001'

const anyChange: fc.Arbitrary<Change> = fc.record({
  revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  kind: fc.constantFrom<ChangeKind>('put', 'delete', 'clear', 'drop', 'expire'),
  key: fc.string({ unit: 'binary', maxLength: 40 }),
  size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  at: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
})

it('is read as it was written, with the revision that the engine appends to its key', () => {
  fc.assert(
    fc.property(anyChange, ({ revision, ...change }) => {
      const put = changePut(storeId, change)
      const key = Buffer.concat([put.key, encodeNumber(revision)])
      expect(decodeChanges({ key, value: put.value, revision })).toEqual([{ revision, ...change }])
    }),
  )
})

it('is stamped and filed under its store', () => {
  const put = changePut(storeId, { kind: 'put', key: 'a', size: 1, at: 2 })
  const key = Buffer.concat([put.key, encodeNumber(9)])
  const { start, end } = changeRange(storeId, 8)
  expect(put.stamped).toBe(true)
  expect(Buffer.compare(start, key)).toBeLessThanOrEqual(0)
  expect(Buffer.compare(key, end)).toBeLessThan(0)
})

it('keeps its bytes on disk', () => {
  const { value } = changePut(storeId, { kind: 'drop', key: 'é', size: 2, at: 1 })
  expect(Buffer.from(value).toString('hex')).toBe('033ff00000000000004000000000000000c3a9')
})
