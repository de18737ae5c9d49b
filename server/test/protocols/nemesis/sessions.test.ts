import { describe, expect, it, onTestFinished } from 'vitest'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { type Json, Remote } from '../../support/network/remote.ts'
import {
  engines,
  startTestServer,
  type TestServer,
  useTestServer,
} from '../../support/network/test-server.ts'
import { People } from '../../support/people/people.ts'

const sharedTokens = [
  ['shared1', '15992824868599950585'],
  ['sesh1', '13398186314930249707'],
  ['sesh2', '1578645534923214057'],
  ['a', '5002936193084812779'],
  ['0123456789abcdef', '10622704506070298031'],
] as const

describe.each(engines)('sessions, on %s', (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0 })

  it.each(sharedTokens)('that are shared have the token of their name: %s', async (name, token) => {
    const client = await openSocket(server.nemesisUrl())
    expect(await client.ask({ SH_OPEN: { name } })).toBe('{"SH_OPEN_RSP":{"tkn":null,"st":102}}')
    const wanted = { SH_NEW: { name, shared: true } }
    expect(await client.ask(wanted)).toBe(`{"SH_NEW_RSP":{"st":1,"name":"${name}","tkn":${token}}}`)
    expect(await client.ask(wanted)).toBe(
      `{"SH_NEW_RSP":{"st":103,"name":"${name}","tkn":${token}}}`,
    )
    expect(await client.ask({ SH_OPEN: { name } })).toBe(`{"SH_OPEN_RSP":{"tkn":${token},"st":1}}`)
    expect(await client.ask(`{"SH_INFO":{"tkn":${token}}}`)).toBe(
      `{"SH_INFO_RSP":{"st":1,"tkn":${token},"shared":true,"keyCnt":0,"expires":false}}`,
    )
    expect(await client.ask(`{"SH_EXISTS":{"tkns":[${token},7]}}`)).toBe(
      `{"SH_EXISTS_RSP":{"st":1,"tkns":{"${token}":true,"7":false}}}`,
    )
    expect(await client.ask(`{"SH_END":{"tkn":${token}}}`)).toBe(
      `{"SH_END_RSP":{"st":1,"tkn":${token}}}`,
    )
    expect(await client.ask({ SH_OPEN: { name } })).toContain('"st":102')
  })

  it('that are not shared have different tokens that fit a JavaScript number', async () => {
    const client = await openSocket(server.nemesisUrl())
    const tokens = new Set<string>()
    for (let count = 0; count < 50; count += 1) {
      const text = await client.ask({ SH_NEW: { name: 'same' } })
      const [, token = ''] =
        /^\{"SH_NEW_RSP":\{"st":1,"name":"same","tkn":(\d+)\}\}$/.exec(text) ?? []
      expect(Number.isSafeInteger(Number(token))).toBe(true)
      tokens.add(token)
    }
    expect(tokens.size).toBe(50)
    expect(await client.ask({ SH_OPEN: { name: 'same' } })).toContain('"st":102')
  })

  // As the real 0.4, which turns each item into 64 bits.
  it.each([
    ['[true]', '"1":false'],
    ['[false]', '"0":false'],
    ['[1.5]', '"1":false'],
    ['[-1]', '"18446744073709551615":false'],
    ['["12"]', '"12":false'],
    ['[-0]', '"0":false'],
    ['[true,1,1.5,2]', '"1":false,"2":false'],
  ])('may be asked for by %s', async (tkns, members) => {
    const client = await openSocket(server.nemesisUrl())
    expect(await client.ask(`{"SH_EXISTS":{"tkns":${tkns}}}`)).toBe(
      `{"SH_EXISTS_RSP":{"st":1,"tkns":{${members}}}}`,
    )
  })

  it.each(['["x"]', '[null]', '[[]]', '[{}]', '[18446744073709551616]', '[""]', '[1e300]'])(
    'can not be asked for by %s',
    async (tkns) => {
      const client = await openSocket(server.nemesisUrl())
      expect(await client.command('SH_EXISTS', JSON.parse(`{"tkns":[1]}`))).toMatchObject({ st: 1 })
      expect(await client.ask(`{"SH_EXISTS":{"tkns":${tkns}}}`)).toBe(
        '{"SH_EXISTS_RSP":{"st":1000,"tkn":null,"m":""}}',
      )
    },
  )

  it('may have any name', async () => {
    const client = await openSocket(server.nemesisUrl())
    for (const name of ['🐎'.repeat(2_000), '../x', '\u0000', ' ', '__proto__']) {
      expect(await client.command('SH_NEW', { name })).toMatchObject({ st: 1, name })
      expect(await client.command('SH_NEW', { name, shared: true })).toMatchObject({ st: 1, name })
      expect(await client.command('SH_OPEN', { name })).toMatchObject({ st: 1 })
    }
    await client.command('SH_END_ALL', {})
  })

  it('with one shared name are made once, by the first of 16 clients', async () => {
    const clients = await Promise.all(
      Array.from({ length: 16 }, () => openSocket(server.nemesisUrl())),
    )
    const wanted = { name: 'race', shared: true }
    const answers = await Promise.all(clients.map((client) => client.command('SH_NEW', wanted)))
    expect(answers.filter(({ st }) => st === 1)).toHaveLength(1)
    expect(answers.filter(({ st }) => st === 103)).toHaveLength(15)
  })

  it('end one by one or all at once, with their values', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const { client } = session
    await client.command('SH_END_ALL', {})
    expect(await client.command('SH_END_ALL', { tkn: 1 })).toEqual({ st: 1, cnt: 0 })
    const tokens: unknown[] = []
    for (let count = 0; count < 3; count += 1) {
      const { tkn } = await client.command('SH_NEW', { name: 'n' })
      await client.command('KV_SET', { tkn, keys: { a: 1, b: 2 } })
      tokens.push(tkn)
    }
    expect(await client.command('SH_INFO_ALL', {})).toEqual({ totalSessions: 3, totalKeys: 6 })
    expect(await client.command('SH_END', { tkn: tokens[0] })).toEqual({ st: 1, tkn: tokens[0] })
    expect(await client.command('SH_END', { tkn: tokens[0] })).toMatchObject({ st: 100 })
    expect(await client.command('SH_INFO_ALL', {})).toEqual({ totalSessions: 2, totalKeys: 4 })
    expect(await client.command('SH_END_ALL', {})).toEqual({ st: 1, cnt: 2 })
    expect(await client.command('SH_EXISTS', { tkns: tokens })).toEqual({
      st: 1,
      tkns: Object.fromEntries(tokens.map((token) => [`${token}`, false])),
    })
    expect(await client.ask({ SH_EXISTS: { tkns: [] } })).toBe('{"SH_EXISTS_RSP":{"st":1}}')
  })
})

