import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KeyRange } from '../engine/engine.ts'
import type { Bytes } from '../kernel/bytes.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import {
  after,
  changeKey,
  changeRange,
  changeRevisionOf,
  chunkKey,
  chunkRange,
  chunkValueIdOf,
  contentIdOf,
  contentRange,
  decodeNumber,
  dueRange,
  encodeNumber,
  expiryKey,
  expiryOf,
  garbageKey,
  garbageOf,
  innerIdBytes,
  kindRange,
  leaseKey,
  leaseValueIdOf,
  nameKey,
  ownedKeys,
  ownedRange,
  ownedStoreIdOf,
  recordKey,
  recordNameOf,
  recordRange,
  storeIdOf,
  storeKey,
} from './keyspace.ts'

const storeId = 'store000000000001'
const contentId = Buffer.from('content00001')

function holds({ start, end }: KeyRange, key: Bytes): boolean {
  return Buffer.compare(start, key) <= 0 && Buffer.compare(key, end) < 0
}

const anyId = fc
  .uint8Array({ minLength: innerIdBytes, maxLength: innerIdBytes })
  .map((bytes) => Buffer.from(bytes))
// Few characters, so that prefixes meet: of one, two, three and four bytes.
const anyText = fc.string({
  unit: fc.constantFrom('\0', 'a', 'b', '\x7f', 'é', '\ufffd', '\uffff', '🧥'),
  maxLength: 5,
})
const anyNumber = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 })

describe('numbers in keys', () => {
  it('are read as they were written, anywhere in a key', () => {
    fc.assert(
      fc.property(anyNumber, fc.nat({ max: 20 }), (number, offset) => {
        const bytes = Buffer.concat([Buffer.alloc(offset, 0xff), encodeNumber(number)])
        expect(decodeNumber(bytes, offset)).toBe(number)
      }),
    )
  })

  it('are ordered as numbers', () => {
    fc.assert(
      fc.property(anyNumber, anyNumber, (a, b) => {
        expect(Buffer.compare(encodeNumber(a), encodeNumber(b))).toBe(Math.sign(a - b))
      }),
    )
  })

  it('are 8 bytes, big-endian', () => {
    expect(encodeNumber(2 ** 40 + 5).toString('hex')).toBe('0000010000000005')
  })
})

describe('record keys', () => {
  it('consist of a content id and a name', () => {
    fc.assert(
      fc.property(anyId, anyText, (id, name) => {
        const key = recordKey(id, name)
        expect([Buffer.from(contentIdOf(key)), recordNameOf(key)]).toEqual([id, name])
        expect(holds(contentRange(id), key)).toBe(true)
        expect(holds(kindRange('record'), key)).toBe(true)
      }),
    )
  })

  it('lie in no range of another content, whatever bytes the ids end with', () => {
    const ends = ['0000', '00ff', 'fe00', 'feff', 'ff00', 'fffe', 'ffff']
    const ids = ends.map((end) => Buffer.from(end.padStart(2 * innerIdBytes, 'f'), 'hex'))
    const longest = '🧥'.repeat(600)
    for (const id of ids) {
      const inside = ids.filter((other) => holds(contentRange(id), recordKey(other, longest)))
      expect(inside.map((other) => other.toString('hex'))).toEqual([id.toString('hex')])
    }
  })

  it('sort by the UTF-8 bytes of the names, unlike JavaScript strings', () => {
    const names = ['', '\0', 'A', 'a', 'a\0', 'ab', 'b', 'é', '\ufffd', '\uffff', '🧥']
    const keys = [...names].reverse().map((name) => recordKey(contentId, name))
    expect(keys.sort(Buffer.compare).map(recordNameOf)).toEqual(names)
  })
})

