import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { limits } from '../kernel/limits.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { openTestDomain } from '../testing/test-domain.ts'
import { day, second } from '../testing/times.ts'
import type { OwnRetention, Retention } from './retention.ts'

const week: Retention = {
  ttlMs: 7 * day,
  renewOnRead: true,
  renewOnWrite: true,
  onExpiry: 'drop',
}

/** A value from outside may be anything, whatever its type says. */
function broken(change: Record<string, unknown>): OwnRetention {
  return { ...week, ...change } as OwnRetention
}

const refused: readonly [string, OwnRetention][] = [
  ['a time of 0', broken({ ttlMs: 0 })],
  ['a negative time', broken({ ttlMs: -day })],
  ['a time that is too short', broken({ ttlMs: limits.retentionMsMin - 1 })],
  ['more than a hundred years', broken({ ttlMs: limits.retentionMsMax + 1 })],
  ['an infinite time', broken({ ttlMs: Number.POSITIVE_INFINITY })],
  ['NaN as its time', broken({ ttlMs: Number.NaN })],
  ['a fraction of a millisecond', broken({ ttlMs: day + 0.5 })],
  ['a text as its time', broken({ ttlMs: `${day}` })],
  ['renewOnRead missing', broken({ renewOnRead: undefined })],
  ['a number as renewOnWrite', broken({ renewOnWrite: 1 })],
  ['an unknown onExpiry', broken({ onExpiry: 'archive' })],
]

describe("a store's own retention", () => {
  it.each(refused)('is refused with %s, and nothing is stored', async (_, retention) => {
    const { engine, stores } = await openTestDomain(new MemoryEngine())
    const { id } = await stores.create({ ownerId: owner, name: undefined, retention: week })
    const before = await entriesOf(engine, 'store')
    const named = { ownerId: owner, name: 'coats', retention }
    const attempts = [stores.create(named), stores.open(named), stores.update(id, { retention })]
    const codes = await Promise.all(attempts.map(codeOf))
    expect(codes).toEqual(attempts.map(() => 'store-retention-invalid'))
    expect(await entriesOf(engine, 'store')).toEqual(before)
  })

  it.each<[string, OwnRetention]>([
    ['the shortest time', { ...week, ttlMs: second }],
    ['the longest time', { ...week, ttlMs: limits.retentionMsMax, onExpiry: 'clear' }],
    ['no renewal', { ...week, renewOnRead: false, renewOnWrite: false }],
    ['none', 'none'],
    ['the default of the server', 'default'],
  ])('may be %s', async (_, retention) => {
    const { stores } = await openTestDomain(new MemoryEngine())
    const store = await stores.create({ ownerId: owner, name: undefined })
    await stores.update(store.id, { retention })
    expect((await store.info()).retention).toEqual(retention)
  })
})
