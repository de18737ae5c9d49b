import { expect, it } from 'vitest'
import type { Entry } from '../engine/engine.ts'
import { limits } from '../kernel/limits.ts'
import { owner } from '../testing/callers.ts'
import { encodeIdentity, IdentityCache, type StoreIdentity } from './identity.ts'

const identity: StoreIdentity = {
  id: 'store000000000001',
  ownerId: owner,
  name: 'coats',
  title: 'Läden 🧥',
  generalAccess: 'RESTRICTED',
  session: null,
  project: null,
  shares: { owner000000000002: 'write' },
  contentId: Buffer.from('00ff00ff00ff00ff00ff00ff', 'hex'),
  retention: { ttlMs: 5, renewOnRead: true, renewOnWrite: false, onExpiry: 'clear' },
  createdAt: 1,
  hasSchema: false,
  signingSecret: 'secret',
}

const key = Buffer.from('s')

function entryOf(revision: number, changes: Partial<StoreIdentity> = {}): Entry {
  const value = encodeIdentity({ ...identity, ...changes })
  return { key, value, revision }
}

it('is read as it was written', () => {
  const { id } = identity
  for (const changes of [{}, { name: null, title: null }, { retention: 'none' as const }]) {
    const found = new IdentityCache().decode(id, entryOf(1, changes))
    expect(found).toEqual({ identity: { ...identity, ...changes }, key, revision: 1 })
  }
})

it('has no shares, no project and no schema if one of the first servers wrote it', () => {
  const { shares, hasSchema, contentId, project, session, ...old } = identity
  const fields = { ...old, contentId: contentId.toString('hex') }
  const value = Buffer.from(JSON.stringify(fields))
  const found = new IdentityCache().decode(identity.id, { key, value, revision: 1 })
  expect(found.identity).toEqual({ ...identity, shares: {}, hasSchema: false })
})

it('is remembered until another revision is read', () => {
  const cache = new IdentityCache()
  const { id } = identity
  expect(cache.guess(id)).toBeUndefined()
  const first = cache.decode(id, entryOf(1))
  expect(cache.guess(id)).toBe(first)
  expect(cache.decode(id, entryOf(1))).toBe(first)
  const second = cache.decode(id, entryOf(2, { name: 'hats' }))
  expect(second.identity.name).toBe('hats')
  expect(cache.guess(id)).toBe(second)
})

it('is forgotten on request', () => {
  const cache = new IdentityCache()
  cache.decode(identity.id, entryOf(1))
  cache.forget(identity.id)
  expect(cache.guess(identity.id)).toBeUndefined()
})

it('is refused if it is damaged', () => {
  const damaged = { ...entryOf(1), isDamaged: true }
  const refused = expect.objectContaining({ code: 'record-damaged' })
  expect(() => new IdentityCache().decode(identity.id, damaged)).toThrow(refused)
})

it('is remembered for a bounded number of stores, those that were used last', () => {
  const cache = new IdentityCache()
  const decode = (n: number): void => {
    cache.decode(`store-${n}`, entryOf(n))
  }
  for (let n = 0; n < limits.cachedStoresMax; n += 1) decode(n)
  expect(cache.guess('store-0')).toBeDefined()
  decode(limits.cachedStoresMax)
  expect(cache.guess('store-0')).toBeDefined()
  expect(cache.guess('store-1')).toBeUndefined()
  expect(cache.guess('store-2')).toBeDefined()
})