describe('the expiry of a session', () => {
  const server = useTestServer({ nemesisPort: 0 })
  const open = (duration: number, deleteSession: boolean) =>
    NemesisSession.open(server.nemesisUrl(), { expiry: { duration, deleteSession } })

  it('is shown, and deletes the whole session if requested', async () => {
    const session = await open(1, true)
    await session.command('KV_SET', { keys: { a: 1 } })
    expect(await session.command('SH_INFO')).toMatchObject({
      keyCnt: 1,
      expires: true,
      expiry: { duration: 1, deleteSession: true },
    })
    await expect
      .poll(async () => (await session.command('SH_INFO')).st, { timeout: 10_000 })
      .toBe(100)
    expect(await session.command('KV_SET', { keys: { a: 1 } })).toMatchObject({ st: 100 })
  })

  it('or deletes only the values, and starts again', async () => {
    const session = await open(1, false)
    await session.command('KV_SET', { keys: { a: 1 } })
    await expect
      .poll(async () => (await session.command('SH_INFO')).keyCnt, { timeout: 10_000 })
      .toBe(0)
    expect(await session.command('KV_SET', { keys: { b: 1 } })).toMatchObject({ keys: { b: 20 } })
    expect(await session.command('SH_INFO')).toMatchObject({
      expiry: { duration: 1, deleteSession: false },
    })
  })

  it('starts again after each command for values', async () => {
    const keepAlive = async (command: string, parameters: object): Promise<void> => {
      const session = await open(2, true)
      await session.command('KV_SET', { keys: { a: 1 } })
      const until = Date.now() + 3_500
      while (Date.now() < until) {
        const { st = 1, m } = await session.command(command, { ...parameters })
        expect(st, `${command}: ${m}`).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    await Promise.all([
      keepAlive('KV_GET', { keys: ['a'] }),
      keepAlive('KV_SET', { keys: { a: 2 } }),
      keepAlive('KV_ADD', { keys: { a: 2 } }),
      keepAlive('KV_RMV', { keys: ['b'] }),
      keepAlive('KV_COUNT', {}),
      keepAlive('KV_KEYS', {}),
      keepAlive('KV_CONTAINS', { keys: ['a'] }),
      keepAlive('KV_FIND', { rsp: 'keys', path: '$' }),
      keepAlive('KV_UPDATE', { key: 'a', path: '$', value: 1 }),
      keepAlive('KV_CLEAR', {}),
      keepAlive('KV_CLEAR_SET', { keys: { a: 1 } }),
    ])
  })

  it.each([0, 36_500 * 86_400, 2 ** 64 - 2_048, 9007199254740991])(
    'may be endless or very long: %d',
    async (duration) => {
      const session = await open(duration, true)
      const info = await session.command('SH_INFO')
      expect(info).toMatchObject({ st: 1, expires: duration !== 0 })
      expect(await session.command('KV_SET', { keys: { a: 1 } })).toMatchObject({ keys: { a: 20 } })
    },
  )
})

describe('sessions as stores', () => {
  const server = useTestServer({ nemesisPort: 0 })

  it('are unnamed stores to the other doors, with their values', async () => {
    const session = await NemesisSession.open(server.nemesisUrl(), {
      name: 'My session',
      expiry: { duration: 3_600, deleteSession: false },
    })
    await session.command('KV_SET', { keys: { a: { n: 1 } } })
    const { storeId, ...told } = await sessionOf(session.token)
    expect(told).toMatchObject({
      name: null,
      title: 'My session',
      isShared: false,
      recordCount: 1,
      expiresAt: expect.stringMatching(/Z$/),
    })
    expect(told.secondsLeft).toBeGreaterThan(3_000)
    const store = server.client().keyValueStore(storeId)
    expect(await store.getRecord('a')).toMatchObject({ value: { n: 1 } })
    await store.setRecord({ key: 'b', value: [2] })
    expect(await session.command('KV_GET', { keys: ['a', 'b'] })).toMatchObject({
      keys: { a: { n: 1 }, b: [2] },
    })
    expect(await store.get()).toMatchObject({ sessionToken: String(session.token) })
    const { items } = await server.client().keyValueStores().list({ unnamed: true })
    expect(items.map(({ id }) => id)).toContain(storeId)
    await store.delete()
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 100 })
  })

  it('keep their store after SH_END if the store has a name, else it is deleted', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    await session.command('KV_SET', { keys: { a: 1 } })
    const { storeId } = await sessionOf(session.token)
    const store = server.client().keyValueStore(storeId)
    await store.update({ name: 'kept' })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 1 })
    expect(await session.command('SH_END')).toEqual({ st: 1, tkn: session.token })
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 100 })
    expect(await store.getRecord('a')).toMatchObject({ value: 1 })
    expect(Reflect.get((await store.get()) ?? {}, 'sessionToken')).toBeFalsy()
  })

  it('can be made from stores, which keep their token until it is removed', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('linked')
    const path = `/v2/key-value-stores/${id}`
    await server.client().keyValueStore(id).setRecord({ key: 'a', value: 1 })
    const first = await patch(path, { session: true })
    expect(first.sessionToken).toMatch(/^\d+$/)
    expect(await patch(path, { session: true })).toMatchObject({ sessionToken: first.sessionToken })
    const session = new NemesisSession(
      await openSocket(server.nemesisUrl()),
      Number(first.sessionToken),
    )
    expect(await session.command('KV_GET', { keys: ['a'] })).toMatchObject({ keys: { a: 1 } })
    await patch(path, { session: false })
    expect(await session.command('KV_GET', { keys: ['a'] })).toMatchObject({ st: 100 })
    const second = await patch(path, { session: true })
    expect(second.sessionToken).not.toBe(first.sessionToken)
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 100 })
  })

  it('get one token, however many requests make a store a session at once', async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('linked-at-once')
    const path = `/v2/key-value-stores/${id}`
    await server.client().keyValueStore(id).setRecord({ key: 'a', value: 1 })
    const all = Array.from({ length: 8 }, () => patch(path, { session: true, project: true }))
    const answers = await Promise.all(all)
    const [first] = answers
    const { sessionToken, channelId } = Object(first)
    expect(sessionToken).toMatch(/^\d+$/)
    expect(answers.map((answer) => answer.sessionToken)).toEqual(answers.map(() => sessionToken))
    expect(answers.map((answer) => answer.channelId)).toEqual(answers.map(() => channelId))
    const client = await openSocket(server.nemesisUrl())
    const session = new NemesisSession(client, Number(sessionToken))
    expect(await session.command('KV_GET', { keys: ['a'] })).toMatchObject({ keys: { a: 1 } })
  })

  it('are listed and ended by their user', async () => {
    const remote = new Remote(server.url())
    const session = await NemesisSession.open(server.nemesisUrl())
    const { storeId } = await sessionOf(session.token)
    const path = `/coatcheck/v1/sessions/${storeId}`
    expect((await remote.send(path, { method: 'DELETE' })).status).toBe(401)
    await remote.do(path, { method: 'DELETE', token: server.token() })
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 100 })
    expect((await remote.send(path, { method: 'DELETE', token: server.token() })).status).toBe(404)
  })

  it('are hidden from other users', async () => {
    const people = new People({ url: server.url(), token: server.token() })
    const eve = await people.create('eve')
    const session = await NemesisSession.open(server.nemesisUrl())
    const theirs = await openSocket(`${server.nemesisUrl()}?token=${eve.token}`)
    const { token: tkn } = session
    for (const [command, more] of [
      ['KV_SET', { keys: { a: 1 } }],
      ['KV_GET', { keys: ['a'] }],
      ['SH_INFO', {}],
      ['SH_END', {}],
    ] as const) {
      expect(await theirs.command(command, { tkn, ...more })).toMatchObject({ st: 100, tkn })
    }
    expect(await theirs.command('SH_INFO_ALL', {})).toEqual({ totalSessions: 0, totalKeys: 0 })
    expect(await theirs.command('SH_END_ALL', {})).toEqual({ st: 1, cnt: 0 })
    await session.client.ask({ SH_NEW: { name: 'shared1', shared: true } })
    expect(await theirs.ask({ SH_OPEN: { name: 'shared1' } })).toContain('"st":102')
    expect(await theirs.ask({ SH_NEW: { name: 'shared1', shared: true } })).toContain('"st":1,')
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
  })

  async function patch(path: string, json: object): Promise<Json> {
    const asked = { method: 'PATCH', token: server.token(), json }
    return (await new Remote(server.url()).do(path, asked)).data
  }

  async function sessionOf(token: number): Promise<Json> {
    const path = '/coatcheck/v1/sessions'
    const { data } = await new Remote(server.url()).do(path, { token: server.token() })
    return data.items.find((one: Json) => one.token === String(token))
  }
})