describe('a range of records', () => {
  const expectation = (name: string, prefix: string, startAfter: string | undefined): boolean =>
    name.startsWith(prefix) &&
    (startAfter === undefined || Buffer.compare(Buffer.from(name), Buffer.from(startAfter)) > 0)

  it('holds exactly the names with the prefix that come strictly after the given one', () => {
    const maybe = fc.option(anyText, { nil: undefined })
    fc.assert(
      fc.property(anyText, anyText, maybe, (name, prefix, startAfter) => {
        const range = recordRange(contentId, { prefix, startAfter })
        expect(holds(range, recordKey(contentId, name))).toBe(expectation(name, prefix, startAfter))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['in front of the prefix', 'a', ['b', 'ba', 'bb']],
    ['the prefix', 'b', ['ba', 'bb']],
    ['in the prefix', 'ba', ['bb']],
    ['in the prefix and not there', 'baa', ['bb']],
    ['the last with the prefix', 'bb', []],
    ['behind the prefix', 'c', []],
    ['empty', '', ['b', 'ba', 'bb']],
    ['absent', undefined, ['b', 'ba', 'bb']],
  ])('begins at the right key if the name to start after is %s', (_, startAfter, expected) => {
    const range = recordRange(contentId, { prefix: 'b', startAfter })
    const names = ['', 'a', 'b', 'ba', 'bb', 'c']
    expect(names.filter((name) => holds(range, recordKey(contentId, name)))).toEqual(expected)
  })

  it('never ends before it starts', () => {
    fc.assert(
      fc.property(anyText, anyText, (prefix, startAfter) => {
        const { start, end } = recordRange(contentId, { prefix, startAfter })
        expect(Buffer.compare(start, end)).toBeLessThanOrEqual(0)
      }),
    )
  })
})

describe('keys that are read again', () => {
  it('give back the parts that they were made of', () => {
    expect(storeIdOf(storeKey(storeId))).toBe(storeId)
    expect(expiryOf(expiryKey(2 ** 41, storeId))).toEqual({ dueAt: 2 ** 41, storeId })
    expect(Buffer.from(leaseValueIdOf(leaseKey(contentId)))).toEqual(contentId)
    expect(Buffer.from(chunkValueIdOf(chunkKey(contentId, 9)))).toEqual(contentId)
    const garbage = garbageOf(garbageKey(77, contentId))
    expect([garbage.dueAt, Buffer.from(garbage.id)]).toEqual([77, contentId])
    const change = Buffer.concat([changeKey(storeId), encodeNumber(55)])
    expect([changeRevisionOf(change), storeIdOf(change)]).toEqual([55, storeId])
    for (const key of ownedKeys({ ownerId: owner, createdAt: 5, id: storeId }, { named: true })) {
      expect(ownedStoreIdOf(key)).toBe(storeId)
    }
  })

  it('keep the chunks of a value in order and together', () => {
    const keys = [0, 1, 255, 256, 65_536].map((index) => chunkKey(contentId, index))
    expect([...keys].sort(Buffer.compare)).toEqual(keys)
    expect(keys.every((key) => holds(chunkRange(contentId), key))).toBe(true)
  })
})

describe('ranges', () => {
  it('hold the entries that are due up to and including a moment', () => {
    const due = (dueAt: number): boolean => holds(dueRange(1_000), expiryKey(dueAt, storeId))
    expect([0, 999, 1_000, 1_001].map(due)).toEqual([true, true, true, false])
  })

  it('hold the changes of one store after a revision', () => {
    const at = (id: string, revision: number): Buffer =>
      Buffer.concat([changeKey(id), encodeNumber(revision)])
    const range = changeRange(storeId, 5)
    expect([4, 5, 6, 2 ** 50].map((revision) => holds(range, at(storeId, revision)))).toEqual([
      false,
      false,
      true,
      true,
    ])
    expect(holds(range, at('store000000000002', 6))).toBe(false)
  })

  it("hold an owner's stores by age, oldest or newest first", () => {
    const stores = [1, 2, 3].map((createdAt) => ({ ownerId: owner, createdAt, id: storeId }))
    const order = (newestFirst: boolean): number[] => {
      const range = ownedRange(owner, { named: false, newestFirst })
      const filed = stores.map((store) => ({
        age: store.createdAt,
        key: ownedKeys(store, { named: false }).find((key) => holds(range, key)) ?? storeKey(''),
      }))
      return filed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ age }) => age)
    }
    expect(order(false)).toEqual([1, 2, 3])
    expect(order(true)).toEqual([3, 2, 1])
  })

  it('never mix owners', () => {
    const range = ownedRange(owner, { named: false, newestFirst: false })
    const keys = ownedKeys({ ownerId: otherOwner, createdAt: 1, id: storeId }, { named: false })
    expect(keys.some((key) => holds(range, key))).toBe(false)
    expect(nameKey(owner, 'a')).not.toEqual(nameKey(otherOwner, 'a'))
  })

  it('have no key between a key and the one after it', () => {
    expect(after(Buffer.from('a')).toString('latin1')).toBe('a\0')
  })
})
