import { describe, expect, it } from 'vitest'
import { type Answered, errorTypeOf, type Json } from '../../support/network/remote.ts'
import { engines, startTestServer } from '../../support/network/test-server.ts'
import { TestProject } from '../../support/pages/project.ts'
import { People } from '../../support/people/people.ts'
import { useTestPeople } from '../../support/people/test-people.ts'

const path = '/coatcheck/v1/projects'

describe.each(engines)('projects, on %s', (engine) => {
  const { server, people, jane, joe } = useTestPeople({ engine }, 'jane', 'joe')

  const create = async (json: object, at = path, token = jane.token): Promise<Json> =>
    (await people.remote.do(at, { method: 'POST', token, json })).data
  const refused = async (json: unknown, at = path, method = 'POST'): Promise<string> => {
    const answer = await people.remote.send(at, { method, token: jane.token, json })
    return `${answer.status} ${errorTypeOf(answer)}`
  }
  const listed = async (token = jane.token, query = ''): Promise<Json> =>
    (await people.remote.do(`${path}${query}`, { token })).data
  const storeOf = async ({ storeId }: Json): Promise<Json> =>
    (await people.remote.do(`/v2/key-value-stores/${storeId}`, { token: jane.token })).data
  const patchStore = (id: string, json: object): Promise<Json> =>
    people.remote.do(`/v2/key-value-stores/${id}`, { method: 'PATCH', token: jane.token, json })

  it.each([path, '/applab/projects'])('are made at %s, in a store with their name', async (at) => {
    const made = await create({ name: 'Meine Äpfel' }, at)
    expect(made).toMatchObject({
      channelId: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      pageKey: expect.stringMatching(/^ck_page_[A-Za-z0-9]{32}$/),
      storeId: expect.stringMatching(/^[A-Za-z0-9]{17}$/),
      name: expect.stringMatching(/^meine-apfel(-2)?$/),
      title: 'Meine Äpfel',
      username: 'jane',
      isOpen: true,
      mayDelete: false,
      listPrefixes: [],
      rules: [],
      hasSeed: false,
      pairCount: 0,
    })
    expect(await storeOf(made)).toMatchObject({
      id: made.storeId,
      name: made.name,
      title: 'Meine Äpfel',
      channelId: made.channelId,
      expiresAt: null,
    })
    const { pageKey, ...told } = made
    expect((await listed()).items).toContainEqual(told)
    expect(
      (await people.remote.do(`${path}/${made.channelId}`, { token: jane.token })).data,
    ).toEqual(made)
  })

  it('are made with a Location header in the reply', async () => {
    const asked = { method: 'POST', token: jane.token, json: { name: 'a' } }
    const { status, headers, text } = await people.remote.send('/applab/projects', asked)
    expect(status).toBe(201)
    const { channelId } = JSON.parse(text).data
    expect(headers.get('location')).toBe(`${server.url()}${path}/${channelId}`)
  })

  it('may be made with the channel id that their pages use already', async () => {
    const channelId = `Old_channel-${engine}`
    expect(await create({ name: 'b', channelId, isOpen: false })).toMatchObject({
      channelId,
      isOpen: false,
    })
    expect(await refused({ name: 'b', channelId })).toBe('409 name-not-unique')
    expect(await refused({ name: 'b', channelId: 'a/b' })).toBe('400 invalid-value')
    expect(await refused({ name: 'b', channelId: 'x'.repeat(101) })).toBe('400 invalid-value')
  })

  it('need a name, and accept no unknown fields', async () => {
    for (const wrong of [{}, { name: '' }, { name: ' ' }, { name: 5 }, { name: 'x'.repeat(257) }]) {
      expect(await refused(wrong), JSON.stringify(wrong)).toBe('400 invalid-value')
    }
    expect(await refused({ name: 'c', open: true })).toBe('400 invalid-value')
    expect(await refused({ name: 'c', isOpen: 'yes' })).toBe('400 invalid-value')
    expect(await refused([])).toBe('400 invalid-request')
  })

  it('are made for other users only by commands on the server itself', async () => {
    for (const token of [jane.token, server.token()]) {
      for (const user of ['joe', '*', 'nobody']) {
        const asked = { method: 'POST', token, json: { name: 'not mine', user } }
        const answer = await people.remote.send(path, asked)
        expect(`${answer.status} ${errorTypeOf(answer)}`).toBe('403 insufficient-permissions')
      }
    }
    expect(JSON.stringify(await listed(joe.token))).not.toContain('not mine')
    expect(await create({ name: 'mine', user: 'jane' })).toMatchObject({ username: 'jane' })
  })

  it('change only the fields of a request', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'd' })
    const before = await project.do('')
    const rules = [
      { key: 'high score', preset: 'only-raise' },
      { prefix: 'mine/{me}', preset: 'own-keys-only' },
    ]
    for (const json of [
      { isOpen: false },
      { mayDelete: true },
      { listPrefixes: ['', 'a/'] },
      { rules },
      { title: 'Renamed' },
      { isOpen: true, mayDelete: false },
      {},
    ]) {
      const known = await project.do('')
      expect(await project.do('', { method: 'PATCH', json })).toEqual({ ...known, ...json })
    }
    const after = {
      title: 'Renamed',
      isOpen: true,
      mayDelete: false,
      listPrefixes: ['', 'a/'],
      rules,
    }
    expect(await project.do('')).toEqual({ ...before, ...after })
  })

  it('replace one rule and leave the others', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'one' })
    const rulesAfter = async (json: object): Promise<Json> =>
      (await project.do('', { method: 'PATCH', json })).rules
    const [a, b] = [
      { key: 'a', preset: 'read-only' },
      { prefix: 'a', preset: 'write-once' },
    ]
    expect(await rulesAfter({ ruleChanges: [a] })).toEqual([a])
    expect(await rulesAfter({ ruleChanges: [b] })).toEqual([a, b])
    const other = { ...a, preset: 'anything' }
    expect(await rulesAfter({ ruleChanges: [other] })).toEqual([b, other])
    expect(await rulesAfter({ ruleChanges: [{ prefix: 'a', preset: null }] })).toEqual([other])
    expect(await rulesAfter({ rules: [b], ruleChanges: [a] })).toEqual([b, a])
    for (const wrong of [5, [5], [{ key: 'a' }], [{ preset: null }], [{ ...a, preset: 'none' }]]) {
      const json = { ruleChanges: wrong }
      expect(await refused(json, `${path}/${project.channelId}`, 'PATCH')).toBe('400 invalid-value')
    }
    expect(await rulesAfter({})).toEqual([b, a])
  })

  it('of another user look like missing ones, and asking for them is limited as guessing is', async () => {
    await create({ name: 'secret', channelId: 'janes-secret' })
    const asker = await people.create(`asker-${Math.random().toString(36).slice(2)}`)
    const ask = async (method: string, rest: string): Promise<unknown> => {
      const json = method === 'GET' || method === 'DELETE' ? undefined : {}
      const answer = await people.remote.send(path + rest, { method, token: asker.token, json })
      return { status: answer.status, text: answer.text.replace(/janes-secret|missing/, '') }
    }
    const calls = [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/rotate-key'],
      ['GET', '/seed'],
      ['PUT', '/seed'],
      ['POST', '/reset'],
      ['GET', '/export'],
      ['POST', '/import'],
    ] as const
    for (const [method, rest] of calls) {
      const missing = await ask(method, `/missing${rest}`)
      expect(missing).toMatchObject({ status: 404 })
      expect(await ask(method, `/janes-secret${rest}`), method + rest).toEqual(missing)
    }
    // Each wrong channel id counts once. Two of them are counted so far.
    for (let n = 2; n < 100; n += 1) {
      expect(await ask('GET', `/guess-${n}`)).toMatchObject({ status: 404 })
    }
    for (const name of ['janes-secret', 'missing', 'guess']) {
      expect(await ask('GET', `/${name}`)).toMatchObject({ status: 429 })
    }
    const taken = { method: 'POST', token: asker.token }
    const json = { name: 'x', channelId: 'janes-secret' }
    expect((await people.remote.send(path, { ...taken, json })).status).toBe(429)
    // The user's own projects and those of other users are served as before.
    const own = await people.remote.do(path, {
      ...taken,
      json: { name: 'y', channelId: 'own-one' },
    })
    expect(await ask('GET', `/${own.data.channelId}`)).toMatchObject({ status: 200 })
    const janes = await people.remote.send(`${path}/janes-secret`, { token: jane.token })
    expect(janes.status).toBe(200)
  })

  it('refuse invalid rules', async () => {
    const { channelId } = await create({ name: 'e' })
    const patch = (json: unknown): Promise<string> => refused(json, `${path}/${channelId}`, 'PATCH')
    const wrongs: readonly unknown[] = [
      'read-only',
      ['read-only'],
      [null],
      [{ key: 'a' }],
      [{ preset: 'read-only' }],
      [{ key: 'a', preset: 'readonly' }],
      [{ key: 'a', prefix: 'b', preset: 'read-only' }],
      [{ key: 'a', preset: 'read-only', more: 1 }],
      [{ key: 5, preset: 'read-only' }],
      Array(2).fill({ key: 'a', preset: 'read-only' }),
      Array.from({ length: 101 }, (_, at) => ({ key: `${at}`, preset: 'read-only' })),
    ]
    for (const rules of wrongs) {
      expect(await patch({ rules }), JSON.stringify(rules)).toBe('400 invalid-value')
    }
    expect(await patch({ listPrefixes: [5] })).toBe('400 invalid-value')
    expect(await patch({ listPrefixes: ['k'.repeat(2_401)] })).toBe('400 invalid-value')
    expect(await patch({ pageKey: 'mine' })).toBe('400 invalid-value')
    expect(await refused({ isOpen: true }, `${path}/none`, 'PATCH')).toBe('404 record-not-found')
  })

  it('can get a new page key, which replaces the old one', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'f' })
    const rotated = await project.do('/rotate-key', { method: 'POST' })
    expect(rotated.pageKey).toMatch(/^ck_page_/)
    expect(rotated.pageKey).not.toBe(project.pageKey)
    expect(await project.do('')).toEqual(rotated)
  })

  it('can be removed, and their stores keep all records', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'g' })
    await project.put('a', { json: 1 })
    expect((await project.send('', { method: 'DELETE' })).status).toBe(204)
    const gone = await project.send('')
    expect(`${gone.status} ${errorTypeOf(gone)}`).toBe('404 record-not-found')
    expect(await storeOf(project)).not.toHaveProperty('channelId')
    expect(JSON.stringify(await listed())).not.toContain(project.channelId)
    const record = `/v2/key-value-stores/${project.storeId}/records/a`
    expect((await people.remote.send(record, { token: jane.token })).text).toBe('1')
  })

  it('are removed with their stores', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'h' })
    const asked = { method: 'DELETE', token: jane.token }
    await people.remote.do(`/v2/key-value-stores/${project.storeId}`, asked)
    expect((await project.send('')).status).toBe(404)
    expect(JSON.stringify(await listed())).not.toContain(project.channelId)
  })

  it('can be made from a store, and turned back, by the settings of the store', async () => {
    const asked = { method: 'POST', token: jane.token }
    const { data: store } = await people.remote.do(`/v2/key-value-stores?name=plain-i`, asked)
    expect(store).not.toHaveProperty('channelId')
    const { data } = await patchStore(store.id, { project: true, session: true })
    expect(data.channelId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(data.sessionToken).toMatch(/^\d+$/)
    expect((await patchStore(store.id, { project: true })).data.channelId).toBe(data.channelId)
    expect((await patchStore(store.id, { title: 'T' })).data.channelId).toBe(data.channelId)
    const { data: without } = await patchStore(store.id, { project: false })
    expect(without).not.toHaveProperty('channelId')
    expect(without.sessionToken).toBe(data.sessionToken)
    expect(await refused({ project: 1 }, `/v2/key-value-stores/${store.id}`, 'PATCH')).toBe(
      '400 invalid-value',
    )
  })

  it('are listed a page at a time, and only to their owner', async () => {
    const [first, second] = [
      await create({ name: 'joe' }, path, joe.token),
      await create({ name: 'joe' }, path, joe.token),
    ]
    const all = await listed(joe.token)
    expect(all).toMatchObject({ count: 2, isTruncated: false })
    expect(all.items.map(({ channelId }: Json) => channelId)).toEqual([
      first.channelId,
      second.channelId,
    ])
    expect(await listed(joe.token, '?limit=1')).toMatchObject({ count: 1, isTruncated: true })
    const answer = await people.remote.send(`${path}?user=joe`, { token: server.token() })
    expect(`${answer.status} ${errorTypeOf(answer)}`).toBe('403 insufficient-permissions')
  })

  it('are listed to the last one, even if others are removed meanwhile', async () => {
    const ann = await people.create('ann')
    const made: Json[] = []
    for (let index = 0; index < 5; index += 1) {
      made.push(await create({ name: `p${index}` }, path, ann.token))
    }
    const channels = (items: readonly Json[]): string[] => items.map(({ channelId }) => channelId)
    const first = await listed(ann.token, '?limit=2')
    expect(channels(first.items)).toEqual(channels(made.slice(0, 2)))
    expect(first.isTruncated).toBe(true)
    const gone = { method: 'DELETE', token: ann.token }
    await people.remote.do(`/v2/key-value-stores/${made[1]?.storeId}`, gone)
    await people.remote.do(`/v2/key-value-stores/${made[2]?.storeId}`, gone)
    const behind = `after=${encodeURIComponent(first.nextAfter)}`
    expect(channels((await listed(ann.token, `?limit=1&${behind}`)).items)).toEqual(
      channels(made.slice(3, 4)),
    )
    const rest = await listed(ann.token, `?limit=2&${behind}`)
    expect(channels(rest.items)).toEqual(channels(made.slice(3)))
    expect(rest).toMatchObject({ isTruncated: false, nextAfter: null })
    const foreign = await listed(joe.token, `?${behind}`)
    expect(JSON.stringify(foreign)).not.toContain('"ann"')
    for (const wrong of ['x', '1.2', `${first.nextAfter}.1`, '%F0%9F%A7%A5']) {
      const answer = await people.remote.send(`${path}?after=${wrong}`, { token: ann.token })
      expect(`${answer.status} ${errorTypeOf(answer)}`, wrong).toBe('400 invalid-value')
    }
  })

  it('show their channel id to users who may write, their page key only to managers', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'k' })
    const seen = async (): Promise<string> => {
      const store = await people.remote.send(`/v2/key-value-stores/${project.storeId}`, {
        token: joe.token,
      })
      const own = await project.send('', { token: joe.token })
      return `${store.text.includes(project.channelId)} ${own.text.includes(project.pageKey)}`
    }
    for (const [right, expected] of [
      ['read', 'false false'],
      ['write', 'true false'],
      ['manage', 'true true'],
    ] as const) {
      await people.share(jane, project.storeId, { joe: right })
      expect(await seen(), right).toBe(expected)
    }
    const answer: Answered = await project.send('', { token: joe.token })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('appear in the audit trail, without their page keys', async () => {
    const project = await TestProject.create(people.remote, { token: jane.token, name: 'l' })
    const { pageKey } = await project.do('/rotate-key', { method: 'POST' })
    await project.do('', { method: 'PATCH', json: { isOpen: false } })
    await project.send('/seed', { method: 'PUT', json: { a: 'seeded' } })
    await project.send('', { method: 'DELETE' })
    const { items } = (await people.remote.do('/coatcheck/v1/audit?limit=5', { token: jane.token }))
      .data
    expect(items.map(({ action }: Json) => action)).toEqual([
      'project-removed',
      'project-seed-changed',
      'project-changed',
      'page-key-rotated',
      'store-created',
    ])
    for (const item of items) expect(item).toMatchObject({ username: 'jane', subject: 'l' })
    for (const secret of [pageKey, project.pageKey, project.channelId, 'seeded']) {
      expect(JSON.stringify(items)).not.toContain(secret)
    }
  })
})

describe('a server that other machines can reach', () => {
  it('makes projects that are not open by their channel id alone', async () => {
    const token = 'x'.repeat(40)
    const server = await startTestServer({ host: '0.0.0.0', initialToken: token })
    try {
      const { remote } = new People({ url: server.url.replace('0.0.0.0', '127.0.0.1'), token })
      const asked = { method: 'POST', token, json: { name: 'a' } }
      expect((await remote.do(path, asked)).data.isOpen).toBe(false)
      const { data: store } = await remote.do('/v2/key-value-stores', { method: 'POST', token })
      const patched = await remote.do(`/v2/key-value-stores/${store.id}`, {
        method: 'PATCH',
        token,
        json: { project: true },
      })
      const linked = await remote.do(`${path}/${patched.data.channelId}`, { token })
      expect(linked.data.isOpen).toBe(false)
      const json = { name: 'a', isOpen: true }
      expect((await remote.do(path, { ...asked, json })).data.isOpen).toBe(true)
    } finally {
      await server.close()
    }
  })
})
