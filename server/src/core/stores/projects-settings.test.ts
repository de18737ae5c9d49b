import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import type { PageRuleChange } from '../pages/project.ts'
import { otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf } from '../testing/outcomes.ts'
import { readText, textRecord } from '../testing/records.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { check } from '../upkeep/check.ts'
import type { NewProject, StoredProject } from './projects.ts'

async function open(engine: StorageEngine = new MemoryEngine()): Promise<TestDomain> {
  return openTestDomain(engine)
}

const create = (domain: TestDomain, wanted: Partial<NewProject> = {}): Promise<StoredProject> =>
  domain.projects.create({ ownerId: owner, name: 'Game', actor: undefined, ...wanted })

const problemsOf = async ({ engine }: TestDomain): Promise<readonly string[]> =>
  (await check(engine)).problems

describe('settings of a project', () => {
  it('keep the secret for user ids when a user loses a right', async () => {
    const domain = await open()
    const { store, project } = await create(domain)
    await domain.stores.update(store.id, { shares: { [otherOwner]: 'write' } })
    await domain.stores.update(store.id, { shares: { [otherOwner]: null } })
    await domain.stores.update(store.id, { resetsSigningSecret: true })
    await domain.projects.update(store.id, { rotatesPageKey: true }, system)
    const { project: after } = await store.identity()
    expect(after?.userSecret).toBe(project.userSecret)
  })

  it('change one by one, even if many requests change them at once', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 4 })
    const domain = await open(engine)
    const { store, project } = await create(domain)
    const rules = [{ key: 'score', preset: 'only-raise' }] as const
    await Promise.all([
      domain.projects.update(store.id, { isOpen: true }, system),
      domain.projects.update(store.id, { mayDelete: true }, system),
      domain.projects.update(store.id, { listPrefixes: ['a/'] }, system),
      domain.projects.update(store.id, { rules }, system),
    ])
    const changed = { isOpen: true, mayDelete: true, listPrefixes: ['a/'], rules }
    expect((await store.identity()).project).toEqual({ ...project, ...changed })
    const { pageKey, ...rotated } = await domain.projects.update(
      store.id,
      { rotatesPageKey: true },
      system,
    )
    expect({ ...rotated, pageKey: project.pageKey }).toEqual({ ...project, ...changed })
    expect(pageKey).not.toBe(project.pageKey)
  })

  it('lose no rule when many are set and removed at once', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 4 })
    const domain = await open(engine)
    const { store } = await create(domain)
    const rules = [
      { key: 'a', preset: 'only-raise' },
      { prefix: 'a', preset: 'read-only' },
      { key: 'c', preset: 'anything' },
    ] as const
    await domain.projects.update(store.id, { rules }, system)
    const change = (...ruleChanges: readonly PageRuleChange[]) =>
      domain.projects.update(store.id, { ruleChanges }, system)
    await Promise.all([
      change({ key: 'a', preset: 'write-once' }),
      change({ prefix: 'b', preset: 'append-only' }),
      change({ key: 'c', preset: null }, { key: 'missing', preset: null }),
    ])
    const { project } = await store.identity()
    expect(project?.rules.toSorted((one, other) => (one.preset < other.preset ? -1 : 1))).toEqual([
      { prefix: 'b', preset: 'append-only' },
      { prefix: 'a', preset: 'read-only' },
      { key: 'a', preset: 'write-once' },
    ])
  })

  it('never have more rules than the limit, even if they are added one by one', async () => {
    const domain = await open()
    const { store } = await create(domain)
    const change = (...ruleChanges: readonly PageRuleChange[]): Promise<string> =>
      codeOf(domain.projects.update(store.id, { ruleChanges }, system))
    const hundred = Array.from({ length: 100 }, (_, index) => index)
    expect(
      await change(...hundred.map((at) => ({ key: `${at}`, preset: 'read-only' }) as const)),
    ).toBe('none')
    expect(await change({ key: 'more', preset: 'read-only' })).toBe('page-rules-invalid')
    expect(await change({ key: '5', preset: 'anything' })).toBe('none')
    expect(await change({ key: '5', preset: null }, { key: 'more', preset: 'read-only' })).toBe(
      'none',
    )
    expect(await change({ key: 'x'.repeat(2_401), preset: null })).toBe('page-rules-invalid')
    expect(await change({ preset: null })).toBe('page-rules-invalid')
    expect((await store.identity()).project?.rules).toHaveLength(100)
  })

  it('are refused for other stores, and for invalid rules', async () => {
    const domain = await open()
    const { id } = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const update = (changes: object) => codeOf(domain.projects.update(id, changes, system))
    expect(await update({ isOpen: true })).toBe('project-not-found')
    await domain.projects.link(id, system)
    expect(await update({ rules: [{ preset: 'anything' }] })).toBe('page-rules-invalid')
    expect(await update({ isOpen: true })).toBe('none')
  })

  it('are in the audit trail without secrets', async () => {
    const domain = await open()
    const actor = { userId: owner, tokenId: '', door: 'coatcheck' } as const
    const caller = { ...system, actor }
    const { store, project } = await create(domain, { actor })
    const { pageKey } = await domain.projects.update(store.id, { rotatesPageKey: true }, caller)
    await domain.projects.update(store.id, { isOpen: true }, caller)
    await domain.projects.setSeed(store.id, [{ key: 'a', json: '"seeded"' }], caller)
    await domain.projects.unlink(store.id, caller)
    await domain.projects.link(store.id, caller)
    const { events } = await domain.auditLog.read(owner, { before: undefined, limit: 10 })
    expect(events.map(({ action }) => action)).toEqual([
      'project-made',
      'project-removed',
      'project-seed-changed',
      'project-changed',
      'page-key-rotated',
      'store-created',
    ])
    const told = JSON.stringify(events)
    for (const secret of [pageKey, project.pageKey, project.channelId, 'seeded']) {
      expect(told).not.toContain(secret)
    }
    expect(told).toContain('"isOpen":true')
  })
})

