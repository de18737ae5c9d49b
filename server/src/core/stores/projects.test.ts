import { describe, expect, it } from 'vitest'
import { delaysOnly, FaultyEngine } from '../../engines/conformance/faulty.ts'
import { MemoryEngine } from '../../engines/memory.ts'
import type { StorageEngine } from '../engine/engine.ts'
import { system } from '../identity/caller.ts'
import { StorageError } from '../kernel/errors.ts'
import { limits } from '../kernel/limits.ts'
import { newProject } from '../pages/project.ts'
import { callerWith, otherOwner, owner } from '../testing/callers.ts'
import { entriesOf } from '../testing/entries.ts'
import { codeOf, promised } from '../testing/outcomes.ts'
import { readText, textRecord } from '../testing/records.ts'
import { openTestDomain, sweepFor, type TestDomain } from '../testing/test-domain.ts'
import { TestEnvironment } from '../testing/test-environment.ts'
import { day, minute, second } from '../testing/times.ts'
import { check } from '../upkeep/check.ts'
import type { NewProject, StoredProject } from './projects.ts'

const who = { caller: system, peer: '192.0.2.1' }

async function open(engine: StorageEngine = new MemoryEngine()): Promise<TestDomain> {
  return openTestDomain(engine)
}

const create = (domain: TestDomain, wanted: Partial<NewProject> = {}): Promise<StoredProject> =>
  domain.projects.create({ ownerId: owner, name: 'Game', actor: undefined, ...wanted })

/** Finds and uses a project as a page does: the store that was found may be gone. */
const use = async (domain: TestDomain, channelId: string): Promise<string> =>
  codeOf(
    Promise.resolve()
      .then(() => domain.projects.find(channelId, who))
      .then((store) => store.batch.count()),
  )

const namesOf = async ({ projects }: TestDomain, ownerId?: string): Promise<unknown[]> =>
  (await Array.fromAsync(projects.list(ownerId))).map(({ name }) => name)

const problemsOf = async ({ engine }: TestDomain): Promise<readonly string[]> =>
  (await check(engine)).problems

describe('a project', () => {
  it('is a store with the slug of its name as name, and found by its channel id', async () => {
    const domain = await open()
    const { store, project } = await create(domain, { name: 'Ärger im Café! 2' })
    expect(await store.identity()).toMatchObject({
      name: 'arger-im-cafe-2',
      title: 'Ärger im Café! 2',
      project,
    })
    expect((await domain.projects.find(project.channelId, who)).id).toBe(store.id)
    expect((await store.info()).expiresAt).toBeUndefined()
    expect(await problemsOf(domain)).toEqual([])
  })

  it('is found by a server that does not know it, and synchronously from then on', async () => {
    const engine = new MemoryEngine()
    const { store, project } = await create(await open(engine))
    const restarted = await open(engine)
    const first = restarted.projects.find(project.channelId, who)
    expect(first).toBeInstanceOf(Promise)
    expect((await first).id).toBe(store.id)
    const again = restarted.projects.find(project.channelId, who)
    expect(again).not.toBeInstanceOf(Promise)
  })

  it('gets the next number if its name is taken', async () => {
    const domain = await open()
    await domain.stores.create({ ownerId: owner, name: 'game-2' })
    for (let time = 0; time < 3; time += 1) await create(domain)
    expect(await namesOf(domain)).toEqual(['game', 'game-3', 'game-4'])
    await create(domain, { ownerId: otherOwner })
    expect(await namesOf(domain, otherOwner)).toEqual(['game'])
    expect(await namesOf(domain, owner)).toHaveLength(3)
    expect(await namesOf(domain)).toHaveLength(4)
  })

  it('may have a given channel id, which is unique among all owners', async () => {
    const domain = await open()
    const { project } = await create(domain, { channelId: 'my_channel-1' })
    expect(project.channelId).toBe('my_channel-1')
    const other = { ownerId: otherOwner, channelId: 'my_channel-1' }
    expect(await codeOf(create(domain, other))).toBe('project-taken')
    expect(await codeOf(create(domain, { channelId: 'my channel' }))).toBe('channel-invalid')
    expect(await codeOf(create(domain, { name: 'x'.repeat(257) }))).toBe('store-title-invalid')
    expect(await entriesOf(domain.engine, 'store')).toHaveLength(1)
  })

  it('is created once for a channel id, by the first request', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 1 })
    const domain = await open(engine)
    const codes = await Promise.all(
      Array.from({ length: 12 }, () => codeOf(create(domain, { channelId: 'c' }))),
    )
    expect(codes.toSorted()).toEqual(['none', ...Array(11).fill('project-taken')])
    expect(await problemsOf(domain)).toEqual([])
  })

  it('is created for each of many requests at once, with different names', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 2 })
    const domain = await open(engine)
    await Promise.all(Array.from({ length: 8 }, () => create(domain)))
    const names = ['game', ...Array.from({ length: 7 }, (_, index) => `game-${index + 2}`)]
    expect((await namesOf(domain)).toSorted()).toEqual(names)
  })

  it("is open by default if the server's settings say so", async () => {
    const { projects } = await openTestDomain(new MemoryEngine(), { projectsAreOpen: true })
    const wanted = { ownerId: owner, name: 'a', actor: undefined }
    expect((await projects.create(wanted)).project.isOpen).toBe(true)
    expect((await projects.create({ ...wanted, isOpen: false })).project.isOpen).toBe(false)
    expect((await create(await open())).project.isOpen).toBe(false)
  })

  it('asks its caller at every use, and is not found once it lost its channel id', async () => {
    const domain = await open()
    const { store, project } = await create(domain)
    const refusing = callerWith(() => {
      throw new StorageError('access-denied', 'No.')
    })
    const asked = async (): Promise<unknown> =>
      domain.projects.find(project.channelId, { caller: refusing, peer: undefined })
    expect(await codeOf(asked())).toBe('access-denied')
    const found = await domain.projects.find(project.channelId, who)
    await domain.projects.unlink(store.id, system)
    expect(await codeOf(promised(() => found.get('a')))).toBe('project-not-found')
    expect(await use(domain, project.channelId)).toBe('project-not-found')
    const next = await domain.projects.link(store.id, system)
    expect(next.channelId).not.toBe(project.channelId)
    expect(await codeOf(promised(() => found.get('a')))).toBe('project-not-found')
  })
})

