import { describe, expect, it } from 'vitest'
import { type Answered, Remote } from '../../support/network/remote.ts'
import { engines, useTestServer } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

const pages = 30

function ownKeysSentence(example: string): string {
  const such = example && `, such as ${example}`
  const rule = 'Here you can only change keys with your own user id in their name'
  return `${rule}${such}: getUserId() tells your id.`
}

describe.each(engines)('the rules of a project, on %s', (engine) => {
  const server = useTestServer({ engine })
  const create = (...rules: object[]): Promise<ApplabProject> =>
    ApplabProject.create({ url: server.url(), token: server.token() }, { rules, mayDelete: true })

  function set(
    project: ApplabProject,
    key: string,
    value: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered> {
    const parameters = { key, value: JSON.stringify(value) }
    return project.send('set_key_value', { parameters, headers })
  }

  async function expectSet(reply: Promise<Answered>): Promise<void> {
    const { status, text } = await reply
    expect(status, text).toBe(200)
  }

  async function expectRefused(reply: Promise<Answered>, type: string): Promise<void> {
    const answered = await reply
    expect(refusalOf(answered)).toEqual({ status: 403, type })
    // A 14-year-old reads this sentence in the console.
    const { msg } = JSON.parse(answered.text)
    if (type === 'OWN_KEYS_ONLY') expect(msg).toBe(ownKeysSentence('of/<your id>'))
    else expect(msg).toMatch(/^[A-Z][a-z ,:']{30,110}\.$/i)
  }

  it('read only: no set, no delete', async () => {
    const project = await create({ key: 'title', preset: 'read-only' })
    await project.set('title', 'mine')
    await expectRefused(set(project, 'title', 'yours'), 'READ_ONLY')
    await expectRefused(set(project, 'title', null), 'READ_ONLY')
    const parameters = { key: 'title' }
    await expectRefused(project.send('delete_key_value', { parameters }), 'READ_ONLY')
    expect(await project.get('title')).toBe('mine')
    await expectSet(set(project, 'title2', 'yours'))
  })

  it('write once: never changed, never deleted', async () => {
    const project = await create({ prefix: 'vote/', preset: 'write-once' })
    await expectSet(set(project, 'vote/1', false))
    await expectRefused(set(project, 'vote/1', true), 'WRITE_ONCE')
    await expectRefused(set(project, 'vote/1', false), 'WRITE_ONCE')
    await expectRefused(set(project, 'vote/1', null), 'WRITE_ONCE')
    const parameters = { key: 'vote/1' }
    await expectRefused(project.send('delete_key_value', { parameters }), 'WRITE_ONCE')
    expect(await project.get('vote/1')).toBe(false)
  })

  it('append only: text, list and object grow', async () => {
    const project = await create({ prefix: '', preset: 'append-only' })
    const histories = [
      ['a', 'ab', 'abc'],
      [[1], [1, 2], [1, 2, { a: 3 }]],
      [{ a: 1 }, { b: 2, a: 1 }],
    ]
    for (const [index, history] of histories.entries()) {
      for (const value of history) await expectSet(set(project, `${index}`, value))
      await expectRefused(set(project, `${index}`, history[0]), 'APPEND_ONLY')
      await expectRefused(set(project, `${index}`, null), 'APPEND_ONLY')
      expect(await project.get(`${index}`)).toEqual(history.at(-1))
    }
    // Larger than the values in the record's own entry.
    await expectSet(set(project, 'long', 'x'.repeat(3_000)))
    await expectSet(set(project, 'long', 'x'.repeat(3_001)))
    await expectRefused(set(project, 'long', 'x'.repeat(2_999)), 'APPEND_ONLY')
  })

  it('only raise: a number goes up or stays', async () => {
    const project = await create({ key: 'best', preset: 'only-raise' })
    for (const value of [-5, 0, 0, 0.5, 1e300]) await expectSet(set(project, 'best', value))
    for (const value of [1, '2', [3], null, 'NaN']) {
      await expectRefused(set(project, 'best', value), 'ONLY_RAISE')
    }
    const endless = { key: 'best', value: '1e999' }
    const asked = project.send('set_key_value', { parameters: endless })
    await expectRefused(asked, 'ONLY_RAISE')
    expect(await project.get('best')).toBe(1e300)
  })

  it('only raise: a number that is less by one stays refused beyond 2^53', async () => {
    const project = await create({ key: 'best', preset: 'only-raise' })
    const setText = (value: string): Promise<Answered> =>
      project.send('set_key_value', { parameters: { key: 'best', value } })
    await expectSet(setText('9007199254740993'))
    await expectRefused(setText('9007199254740992'), 'ONLY_RAISE')
    await expectSet(setText('9007199254740994'))
  })

  it('treat null from a seed as no value', async () => {
    const project = await create({ prefix: '', preset: 'only-raise' })
    const parameters = { key_values_json: '{"best":null}' }
    expect((await project.asOwner('populate_key_values', { parameters })).status).toBe(200)
    await expectSet(set(project, 'best', 3))
    await expectRefused(set(project, 'best', 2), 'ONLY_RAISE')
  })

  it('refuse a write over a value of another door that no page could have set', async () => {
    const project = await create(
      { prefix: 'a', preset: 'append-only' },
      { prefix: 'r', preset: 'only-raise' },
    )
    const remote = new Remote(server.url())
    const token = server.token()
    for (const key of ['a', 'r']) {
      const path = `/v2/key-value-stores/${project.storeId}/records/${key}`
      await remote.do(path, { method: 'PUT', token, body: Buffer.from([0xff]) })
    }
    await expectRefused(set(project, 'a', 'x'), 'APPEND_ONLY')
    await expectRefused(set(project, 'r', 1), 'ONLY_RAISE')
  })

  it('own keys only: keys with the id that the server gave', async () => {
    const project = await create({ prefix: 'of/', preset: 'own-keys-only' })
    const ids = await Promise.all([1, 2].map(() => project.send('user_id')))
    const [ann, ben] = ids.map(({ text, headers }) => ({
      id: JSON.parse(text),
      headers: { 'X-Page-User': headers.get('x-page-user') ?? '' },
    }))
    expect(ann?.id).not.toBe(ben?.id)
    await expectSet(set(project, `of/${ann?.id}`, 1, ann?.headers))
    await expectSet(set(project, `of/${ann?.id}/score`, 2, ann?.headers))
    for (const headers of [{}, ben?.headers, { 'X-Page-User': `${ann?.id}` }]) {
      await expectRefused(set(project, `of/${ann?.id}`, 3, headers), 'OWN_KEYS_ONLY')
    }
    const parameters = { key: `of/${ann?.id}` }
    const byBen = project.send('delete_key_value', { parameters, ...ben })
    await expectRefused(byBen, 'OWN_KEYS_ONLY')
    await expectRefused(set(project, 'of/all', 1, ann?.headers), 'OWN_KEYS_ONLY')
    const read = await project.send('get_key_value', { parameters, ...ben })
    expect(read.text).toBe('1')
    await expectSet(set(project, `of/${ann?.id}`, null, ann?.headers))
    expect(await project.get(`of/${ann?.id}`)).toBe(null)
    const other = await create({ prefix: 'of/', preset: 'own-keys-only' })
    await expectRefused(set(other, `of/${ann?.id}`, 1, ann?.headers), 'OWN_KEYS_ONLY')
  })

  it.each([
    ['', '<your id>'],
    ['Żółw 1/', 'Żółw 1/<your id>'],
    ['of/{me}/', 'of/<your id>/'],
    ['a/{me}/{me}', 'a/<your id>/<your id>'],
    ['o'.repeat(100), ''],
  ])('say which keys belong to the page, under the prefix %j', async (prefix, example) => {
    const project = await create({ prefix, preset: 'own-keys-only' })
    const given = (await project.send('user_id')).headers.get('x-page-user') ?? ''
    const [id = ''] = given.split('.')
    const key = prefix.includes('{me}') ? prefix.replaceAll('{me}', id) : prefix + id
    await expectSet(set(project, key, 1, { 'X-Page-User': given }))
    const { text } = await set(project, key, 2)
    expect(JSON.parse(text).msg).toBe(ownKeysSentence(example))
    expect(text).not.toContain(id)
  })

  it('say which key belongs to the page in a rule for one key', async () => {
    const project = await create({ key: 'of {me}', preset: 'own-keys-only' })
    const { text } = await set(project, `of ${'x'.repeat(22)}`, 1)
    expect(JSON.parse(text).msg).toBe(ownKeysSentence('of <your id>'))
  })

  it(`keep the highest score of ${pages} pages that raise it at once`, async () => {
    const project = await create({ key: 'best', preset: 'only-raise' })
    for (let round = 0; round < 5; round += 1) {
      const scores = Array.from({ length: pages }, (_, n) => round * pages + ((n * 7) % pages))
      const replies = await Promise.all(scores.map((score) => set(project, 'best', score)))
      expect(await project.get('best')).toBe(Math.max(...scores))
      for (const reply of replies) {
        if (reply.status !== 200)
          expect(refusalOf(reply)).toEqual({ status: 403, type: 'ONLY_RAISE' })
      }
      const refused = new Set(scores.filter((_, index) => replies[index]?.status !== 200))
      expect(refused.has(Math.max(...scores))).toBe(false)
    }
  })

  it(`let only one of ${pages} pages set a write-once value`, async () => {
    const project = await create({ key: 'winner', preset: 'write-once' })
    const names = Array.from({ length: pages }, (_, n) => n)
    const replies = await Promise.all(names.map((name) => set(project, 'winner', name)))
    const winners = names.filter((name) => replies[name]?.status === 200)
    expect(winners).toHaveLength(1)
    expect(await project.get('winner')).toBe(winners[0])
  })

  it(`lose no line of ${pages} pages that add to one list with retries`, async () => {
    const project = await create({ key: 'chat', preset: 'append-only' })
    const add = async (line: number): Promise<void> => {
      for (;;) {
        const list: number[] = (await project.get('chat')) ?? []
        const { status } = await set(project, 'chat', [...list, line])
        if (status === 200) return
      }
    }
    const lines = Array.from({ length: pages }, (_, n) => n)
    await Promise.all(lines.map(add))
    expect((await project.get('chat')).toSorted((a: number, b: number) => a - b)).toEqual(lines)
  })

  it('apply while other doors write the same key', async () => {
    const project = await create({ key: 'best', preset: 'only-raise' })
    const remote = new Remote(server.url())
    const path = `/v2/key-value-stores/${project.storeId}/records/best`
    const headers = { 'Content-Type': 'application/json' }
    const writes = Array.from({ length: 40 }, (_, n) => [
      set(project, 'best', n),
      remote.send(path, { method: 'PUT', token: server.token(), body: '1000', headers }),
    ]).flat()
    for (const { status } of await Promise.all(writes)) expect([200, 201, 403]).toContain(status)
    expect(await project.get('best')).toBe(1_000)
  })

  it('apply from the moment that they are set', async () => {
    const project = await create()
    await expectSet(set(project, 'k', 5))
    const writes = Array.from({ length: 20 }, (_, n) => set(project, 'k', n))
    await project.change({ rules: [{ key: 'k', preset: 'read-only' }] })
    const before = await project.get('k')
    await Promise.all(writes)
    await expectRefused(set(project, 'k', 6), 'READ_ONLY')
    // No write after the change was decided by the old rules.
    expect(typeof before).toBe('number')
    const after = await project.get('k')
    await expectRefused(set(project, 'k', 7), 'READ_ONLY')
    expect(await project.get('k')).toBe(after)
  })
})
