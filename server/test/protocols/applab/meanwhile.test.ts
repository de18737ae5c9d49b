import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Domain, openDomain } from '../../../src/core/domain.ts'
import { WholeSource } from '../../../src/core/kernel/byte-source.ts'
import { limits } from '../../../src/core/kernel/limits.ts'
import type { PageRule } from '../../../src/core/pages/project.ts'
import { elsewhere, KeptEngine } from '../../support/data/kept-engine.ts'
import type { Answered } from '../../support/network/remote.ts'
import { startTestServer, type TestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

/** Another server on the same data changes it just before a page's write is committed. */
describe('a change by another server while a page writes', () => {
  const engine = new KeptEngine()
  let server: TestServer
  let neighbour: Domain

  beforeAll(async () => {
    server = await startTestServer(elsewhere, { open: async () => engine })
    const ignore = (): void => undefined
    const clocks = { now: Date.now, monotonic: () => performance.now(), asleep: () => 0 }
    const environment = { ...clocks, randomBytes, logError: ignore }
    const { unnamedRetentionMs } = limits
    neighbour = await openDomain(engine, environment, { unnamedRetentionMs })
  })

  afterAll(async () => {
    await neighbour.close()
    await server.close()
  })

  const create = (...rules: PageRule[]): Promise<ApplabProject> =>
    ApplabProject.create(server, { rules })

  async function put({ storeId }: ApplabProject, key: string, json: string): Promise<void> {
    const source = new WholeSource(Buffer.from(json))
    const contentType = 'application/json'
    const store = await neighbour.stores.find(storeId)
    await store.put({ key, contentType, contentEncoding: '', source })
  }

  async function write(
    project: ApplabProject,
    [key, value]: [key: string, value: unknown],
    { meanwhile, headers = {} }: { meanwhile: () => Promise<unknown>; headers?: object },
  ): Promise<Answered> {
    // Once, so that the server has everything in its cache.
    await project.send('get_key_value', { parameters: { key } })
    engine.beforeCommit = meanwhile
    const parameters = { key, value: JSON.stringify(value) }
    const reply = await project.send('set_key_value', { parameters, headers: { ...headers } })
    expect(engine.beforeCommit).toBeUndefined()
    return reply
  }

  const refused = (type: string, status = 403): object => ({ status, type })

  it('a higher score: the lower score of the page is refused', async () => {
    const project = await create({ key: 'best', preset: 'only-raise' })
    await project.set('best', 5)
    const meanwhile = (): Promise<void> => put(project, 'best', '100')
    const reply = await write(project, ['best', 6], { meanwhile })
    expect(refusalOf(reply)).toEqual(refused('ONLY_RAISE'))
    expect(await project.get('best')).toBe(100)
  })

  it('a score that is still lower: the page raises it', async () => {
    const project = await create({ key: 'best', preset: 'only-raise' })
    await project.set('best', 5)
    const meanwhile = (): Promise<void> => put(project, 'best', '5.5')
    const headers = { 'If-Match': '*' }
    const reply = await write(project, ['best', 6], { meanwhile, headers })
    expect(reply.text).toBe('{"key":"best","value":6}')
    expect(await project.get('best')).toBe(6)
  })

  it('the first vote: a second one is refused', async () => {
    const project = await create({ key: 'vote', preset: 'write-once' })
    const meanwhile = (): Promise<void> => put(project, 'vote', '"first"')
    const reply = await write(project, ['vote', 'second'], { meanwhile })
    expect(refusalOf(reply)).toEqual(refused('WRITE_ONCE'))
    expect(await project.get('vote')).toBe('first')
  })

  it('another line: a list without it is refused', async () => {
    const project = await create({ prefix: '', preset: 'append-only' })
    await project.set('chat', ['a'])
    const meanwhile = (): Promise<void> => put(project, 'chat', '["a","b"]')
    const reply = await write(project, ['chat', ['a', 'c']], { meanwhile })
    expect(refusalOf(reply)).toEqual(refused('APPEND_ONLY'))
    expect(await project.get('chat')).toEqual(['a', 'b'])
  })

  it('another value: the If-Match of the page fails', async () => {
    const project = await create()
    await project.set('k', 1)
    const parameters = { key: 'k' }
    const tag = (await project.send('get_key_value', { parameters })).headers.get('etag')
    const meanwhile = (): Promise<void> => put(project, 'k', '2')
    const reply = await write(project, ['k', 3], { meanwhile, headers: { 'If-Match': tag } })
    expect(refusalOf(reply)).toEqual(refused('CONDITION_FAILED', 412))
    expect(await project.get('k')).toBe(2)
  })

  it.each<[what: string, before: PageRule[], after: PageRule[], type: string]>([
    ['the first rule of all', [], [{ prefix: '', preset: 'read-only' }], 'READ_ONLY'],
    [
      'a stricter rule',
      [{ key: 'k', preset: 'only-raise' }],
      [{ key: 'k', preset: 'read-only' }],
      'READ_ONLY',
    ],
    [
      'a rule for the key itself',
      [{ prefix: '', preset: 'anything' }],
      [{ key: 'k', preset: 'write-once' }],
      'WRITE_ONCE',
    ],
  ])('%s: it applies already', async (_, before, after, type) => {
    const project = await create(...before)
    await project.set('k', 1)
    const { storeId } = project
    const caller = (await callers()).owner
    const meanwhile = (): Promise<unknown> =>
      neighbour.projects.update(storeId, { rules: after }, caller)
    const reply = await write(project, ['k', 2], { meanwhile })
    expect(refusalOf(reply)).toEqual(refused(type))
    expect(await project.get('k')).toBe(1)
  })

  it('a removed rule: it no longer applies', async () => {
    const project = await create({ key: 'k', preset: 'only-raise' })
    await project.set('k', 5)
    const caller = (await callers()).owner
    const meanwhile = (): Promise<unknown> =>
      neighbour.projects.update(project.storeId, { rules: [] }, caller)
    expect((await write(project, ['k', 6], { meanwhile })).status).toBe(200)
    const low = { parameters: { key: 'k', value: '1' } }
    expect((await project.send('set_key_value', low)).status).toBe(200)
  })

  it('a closed or removed project: nothing is written', async () => {
    const project = await create()
    const { storeId } = project
    const caller = (await callers()).owner
    const close = (): Promise<unknown> =>
      neighbour.projects.update(storeId, { isOpen: false }, caller)
    const closed = await write(project, ['k', 1], { meanwhile: close })
    expect(refusalOf(closed)).toEqual(refused('PAGE_KEY_MISSING', 401))
    expect(await project.get('k')).toBe(null)
    await project.change({ isOpen: true })
    const unlink = (): Promise<unknown> => neighbour.projects.unlink(storeId, caller)
    const unlinked = await write(project, ['k', 1], { meanwhile: unlink })
    expect(refusalOf(unlinked)).toEqual(refused('PROJECT_NOT_FOUND', 404))
    const store = await neighbour.stores.find(storeId)
    expect(await store.get('k')).toBeUndefined()
  })

  it('a channel that moves to another project: the new project is written', async () => {
    const channelId = 'moving'
    const ask = (value: string): Promise<Response> =>
      fetch(`${server.url}/datablock_storage/${channelId}/set_key_value`, {
        method: 'POST',
        body: JSON.stringify({ key: 'k', value }),
      })
    const [user] = await neighbour.users.list()
    const wanted = { ownerId: user?.id ?? '', name: 'moving', channelId, isOpen: true }
    const first = await neighbour.projects.create({ ...wanted, actor: undefined })
    expect((await ask('1')).status).toBe(200)
    await neighbour.stores.drop(first.store.id)
    const second = await neighbour.projects.create({ ...wanted, actor: undefined })
    expect((await ask('3')).status).toBe(200)
    expect((await second.store.get('k'))?.size).toBe(1)
  })

  /** A caller who may manage the projects. */
  async function callers(): Promise<{ owner: ReturnType<Domain['access']['callerFor']> }> {
    const principal = await neighbour.access.authenticate(server.token)
    return { owner: neighbour.access.callerFor(principal, 'coatcheck', { action: 'manage' }) }
  }
})
