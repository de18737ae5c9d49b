import { beforeAll, describe, expect, it } from 'vitest'
import { type Answered, Remote } from '../../support/network/remote.ts'
import { SlowDownload, SlowUpload } from '../../support/network/slow-transfer.ts'
import { engines, startTestServer, useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'
import { People } from '../../support/people/people.ts'

const value = { key: 'k', value: '"set"' }
const ownersActions = [
  'get_key_values',
  'populate_key_values',
  'project_has_data',
  'clear_all_data',
] as const
const missing = { status: 401, type: 'PAGE_KEY_MISSING' }
const invalid = { status: 401, type: 'PAGE_KEY_INVALID' }
const loginRequired = { status: 401, type: 'LOGIN_REQUIRED' }
const notFound = { status: 404, type: 'PROJECT_NOT_FOUND' }

describe.each(engines)('the access of a page, on %s', (engine) => {
  const server = useTestServer({ engine })
  const create = (settings = {}): Promise<ApplabProject> =>
    ApplabProject.create({ url: server.url(), token: server.token() }, settings)
  let open: ApplabProject
  let closed: ApplabProject

  beforeAll(async () => {
    open = await create()
    closed = await create({ isOpen: false })
    for (const project of [open, closed]) await project.set('k', 'there')
  })

  async function get(project: ApplabProject, headers = {}): Promise<Answered> {
    return project.send('get_key_value', { parameters: { key: 'k' }, headers })
  }

  it('includes get and set by the channel id alone if the project is open', async () => {
    expect((await get(open)).text).toBe('"there"')
    const set = await open.send('set_key_value', { parameters: { key: 'new', value: '1' } })
    expect([set.status, set.text]).toEqual([200, '{"key":"new","value":1}'])
    expect(await open.get('new')).toBe(1)
  })

  it('needs the page key if the project is not open, in a header or the query', async () => {
    expect(refusalOf(await get(closed))).toEqual(missing)
    const set = await closed.send('set_key_value', { parameters: value })
    expect(refusalOf(set)).toEqual(missing)
    expect(await closed.get('k')).toBe('there')
    const { pageKey } = closed
    expect((await get(closed, { 'X-Page-Key': pageKey })).text).toBe('"there"')
    const query = await closed.send('get_key_value', { parameters: { key: 'k', pageKey } })
    expect(query.text).toBe('"there"')
    const asPage = await closed.asPage('set_key_value', { parameters: { key: 'p', value: '2' } })
    expect(asPage.status).toBe(200)
  })

  it('is refused with a wrong page key, even if the project is open', async () => {
    const keys = ['wrong', ' x ', open.pageKey.slice(0, -1), `${open.pageKey}x`, closed.pageKey]
    for (const key of keys) {
      expect(refusalOf(await get(open, { 'X-Page-Key': key })), key).toEqual(invalid)
    }
    expect(refusalOf(await get(closed, { 'X-Page-Key': open.pageKey }))).toEqual(invalid)
    const parameters = { ...value, pageKey: 'wrong' }
    const carrier = 'query'
    const set = await open.send('set_key_value', { parameters, carrier })
    expect(refusalOf(set)).toEqual(invalid)
    expect(await open.get('k')).toBe('there')
  })

  it('treats an empty page key like no page key', async () => {
    for (const headers of [{ 'X-Page-Key': '' }, { 'X-Page-Key': ' ' }]) {
      expect((await get(open, headers)).text).toBe('"there"')
      expect(refusalOf(await get(closed, headers))).toEqual(missing)
    }
    const query = { parameters: { key: 'k', pageKey: '' } }
    expect((await open.send('get_key_value', query)).text).toBe('"there"')
    expect(refusalOf(await closed.send('get_key_value', query))).toEqual(missing)
    const { pageKey } = closed
    const both = { parameters: { key: 'k', pageKey }, headers: { 'X-Page-Key': '' } }
    expect((await closed.send('get_key_value', both)).text).toBe('"there"')
  })

  it('is answered the same for every unknown channel', async () => {
    for (const channel of ['none', '__proto__', '%F0%9F%91%81', '..%2f..', 'x'.repeat(300)]) {
      const path = `/datablock_storage/${channel}/get_key_value?key=k`
      const reply = await new Remote(server.url()).send(path)
      expect(refusalOf(reply), channel).toEqual(notFound)
    }
  })

  it('never includes listing, populating, project_has_data, or clearing', async () => {
    for (const action of ownersActions) {
      for (const reply of [await open.send(action), await closed.asPage(action)]) {
        expect(refusalOf(reply), action).toEqual(loginRequired)
      }
    }
    expect(await open.get('k')).toBe('there')
  })

  it('includes deleting if the owner turned that on', async () => {
    const project = await create()
    await project.set('k', 1)
    const parameters = { key: 'k' }
    const off = await project.send('delete_key_value', { parameters })
    expect(refusalOf(off)).toEqual(loginRequired)
    expect(JSON.parse(off.text).msg).toContain('owner can turn that on')
    expect(JSON.parse(off.text).msg).toContain("or delete them with the owner's token")
    expect(await project.get('k')).toBe(1)
    await project.change({ mayDelete: true })
    const on = await project.send('delete_key_value', { parameters })
    expect([on.status, on.text]).toEqual([200, 'true'])
    expect(await project.get('k')).toBe(null)
    const again = await project.send('delete_key_value', { parameters })
    expect([again.status, again.text]).toEqual([200, 'true'])
  })

  it('ends at once when the project is closed or removed, or its page key changes', async () => {
    const project = await create()
    const remote = new Remote(server.url())
    const token = server.token()
    const path = `/coatcheck/v1/projects/${project.channelId}`
    await project.set('k', 1)
    expect((await get(project)).status).toBe(200)
    await project.change({ isOpen: false })
    expect(refusalOf(await get(project))).toEqual(missing)
    const headers = { 'X-Page-Key': project.pageKey }
    expect((await get(project, headers)).status).toBe(200)
    const { data } = await remote.do(`${path}/rotate-key`, { method: 'POST', token })
    expect(refusalOf(await get(project, headers))).toEqual(invalid)
    const fresh = { 'X-Page-Key': data.pageKey }
    expect((await get(project, fresh)).status).toBe(200)
    const store = `/v2/key-value-stores/${project.storeId}`
    await remote.do(store, { method: 'PATCH', token, json: { project: false } })
    expect(refusalOf(await get(project, fresh))).toEqual(notFound)
    expect((await remote.send(`${store}/records/k`, { token })).text).toBe('1')
  })

  it('can end during the upload of a value', async () => {
    const project = await create()
    const path = `/datablock_storage/${project.channelId}/set_key_value`
    const target = { url: server.url(), path, method: 'POST', contentType: 'application/json' }
    const body = Buffer.from('{"key":"late","value":"1"}')
    const upload = await SlowUpload.begin(target, body, { sent: 1 })
    await project.change({ isOpen: false })
    expect(await upload.status).toBe(401)
    upload.abort()
    expect(await project.get('late')).toBe(null)
  })
})

describe.each(engines)('a token, on %s', (engine) => {
  const server = useTestServer({ engine })
  let project: ApplabProject
  let people: People

  beforeAll(async () => {
    const owner = { url: server.url(), token: server.token() }
    project = await ApplabProject.create(owner, { isOpen: false })
    people = new People(owner)
  })

  it('replaces the rights of a page: a stranger with a token finds nothing', async () => {
    await project.set('k', 1)
    const token = (await people.create('stranger')).token
    for (const action of ['get_key_value', ...ownersActions, 'delete_key_value', 'user_id']) {
      const asked = { token, headers: { 'X-Page-Key': project.pageKey }, parameters: value }
      expect(refusalOf(await project.send(action, asked)), action).toEqual(notFound)
    }
    expect(await project.get('k')).toBe(1)
  })

  it('of the owner is not limited by rules for pages', async () => {
    await project.change({ rules: [{ prefix: '', preset: 'read-only' }] })
    await project.set('ruled', 1)
    expect(await project.get('ruled')).toBe(1)
    const asPage = await project.asPage('set_key_value', { parameters: value })
    expect(refusalOf(asPage)).toEqual({ status: 403, type: 'READ_ONLY' })
  })

  it('must be valid', async () => {
    const wrong = await project.send('get_key_value', { token: 'wrong', parameters: value })
    expect(refusalOf(wrong)).toEqual(loginRequired)
    const query = await project.send('get_key_values', { parameters: { token: server.token() } })
    expect(query.status).toBe(200)
  })
})

describe('an unknown channel in a request with a token', () => {
  it("becomes the user's project, whatever the request is", async () => {
    const server = await startTestServer()
    const remote = new Remote(server.url)
    try {
      const { token } = server
      const first = '/datablock_storage/my_own-Channel.1'.replace('.1', '')
      const reply = await remote.send(`${first}/get_key_values`, { token })
      expect([reply.status, reply.text]).toEqual([200, '{}'])
      const { data } = await remote.do('/coatcheck/v1/projects/my_own-Channel', { token })
      expect(data).toMatchObject({ title: 'my_own-Channel', isOpen: true })
      const many = Array.from({ length: 10 }, () =>
        remote.send('/datablock_storage/at-once/project_has_data', { token }),
      )
      for (const { status, text } of await Promise.all(many)) {
        expect([status, text]).toEqual([200, 'false'])
      }
      const projects = await remote.do('/coatcheck/v1/projects', { token })
      expect(projects.data.count).toBe(2)
    } finally {
      await server.close()
    }
  })

  it("stays unknown if its name is invalid, if the token is limited, or if it is another user's", async () => {
    const server = await startTestServer()
    const remote = new Remote(server.url)
    const ask = (channel: string, token?: string): Promise<Answered> =>
      remote.send(`/datablock_storage/${channel}/get_key_value?key=k`, { token })
    try {
      const people = new People(server)
      const jane = await people.create('jane')
      const reading = await people.createToken(jane, { action: 'read' })
      expect((await ask('janes', jane.token)).status).toBe(200)
      for (const channel of ['a.b', 'a%20b', '%C3%BC', 'x'.repeat(101)]) {
        expect(refusalOf(await ask(channel, jane.token)), channel).toEqual(notFound)
      }
      expect(refusalOf(await ask('new', reading.token))).toEqual(notFound)
      expect(refusalOf(await ask('janes', server.token))).toEqual(notFound)
      expect(refusalOf(await ask('nobodys'))).toEqual(notFound)
    } finally {
      await server.close()
    }
  })

  it('stays unknown if applabAutoCreate is off', async () => {
    const server = await startTestServer({ applabAutoCreate: false })
    try {
      const path = '/datablock_storage/channel/get_key_value?key=k'
      const reply = await new Remote(server.url).send(path, { token: server.token })
      expect(refusalOf(reply)).toEqual(notFound)
    } finally {
      await server.close()
    }
  })
})

describe('a running export', () => {
  const server = useTestServer()

  it('is cut off when the token is revoked', async () => {
    const people = new People({ url: server.url(), token: server.token() })
    const jane = await people.create('jane')
    const project = await ApplabProject.create({ url: server.url(), token: jane.token })
    const large = JSON.stringify('x'.repeat(4_000_000))
    for (const key of ['1', '2', '3', '4', '5', '6', '7', '8', '9']) {
      const path = `/v2/key-value-stores/${project.storeId}/records/${key}`
      const headers = { 'Content-Type': 'application/json' }
      const asked = { method: 'PUT', token: jane.token, body: large, headers }
      await people.remote.do(path, asked)
    }
    const reading = await people.createToken(jane, { action: 'read' })
    const path = `/datablock_storage/${project.channelId}/get_key_values`
    const download = await SlowDownload.begin({ url: server.url(), path, token: reading.token })
    expect(download.status).toBe(200)
    await people.revoke(jane, reading)
    await download.closed()
    expect(download.isWhole).toBe(false)
  })
})

describe('the author of a change', () => {
  const server = useTestServer()

  it('is in the store’s audit trail: the user, or a page of this door', async () => {
    const owner = { url: server.url(), token: server.token() }
    const project = await ApplabProject.create(owner)
    await project.set('by-owner', 1)
    await project.send('set_key_value', { parameters: { key: 'by-page', value: '1' } })
    const path = `/v2/key-value-stores/${project.storeId}/audit`
    const { data } = await new Remote(server.url()).do(path, { token: server.token() })
    const told = data.items
      .filter(({ subject }: { subject: string }) => subject.startsWith('by-'))
      .map((event: Record<string, unknown>) => [
        event.subject,
        event.username,
        event.userId === null,
        event.door,
      ])
    expect(told).toEqual([
      ['by-page', null, true, 'applab'],
      ['by-owner', 'owner', false, 'applab'],
    ])
  })
})
