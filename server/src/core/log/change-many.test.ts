import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeNumber } from '../disk/keyspace.ts'
import {
  type ChangeKind,
  type ChangeOfMany,
  changesPut,
  changeTimeOf,
  decodeChanges,
} from './change.ts'

const storeId = 'store000000000001'

const anyOfMany: fc.Arbitrary<ChangeOfMany> = fc.record({
  kind: fc.constantFrom<ChangeKind>('put', 'delete', 'clear'),
  key: fc.string({ unit: 'binary', maxLength: 40 }),
  size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  before: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
})

it('is read as it was written if one commit made many changes, with and without an actor', () => {
  const actors = [
    undefined,
    { door: 'nemesis', userId: 'user0000000000001', tokenId: '' },
    { door: 'apify', userId: 'user0000000000001', tokenId: '00ff00ff00ff00ff' },
  ] as const
  const many = fc.array(anyOfMany, { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(many, fc.nat(), fc.constantFrom(...actors), (changes, at, actor) => {
      const put = changesPut(storeId, { at, actor, changes })
      const entry = {
        key: Buffer.concat([put.key, encodeNumber(7)]),
        value: put.value,
        revision: 7,
      }
      const read = decodeChanges(entry)
      expect(read).toEqual(
        changes.map(({ before, ...change }) => ({
          ...change,
          revision: 7,
          at,
          ...(actor && { actor, before }),
        })),
      )
      expect(changeTimeOf(entry)).toBe(at)
    }),
  )
})

it('holds keys of the maximum length', () => {
  const keys = ['k'.repeat(2_400), 'ž'.repeat(1_200), '']
  const changes = keys.map((key) => ({ kind: 'put', key, size: 1 }) as const)
  const put = changesPut(storeId, { at: 1, actor: undefined, changes })
  const entry = { key: Buffer.concat([put.key, encodeNumber(7)]), value: put.value, revision: 7 }
  expect(decodeChanges(entry).map(({ key }) => key)).toEqual(keys)
})

it('keeps its bytes on disk for many changes', () => {
  const changes = [
    { kind: 'put', key: 'é', size: 2, before: 3 },
    { kind: 'delete', key: '', size: 0 },
  ] as const
  const { value } = changesPut(storeId, { at: 1, actor: undefined, changes })
  expect(Buffer.from(value).toString('hex')).toBe(
    '403ff00000000000004000000000000000' +
      '00400000000000000040080000000000000002c3a9' +
      '01000000000000000000000000000000000000',
  )
})