describe('guessing tokens', () => {
  const startOne = async (): Promise<TestServer> => {
    const server = await startTestServer({ nemesisPort: 0 })
    onTestFinished(() => server.close())
    return server
  }

  it('is refused after 100 guesses, while known and new sessions are served', async () => {
    const server = await startOne()
    const session = await NemesisSession.open(server.nemesisUrl)
    const { client } = session
    await client.command('SH_NEW', { name: 'there', shared: true })
    for (let guess = 1; guess <= 100; guess += 1) {
      expect(await client.command('KV_COUNT', { tkn: guess })).toEqual({
        st: 100,
        tkn: guess,
        m: '',
      })
    }
    expect(await client.command('KV_COUNT', { tkn: 101 })).toEqual({
      st: 100,
      tkn: 101,
      m: expect.stringMatching(/wait a minute\.$/),
    })
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 1 })
    expect(await client.command('SH_OPEN', { name: 'there' })).toMatchObject({ st: 1 })
    expect(await client.command('SH_OPEN', { name: 'nobody' })).toMatchObject({ st: 102 })
    const { tkn } = await client.command('SH_NEW', { name: 'new' })
    expect(await client.command('KV_COUNT', { tkn })).toMatchObject({ st: 1 })
  })

  it('does not include the same token again, or shared names', async () => {
    const server = await startOne()
    const client = await openSocket(server.nemesisUrl)
    for (let time = 0; time < 300; time += 1) {
      expect(await client.command('KV_COUNT', { tkn: 5 })).toMatchObject({ m: '' })
      expect(await client.command('SH_OPEN', { name: `${time}` })).toMatchObject({ st: 102 })
    }
    expect(await client.command('KV_COUNT', { tkn: 6 })).toMatchObject({ m: '' })
  })
})
