import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Action,
  actions,
  covers,
  type Extent,
  fullScope,
  includes,
  lesser,
  narrowedPrefix,
} from './scope.ts'

const rights: readonly (Action | undefined)[] = [undefined, ...actions]
const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '🧥'), maxLength: 4 })

describe('a right', () => {
  it.each<[Action, readonly Action[]]>([
    ['read', ['read']],
    ['write', ['read', 'write']],
    ['manage', ['read', 'write', 'manage']],
  ])('to %s includes %j and nothing else', (granted, included) => {
    expect(actions.filter((wanted) => includes(granted, wanted))).toEqual(included)
  })

  it('that is missing includes nothing', () => {
    expect(actions.filter((wanted) => includes(undefined, wanted))).toEqual([])
  })

  it('that is the lesser of two includes what both include', () => {
    for (const one of rights) {
      for (const other of rights) {
        const both = actions.filter((wanted) => includes(one, wanted) && includes(other, wanted))
        const found = actions.filter((wanted) => includes(lesser(one, other), wanted))
        expect(found, `${one} and ${other}`).toEqual(both)
      }
    }
  })
})

describe('a scope', () => {
  const store = 'store000000000001'
  const other = 'store000000000002'
  const extents: readonly Extent[] = ['all', 'some', { key: '' }, { key: 'a' }, { key: 'a/b' }]
  /** How much of the two stores it covers, in the order of the extents. */
  const coverage = (scope: Parameters<typeof covers>[0]): boolean[][] =>
    [store, other].map((id) => extents.map((extent) => covers(scope, id, extent)))
  const everything = extents.map(() => true)
  const nothing = extents.map(() => false)

  it('without a store covers all of all stores', () => {
    expect(coverage(fullScope)).toEqual([everything, everything])
  })

  it('with a store covers all of that one', () => {
    expect(coverage({ ...fullScope, storeId: store })).toEqual([everything, nothing])
  })

  it('with a key prefix covers those records of that store', () => {
    const scope = { action: 'read', storeId: store, keyPrefix: 'a/' } as const
    expect(coverage(scope)).toEqual([[false, true, false, false, true], nothing])
  })

  it('with a key prefix covers exactly the keys that begin with it', () => {
    fc.assert(
      fc.property(texts, texts, (keyPrefix, key) => {
        const scope = { action: 'read', storeId: store, keyPrefix } as const
        const begins = Buffer.from(key).indexOf(Buffer.from(keyPrefix)) === 0
        expect(covers(scope, store, { key })).toBe(begins)
      }),
    )
  })
})

describe('a narrowed prefix', () => {
  it('is the prefix of the keys that begin with both', () => {
    fc.assert(
      fc.property(texts, fc.option(texts, { nil: undefined }), texts, (prefix, keyPrefix, key) => {
        const narrowed = narrowedPrefix(prefix, keyPrefix)
        const isFound = narrowed !== undefined && key.startsWith(narrowed)
        expect(isFound).toBe(key.startsWith(prefix) && key.startsWith(keyPrefix ?? ''))
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['', undefined, ''],
    ['a', undefined, 'a'],
    ['', 'a/', 'a/'],
    ['a', 'a/', 'a/'],
    ['a/b', 'a/', 'a/b'],
    ['b', 'a/', undefined],
    ['a', 'b', undefined],
  ])('%j within %j is %j', (prefix, keyPrefix, narrowed) => {
    expect(narrowedPrefix(prefix, keyPrefix)).toBe(narrowed)
  })
})