describe('the projects that a server remembers', () => {
  it('are a bounded number, those that were used last', async () => {
    const domain = await open()
    const channels: string[] = []
    const add = async (): Promise<void> => {
      const project = newProject(domain.environment, { isOpen: false })
      await domain.stores.create({ ownerId: owner, name: undefined, project })
      await domain.projects.find(project.channelId, who)
      channels.push(project.channelId)
    }
    for (let n = 0; n < limits.cachedStoresMax; n += 1) await add()
    const [first = '', second = '', third = ''] = channels
    await domain.projects.find(first, who)
    await add()
    const isKnown = (channelId: string): boolean =>
      !(domain.projects.find(channelId, who) instanceof Promise)
    expect([first, second, third].map(isKnown)).toEqual([true, false, true])
  })
})

describe('a project on two servers', () => {
  it('sees the changes of the other server at once', async () => {
    const engine = new MemoryEngine()
    const [here, there] = [await open(engine), await open(engine)]
    const { store, project } = await create(here, { channelId: 'c' })
    const found = await there.projects.find('c', who)
    const known = async (): Promise<unknown> => (await found.identity()).project
    expect(await known()).toEqual(project)
    const rotated = await here.projects.update(store.id, { rotatesPageKey: true }, system)
    expect(await known()).toEqual(rotated)
    await here.projects.unlink(store.id, system)
    expect(await codeOf(known())).toBe('project-not-found')
    expect(await use(there, 'c')).toBe('project-not-found')
    const next = await create(here, { channelId: 'c' })
    expect((await there.projects.find('c', who)).id).toBe(next.store.id)
    await here.stores.drop(next.store.id)
    const last = await create(here, { channelId: 'c' })
    expect(await use(there, 'c')).toBe('store-not-found') // what it remembered is outdated
    expect((await there.projects.find('c', who)).id).toBe(last.store.id)
  })
})

describe('a store that becomes a project', () => {
  it('does so once, and can stop being one', async () => {
    const domain = await open()
    const store = await domain.stores.create({ ownerId: owner, name: 'coats' })
    await store.put(textRecord('a', 'text'))
    const project = await domain.projects.link(store.id, system)
    expect(await domain.projects.link(store.id, system)).toEqual(project)
    expect(await readText(await domain.projects.find(project.channelId, who), 'a')).toBe('text')
    expect(await problemsOf(domain)).toEqual([])
    await domain.projects.setSeed(store.id, [{ key: 'a', json: '1' }], system)
    await domain.projects.unlink(store.id, system)
    expect(await use(domain, project.channelId)).toBe('project-not-found')
    expect(await readText(store, 'a')).toBe('text')
    for (const kind of ['project', 'ownedProject', 'seed'] as const) {
      expect(await entriesOf(domain.engine, kind)).toEqual([])
    }
    expect(await problemsOf(domain)).toEqual([])
  })

  it('does so once when many requests ask', async () => {
    const engine = new FaultyEngine(new MemoryEngine(), { faults: delaysOnly, seed: 3 })
    const domain = await open(engine)
    const { id } = await domain.stores.create({ ownerId: owner, name: 'coats' })
    const projects = await Promise.all(
      Array.from({ length: 8 }, () => domain.projects.link(id, system)),
    )
    expect(new Set(projects.map(({ channelId }) => channelId)).size).toBe(1)
    expect(await problemsOf(domain)).toEqual([])
  })

  it('may be a session too, and stays a project when the session ends', async () => {
    const domain = await open()
    const { store, token } = await domain.sessions.create({
      ownerId: owner,
      label: 'l',
      retention: 'none',
      sharedToken: undefined,
      actor: undefined,
    })
    const { channelId } = await domain.projects.link(store.id, system)
    await domain.sessions.end(await domain.sessions.find(owner, token, who), system)
    expect(await store.identity()).toMatchObject({ session: null, project: { channelId } })
    expect(await use(domain, channelId)).toBe('none')
    expect(await problemsOf(domain)).toEqual([])
  })
})

