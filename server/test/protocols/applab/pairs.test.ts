import { setTimeout as elapsed } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Answered, Remote } from '../../support/network/remote.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'
import { ApplabProject, refusalOf } from '../../support/pages/applab-project.ts'

const pairsMax = 12_000
const pairs = (count: number, prefix: string): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}`, n]))
const full = { status: 400, type: 'MAX_KVPS_EXCEEDED' }

describe.each(wireEngines)('all pairs of a project, on %s', (engine) => {
  const server = useTestServer({ engine, applabPairsMax: pairsMax })
  const create = (): Promise<ApplabProject> =>
    ApplabProject.create({ url: server.url(), token: server.token() })
  const populate = (project: ApplabProject, pairs: unknown): Promise<Answered> => {
    const key_values_json = typeof pairs === 'string' ? pairs : JSON.stringify(pairs)
    return project.asOwner('populate_key_values', { parameters: { key_values_json } })
  }

  it('can be listed, checked for and cleared', async () => {
    const project = await create()
    expect((await project.asOwner('project_has_data')).text).toBe('false')
    expect((await project.asOwner('get_key_values')).text).toBe('{}')
    await project.set('b', { c: [1] })
    await project.set('a', 'A')
    expect((await project.asOwner('project_has_data')).text).toBe('true')
    const all = await project.asOwner('get_key_values')
    expect([all.status, all.text]).toEqual([200, '{"a":"A","b":{"c":[1]}}'])
    expect((await project.asOwner('get_key_values', { method: 'HEAD' })).status).toBe(200)
    const cleared = await project.asOwner('clear_all_data')
    expect([cleared.status, cleared.text]).toEqual([200, 'true'])
    expect(await project.all()).toEqual({})
    expect((await project.asOwner('project_has_data')).text).toBe('false')
  })

  it('are seeded without overwriting existing pairs', async () => {
    const project = await create()
    await project.set('click_count', 1)
    const reply = await populate(project, { click_count: 5, __proto: 1, n: null, s: 'x' })
    expect([reply.status, reply.text]).toEqual([200, 'true'])
    expect(await project.all()).toEqual({ click_count: 1, __proto: 1, n: null, s: 'x' })
    expect((await populate(project, '{"__proto__":1}')).status).toBe(200)
    expect((await project.asOwner('get_key_values')).text).toContain('"__proto__":1')
    expect((await populate(project, {})).text).toBe('true')
  })

  it('are seeded all or not at all', async () => {
    const project = await create()
    const wrong = [
      { fine: 1, ['k'.repeat(701)]: 2 },
      { fine: 1, large: 'b'.repeat(4_095) },
      '{"fine":1,"broken":}',
      '["fine"]',
      '5',
      '',
    ]
    for (const pairs of wrong) expect((await populate(project, pairs)).status).toBe(400)
    const message = JSON.parse((await populate(project, '{"a":')).text)
    expect(message.type).toBe(message.msg)
    expect(message.msg).toMatch(/^SyntaxError .*\n while parsing initial key\/value data: \{"a":$/)
    expect(await project.all()).toEqual({})
  })

  it('are limited in number; existing pairs may be overwritten', async () => {
    const project = await create()
    expect((await populate(project, pairs(pairsMax + 1, 'a'))).status).toBe(400)
    expect(await project.all()).toEqual({})
    expect((await populate(project, pairs(pairsMax - 2, 'a'))).status).toBe(200)
    expect(refusalOf(await populate(project, pairs(3, 'b')))).toEqual(full)
    expect((await populate(project, pairs(500, 'a'))).status).toBe(200)
    const set = (key: string): Promise<Answered> =>
      project.send('set_key_value', { parameters: { key, value: '"set"' } })
    const replies = await Promise.all(Array.from({ length: 10 }, (_, n) => set(`new-${n}`)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(2)
    const refused = replies.filter(({ status }) => status !== 200)
    for (const reply of refused) expect(refusalOf(reply)).toEqual(full)
    expect(JSON.parse(refused[0]?.text ?? '').msg).toBe(
      `Cannot have more than ${pairsMax} key-value pairs per project`,
    )
    expect((await set('a1')).status).toBe(200)
    expect(await project.get('a1')).toBe('set')
    await project.asOwner('delete_key_value', { parameters: { key: 'a1' } })
    expect((await set('one-more')).status).toBe(200)
    expect(refusalOf(await set('two-more'))).toEqual(full)
    // More pairs than one part of a reply and one page of a listing hold.
    expect(Object.keys(await project.all())).toHaveLength(pairsMax)
  })

  it('are limited in number when several callers seed at once', async () => {
    const project = await create()
    const replies = await Promise.all(
      ['a', 'b', 'c'].map((prefix) => populate(project, pairs(5_000, prefix))),
    )
    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 200, 400])
    expect(Object.keys(await project.all())).toHaveLength(10_000)
    const two = await Promise.all(
      ['d', 'e'].map((prefix) => populate(project, pairs(2_000, prefix))),
    )
    expect(two.map(({ status }) => status).toSorted()).toEqual([200, 400])
    expect(Object.keys(await project.all())).toHaveLength(pairsMax)
  })

  it('are limited in number when pages set many new pairs during seeding', async () => {
    const project = await create()
    const room = 1_050
    expect((await populate(project, pairs(pairsMax - room, 'a'))).status).toBe(200)
    await elapsed(1_100) // the server counts again
    const set = (n: number): Promise<Answered> =>
      project.send('set_key_value', { parameters: { key: `new-${n}`, value: '1' } })
    const sets = Array.from({ length: 200 }, (_, n) => set(n))
    const seeds = ['b', 'c'].map((prefix) => populate(project, pairs(room - 100, prefix)))
    const replies = await Promise.all([...sets, ...seeds])
    for (const reply of replies) if (reply.status !== 200) expect(refusalOf(reply)).toEqual(full)
    const added = replies.slice(0, 200).filter(({ status }) => status === 200).length
    const seeded = (await Promise.all(seeds)).filter(({ status }) => status === 200).length
    const count = Object.keys(await project.all()).length
    expect(count).toBe(pairsMax - room + added + seeded * (room - 100))
    expect(count).toBeLessThanOrEqual(pairsMax)
  })

  it('are only those in the prefix of the token, if it has one', async () => {
    const project = await create()
    await project.set('in-a', 1)
    await project.set('out-a', 2)
    const token = await prefixToken(project)
    const ask = (action: string, parameters = {}): Promise<Answered> =>
      project.send(action, { token, parameters })
    expect((await ask('get_key_values')).text).toBe('{"in-a":1}')
    const notAllowed = { status: 403, type: 'NOT_ALLOWED' }
    expect(refusalOf(await ask('get_key_value', { key: 'out-a' }))).toEqual(notAllowed)
    const value = { key: 'out-b', value: '1' }
    expect(refusalOf(await ask('set_key_value', value))).toEqual(notAllowed)
    const both = { key_values_json: '{"in-b":1,"out-b":1}' }
    expect(refusalOf(await ask('populate_key_values', both))).toEqual(notAllowed)
    expect(refusalOf(await ask('clear_all_data'))).toEqual(notAllowed)
    expect(await project.all()).toEqual({ 'in-a': 1, 'out-a': 2 })
    expect((await ask('populate_key_values', { key_values_json: '{"in-b":1}' })).status).toBe(200)
    await project.asOwner('delete_key_value', { parameters: { key: 'in-a' } })
    await project.asOwner('delete_key_value', { parameters: { key: 'in-b' } })
    expect((await ask('project_has_data')).text).toBe('false')
  })

  async function prefixToken({ storeId }: ApplabProject): Promise<string> {
    const json = { action: 'write', storeId, keyPrefix: 'in-' }
    const asked = { method: 'POST', token: server.token(), json }
    return (await new Remote(server.url()).do('/coatcheck/v1/tokens', asked)).data.token
  }
})

describe('a project with as many pairs as possible', () => {
  const server = useTestServer()
  let project: ApplabProject

  beforeAll(async () => {
    project = await ApplabProject.create({ url: server.url(), token: server.token() })
  })

  it('is seeded at once with an export of code.org, and exports the same', async () => {
    const pairs = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, n) => [`pair ${n}`, { n, text: 'x'.repeat(300) }]),
    )
    const key_values_json = JSON.stringify(pairs)
    const parameters = { key_values_json }
    const reply = await project.asOwner('populate_key_values', { parameters, carrier: 'form' })
    expect([reply.status, reply.text]).toEqual([200, 'true'])
    expect(await project.all()).toEqual(pairs)
  })
})
