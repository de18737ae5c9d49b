import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changeRange, encodeNumber } from '../disk/keyspace.ts'
import type { Bytes } from '../kernel/bytes.ts'
import type { Actor, Door } from './actor.ts'
import { type Change, type ChangeKind, changePut, decodeChanges } from './change.ts'

const storeId = 'store000000000001'
const revisions = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

const anyActor: fc.Arbitrary<Actor> = fc.record({
  userId: fc.string({
    unit: fc.constantFrom(...'azAZ09'),
    minLength: 17,
    maxLength: 17,
  }),
  tokenId: fc.oneof(
    fc.constant(''),
    fc.constant('0000000000000001'),
    fc
      .bigInt({ min: 1n, max: 2n ** 64n - 1n })
      .map((number) => number.toString(16).padStart(16, '0')),
  ),
  door: fc.constantFrom<Door>('apify', 'nemesis', 'applab', 'coatcheck', 'cli'),
})

/** A change without an actor does not store the replaced revision. */
const anyOrigin: fc.Arbitrary<Pick<Change, 'actor' | 'before'>> = fc.oneof(
  fc.constant({}),
  fc.record({ actor: anyActor, before: fc.option(revisions, { nil: undefined }) }),
)

const anyChange: fc.Arbitrary<Change> = fc
  .tuple(
    fc.record({
      revision: revisions,
      kind: fc.constantFrom<ChangeKind>('put', 'delete', 'clear', 'drop', 'expire'),
      key: fc.string({ unit: 'binary', maxLength: 40 }),
      size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      at: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    }),
    anyOrigin,
  )
  .map(([change, origin]) => ({ ...change, ...origin }))

function decoded(revision: number, value: Bytes): Change | undefined {
  const { key } = changePut(storeId, { kind: 'put', key: '', size: 0, at: 0 })
  const entry = { key: Buffer.concat([key, encodeNumber(revision)]), value, revision }
  const [only, ...others] = decodeChanges(entry)
  expect(others).toEqual([])
  return only
}

it('is read as it was written, with the revision that the engine appends to its key', () => {
  fc.assert(
    fc.property(anyChange, ({ revision, ...change }) => {
      const { value } = changePut(storeId, change)
      expect(decoded(revision, value)).toEqual({ revision, ...change })
    }),
    { numRuns: 1_000 },
  )
})

it('is read as it was written if its key has the maximum length', () => {
  const actor = { userId: 'user0000000000001', tokenId: '00ff00ff00ff00ff', door: 'cli' } as const
  const change = { kind: 'put', key: 'é'.repeat(1_200), size: 3, at: 4, actor, before: 5 } as const
  expect(decoded(9, changePut(storeId, change).value)).toEqual({ revision: 9, ...change })
})

it('has a stamped key that begins with its store id', () => {
  const put = changePut(storeId, { kind: 'put', key: 'a', size: 1, at: 2 })
  const key = Buffer.concat([put.key, encodeNumber(9)])
  const { start, end } = changeRange(storeId, 8)
  expect(put.stamped).toBe(true)
  expect(Buffer.compare(start, key)).toBeLessThanOrEqual(0)
  expect(Buffer.compare(key, end)).toBeLessThan(0)
})

describe('the bytes on disk', () => {
  const plain = '033ff00000000000004000000000000000c3a9'
  const change = { kind: 'drop', key: 'é', size: 2, at: 1 } as const

  function hex(origin: Pick<Change, 'actor' | 'before'>): string {
    return Buffer.from(changePut(storeId, { ...change, ...origin }).value).toString('hex')
  }

  it('are those of the first servers if there is no actor', () => {
    expect(hex({})).toBe(plain)
    expect(hex({ actor: undefined, before: 7 })).toBe(plain)
  })

  it('hold the door, the user, the token and the replaced revision', () => {
    const actor = {
      userId: 'owner000000000001',
      tokenId: '0123456789abcdef',
      door: 'applab',
    } as const
    const told = [
      '83', // a drop, with an actor
      '3ff0000000000000',
      '4000000000000000',
      '02', // the door
      '11',
      Buffer.from('owner000000000001').toString('hex'),
      '0123456789abcdef',
      '401c000000000000',
      'c3a9',
    ]
    expect(hex({ actor, before: 7 })).toBe(told.join(''))
  })

  it('are zeros for no token and no replaced revision', () => {
    const actor = { userId: 'owner000000000001', tokenId: '', door: 'cli' } as const
    const ending = `${Buffer.from(actor.userId).toString('hex')}${'00'.repeat(16)}c3a9`
    expect(hex({ actor }).slice(17 * 2)).toBe(`0411${ending}`)
  })

  it.each<[Door, number]>([
    ['apify', 0],
    ['nemesis', 1],
    ['applab', 2],
    ['coatcheck', 3],
    ['cli', 4],
  ])('say %s as %i', (door, code) => {
    const actor = { userId: 'owner000000000001', tokenId: '', door }
    const { value } = changePut(storeId, { ...change, actor })
    expect(value[17]).toBe(code)
  })

  it('of the first servers can still be read', () => {
    const told = decoded(9, Buffer.from(plain, 'hex'))
    expect(told).toEqual({ revision: 9, ...change })
    expect(told).not.toHaveProperty('actor')
  })
})