describe('the end of a project', () => {
  it('comes with the drop of its store, and leaves nothing behind', async () => {
    const domain = await open()
    const { store, project } = await create(domain)
    await domain.projects.setSeed(store.id, [{ key: 'a', json: '1' }], system)
    await domain.stores.drop(store.id)
    expect(await use(domain, project.channelId)).toBe('store-not-found') // found before the drop
    expect(await use(domain, project.channelId)).toBe('project-not-found')
    for (const kind of ['project', 'ownedProject', 'seed'] as const) {
      expect(await entriesOf(domain.engine, kind)).toEqual([])
    }
    expect(await problemsOf(domain)).toEqual([])
    expect(await codeOf(create(domain, { channelId: project.channelId }))).toBe('none')
  })

  it('comes with the expiry of an unnamed store, which frees its channel id', async () => {
    const domain = await open()
    const { store } = await create(domain, { channelId: 'c' })
    await domain.stores.update(store.id, { name: null })
    domain.environment.advance(7 * day + second)
    expect(await use(domain, 'c')).toBe('store-not-found')
    expect(await namesOf(domain)).toEqual([])
    const next = await create(domain, { channelId: 'c' })
    expect(next.store.id).not.toBe(store.id)
    expect(await problemsOf(domain)).toEqual([])
    await domain.stores.update(next.store.id, { name: null })
    await domain.projects.setSeed(next.store.id, [], system)
    await sweepFor(domain, 8 * day)
    expect(await entriesOf(domain.engine, 'seed')).toEqual([])
    expect(await problemsOf(domain)).toEqual([])
  })

  it('does not come with a rename or a clear', async () => {
    const domain = await open()
    const { store, project } = await create(domain)
    await domain.stores.update(store.id, { name: 'renamed' })
    await store.put(textRecord('a', 'text'))
    await store.clear()
    expect(await use(domain, project.channelId)).toBe('none')
    expect((await store.identity()).project).toEqual(project)
    expect(await problemsOf(domain)).toEqual([])
  })
})

describe('guesses of channel ids', () => {
  it('end after 100 wrong ones of one address, for a minute', async () => {
    const engine = new MemoryEngine()
    const { project } = await create(await open(engine), { channelId: 'own-name' })
    const domain = await open(engine)
    const found = async (channelId: string, peer: string | undefined = who.peer): Promise<string> =>
      codeOf((async () => domain.projects.find(channelId, { caller: system, peer }))())
    for (let time = 0; time < 200; time += 1) expect(await found('same')).toBe('project-not-found')
    for (let guess = 1; guess < 100; guess += 1) {
      expect(await found(`wrong${guess}`)).toBe('project-not-found')
    }
    expect(await found(project.channelId)).toBe('too-many-guesses')
    expect(await found(project.channelId, '192.0.2.2')).toBe('none')
    expect(await found(project.channelId)).toBe('none') // known by now
    domain.environment.advance(minute)
    expect(await found('same')).toBe('project-not-found')
  })

  it("are not counted if the id has the form of Coatcheck's ids", async () => {
    const engine = new MemoryEngine()
    const { project } = await create(await open(engine))
    const domain = await open(engine)
    const found = async (channelId: string): Promise<string> =>
      codeOf((async () => domain.projects.find(channelId, who))())
    const others = new TestEnvironment(2)
    for (let guess = 0; guess < 200; guess += 1) {
      const { channelId } = newProject(others, { isOpen: true })
      expect(await found(channelId)).toBe('project-not-found')
    }
    for (let guess = 0; guess < 100; guess += 1) {
      expect(await found(`wrong${guess}`)).toBe('project-not-found')
    }
    expect(await found(project.channelId)).toBe('none')
    // A chosen channel id may have the same length.
    for (const other of ['my-highscores-of-2027_b', 'my-highscores-of-2027b', 'wrong']) {
      expect(await found(other), other).toBe('too-many-guesses')
    }
  })
})
