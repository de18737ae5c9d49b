import { describe, expect, it } from 'vitest'
import { MemoryEngine } from '../../engines/memory.ts'
import { ownedProjectKey, projectKey, seedKey } from '../disk/keyspace.ts'
import type { AtomicWrite } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import type { StoreIdentity } from '../identity/identity.ts'
import { owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { HurtEngine } from '../testing/hurt-engine.ts'
import { openTestDomain, type TestDomain } from '../testing/test-domain.ts'
import { check } from './check.ts'
import { copy } from './copy.ts'

interface Stored {
  readonly engine: HurtEngine
  readonly domain: TestDomain
  /** A project with a seed. */
  readonly game: StoreIdentity
  /** A store that is not a project. */
  readonly coats: StoreIdentity
}

async function storedData(): Promise<Stored> {
  const engine = new HurtEngine(new MemoryEngine())
  const domain = await openTestDomain(engine)
  const wanted = { ownerId: owner, name: 'game', channelId: 'channel', actor: undefined }
  const { store } = await domain.projects.create(wanted)
  await domain.projects.setSeed(store.id, [{ key: 'a', json: '1' }], system)
  const coats = await domain.stores.create({ ownerId: owner, name: 'coats' })
  return { engine, domain, game: await store.identity(), coats: await coats.identity() }
}

const problemsOf = async ({ engine }: Stored): Promise<string> =>
  (await check(engine)).problems.join('\n')

describe('a check of projects finds', () => {
  const wrongs: Readonly<Record<string, (stored: Stored) => { write: AtomicWrite; told: string }>> =
    {
      'a project whose channel id is missing from the index': ({ game: { id } }) => ({
        write: { deletes: [projectKey('channel')] },
        told: `Store ${id} is missing from an index.`,
      }),
      'a project that its owner could not list': ({ game }) => ({
        write: { deletes: [ownedProjectKey(game)] },
        told: `Store ${game.id} is missing from an index.`,
      }),
      'a channel id that no store has': ({ coats: { id } }) => ({
        write: { puts: [{ key: projectKey('other'), value: Buffer.from(id, 'latin1') }] },
        told: `Store ${id} is in the index project but should not be.`,
      }),
      'a listed project that is not a project': ({ coats }) => ({
        write: { puts: [{ key: ownedProjectKey(coats), value: Buffer.of() }] },
        told: `Store ${coats.id} is in the index ownedProject but should not be.`,
      }),
      'a lost seed': ({ game: { id } }) => ({
        write: { deletes: [seedKey(id)] },
        told: `The seed of store ${id} is lost.`,
      }),
      'a seed of a store that should have none': ({ coats: { id } }) => ({
        write: { puts: [{ key: seedKey(id), value: Buffer.from('[]') }] },
        told: `A seed of store ${id} is left over.`,
      }),
    }

  it.each(Object.entries(wrongs))('%s', async (_, wrong) => {
    const stored = await storedData()
    expect(await problemsOf(stored)).toBe('')
    const { write, told } = wrong(stored)
    await stored.engine.commit(write)
    expect(await problemsOf(stored)).toBe(told)
  })

  it.each(['project', 'ownedProject', 'seed'] as const)('a damaged entry: %s', async (kind) => {
    const stored = await storedData()
    for (const { key } of await entriesOf(stored.engine, kind)) stored.engine.damage(key)
    expect(await problemsOf(stored)).toBe(`An entry of the kind ${kind} is damaged.`)
  })
})

describe('a copy of projects', () => {
  it('serves the same channels with the same keys and seeds', async () => {
    const { engine, game } = await storedData()
    const target = new MemoryEngine()
    await copy(engine, target)
    expect((await check(target)).problems).toEqual([])
    const { projects } = await openTestDomain(target)
    const found = await projects.find('channel', { caller: system, peer: undefined })
    expect((await found.identity()).project).toEqual(game.project)
    expect(await projects.seedOf(found.id, system)).toEqual([{ key: 'a', json: '1' }])
  })
})
