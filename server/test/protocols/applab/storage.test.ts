import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordKey } from '../../../src/core/disk/keyspace.ts'
import { EngineError } from '../../../src/core/engine/engine.ts'
import { openTestDomain } from '../../../src/core/testing/test-domain.ts'
import { elsewhere, KeptEngine } from '../../support/data/kept-engine.ts'
import type { Answered } from '../../support/network/remote.ts'
import { startTestServer, type TestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

describe('storage that fails during the request of a page', () => {
  const engine = new KeptEngine()
  let server: TestServer
  let project: ApplabProject

  beforeAll(async () => {
    server = await startTestServer(elsewhere, { open: async () => engine })
    project = await ApplabProject.create(server)
    await project.set('k', 'there')
  })

  afterAll(() => server.close())

  const get = (key: string): Promise<Answered> =>
    project.send('get_key_value', { parameters: { key } })
  const set = (key: string, value: string): Promise<Answered> =>
    project.send('set_key_value', { parameters: { key, value } })

  it('for a moment: the page gets TRY_AGAIN', async () => {
    await get('k')
    engine.readFailure = new EngineError('unavailable', 'Nobody answers.')
    const reply = await get('k')
    engine.readFailure = undefined
    expect(refusalOf(reply)).toEqual({ status: 503, type: 'TRY_AGAIN' })
    expect(reply.headers.get('retry-after')).toBe('1')
    expect((await get('k')).text).toBe('"there"')
  })

  it('after a write: the page gets TRY_AGAIN, the outcome is unknown', async () => {
    engine.losesAnswers = true
    const reply = await set('lost', '1')
    engine.losesAnswers = false
    expect(refusalOf(reply)).toEqual({ status: 503, type: 'TRY_AGAIN' })
  })

  it('with a full disk: nothing is stored, and reading works', async () => {
    engine.commitFailure = new EngineError('full', 'No space is left.')
    const reply = await set('k', '"new"')
    engine.commitFailure = undefined
    expect(refusalOf(reply)).toEqual({ status: 507, type: 'STORAGE_FULL' })
    expect((await get('k')).text).toBe('"there"')
  })

  it('with a damaged value: the page gets an error, other values work, and it can be set again', async () => {
    await project.set('damaged', 1)
    const domain = await openTestDomain(engine)
    const { contentId } = await (await domain.stores.find(project.storeId)).identity()
    engine.damage(recordKey(contentId, 'damaged'))
    const logged = server.logged.length
    expect(refusalOf(await get('damaged'))).toEqual({ status: 500, type: 'VALUE_DAMAGED' })
    expect(server.logged.length).toBe(logged + 1)
    expect((await get('k')).text).toBe('"there"')
    expect((await set('damaged', '2')).status).toBe(200)
    const all = await project.asOwner('get_key_values')
    expect(refusalOf(all)).toEqual({ status: 500, type: 'VALUE_DAMAGED' })
  })
})