describe('a seed', () => {
  const pairs = [
    { key: '__proto__', json: '{"a":9007199254740993}' },
    { key: '', json: '[1, 2]' },
    { key: '🧥', json: '"text"' },
  ]

  it('fills a project without records, and leaves one with records', async () => {
    const domain = await open()
    const { store } = await create(domain)
    expect(await domain.projects.seedOf(store.id, system)).toBeUndefined()
    await domain.projects.setSeed(store.id, pairs, system)
    expect(await domain.projects.seedOf(store.id, system)).toEqual(pairs)
    expect(await readText(store, '__proto__')).toBe('{"a":9007199254740993}')
    await domain.projects.setSeed(store.id, [{ key: 'b', json: '1' }], system)
    expect(await store.batch.has(['', 'b'])).toEqual([true, false])
    expect(await problemsOf(domain)).toEqual([])
  })

  it('replaces all records in one commit', async () => {
    const domain = await open()
    const { store } = await create(domain)
    expect(await codeOf(domain.projects.resetToSeed(store.id, system))).toBe('seed-not-found')
    await domain.projects.setSeed(store.id, pairs, system)
    await store.put(textRecord('more', 'text'))
    await store.put(textRecord('', 'changed'))
    const before = await domain.engine.newerThan(-1, new AbortController().signal)
    expect(await domain.projects.resetToSeed(store.id, system)).toBe(4)
    const revisions = (await entriesOf(domain.engine, 'record'))
      .map(({ revision }) => revision)
      .filter((revision) => revision > before)
    expect(new Set(revisions).size).toBe(1)
    expect((await store.list({ prefix: '', startAfter: undefined, limit: 9 })).items).toHaveLength(
      3,
    )
    expect(await readText(store, '')).toBe('[1, 2]')
    expect(await problemsOf(domain)).toEqual([])
  })

  it('may be empty, and may be removed', async () => {
    const domain = await open()
    const { store } = await create(domain)
    await store.put(textRecord('a', 'text'))
    await domain.projects.setSeed(store.id, [], system)
    expect(await domain.projects.resetToSeed(store.id, system)).toBe(1)
    expect(await store.batch.count()).toBe(0)
    await domain.projects.setSeed(store.id, undefined, system)
    expect(await domain.projects.seedOf(store.id, system)).toBeUndefined()
    expect(await codeOf(domain.projects.resetToSeed(store.id, system))).toBe('seed-not-found')
    expect(await entriesOf(domain.engine, 'seed')).toEqual([])
  })

  it('is refused for other stores, and if it does not fit into one commit', async () => {
    const domain = await open()
    const coats = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const set = (id: string, seed: typeof pairs) =>
      codeOf(domain.projects.setSeed(id, seed, system))
    expect(await set(coats.id, pairs)).toBe('project-not-found')
    const { store } = await create(domain)
    expect(await set(store.id, [{ key: 'k'.repeat(2_401), json: '1' }])).toBe('record-key-invalid')
    expect(await set(store.id, [{ key: 'k', json: `"${'x'.repeat(1_048_576)}"` }])).toBe(
      'seed-invalid',
    )
    const many = Array.from({ length: 10_001 }, (_, index) => ({ key: `${index}`, json: '1' }))
    expect(await set(store.id, many)).toBe('too-many')
    expect(await set(store.id, many.slice(1))).toBe('none')
    expect(await store.batch.count()).toBe(10_000)
  })
})
