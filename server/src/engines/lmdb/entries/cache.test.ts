import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ReadCache } from './cache.ts'
import { type KeptEntry, pack, packedKind, packedLengthOf } from './entry.ts'

/** Hashes that differ by this number fall into one slot. */
const slots = 4_096
/** The longest value that is cached. */
const valueBytesMax = 800 - packedLengthOf(0)

const key = Buffer.from('key')
const hash = -5

it('returns the entry that was added last, until it is deleted', () => {
  const cache = new ReadCache()
  const [first, second] = [entryOf(key, 1), entryOf(key, 2)]
  expect(cache.get(key, hash)).toBeUndefined()
  cache.add(hash, first)
  expect(cache.get(key, hash)).toBe(first)
  cache.add(hash, second)
  expect(cache.get(key, hash)).toBe(second)
  cache.delete(hash)
  expect(cache.get(key, hash)).toBeUndefined()
})

it('never returns the entry of another key, whatever their hashes', () => {
  const anyKey = fc.constantFrom('', 'a', 'b', 'ab', 'a\0').map((text) => Buffer.from(text))
  const anyHash = fc.constantFrom(0, slots, -slots, 1, -1)
  const step = fc.tuple(fc.constantFrom('add', 'delete'), anyKey, anyHash)
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const cache = new ReadCache()
    const added = new Map<KeptEntry, string>()
    for (const [index, [kind, name, place]] of steps.entries()) {
      const entry = entryOf(name, index)
      if (kind === 'add') cache.add(place, entry)
      else cache.delete(place)
      if (kind === 'add') added.set(entry, nameOf(name, place))
      expect(cache.get(name, place)).toBe(kind === 'add' ? entry : undefined)
      for (const [, other, otherPlace] of steps) {
        const kept = cache.get(other, otherPlace)
        if (kept) expect(added.get(kept)).toBe(nameOf(other, otherPlace))
      }
    }
  })
  fc.assert(property)
})

it('does not cache an entry that is too long', () => {
  const cache = new ReadCache()
  const [longest, tooLong] = [entryOf(key, 1, valueBytesMax), entryOf(key, 2, valueBytesMax + 1)]
  cache.add(hash, tooLong)
  expect(cache.get(key, hash)).toBeUndefined()
  cache.add(hash, longest)
  expect(cache.get(key, hash)).toBe(longest)
})

function entryOf(name: Buffer, revision: number, valueBytes = 1): KeptEntry {
  const packed = pack({ kind: packedKind.value, revision, value: Buffer.alloc(valueBytes) })
  return { key: name, packed, isDamaged: undefined }
}

function nameOf(name: Buffer, place: number): string {
  return `${name.toString('hex')} ${place}`
}
