import { brotliCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { Remote } from '../../support/network/remote.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

const values: readonly (readonly [what: string, text: string])[] = [
  ['64-bit integers', '[9007199254740993,18446744073709551615,-9223372036854775808]'],
  ['an integer of 30 digits', '123456789012345678901234567890'],
  ['1.0', '1.0'],
  ['1e5', '1e5'],
  ['1E+2', '1E+2'],
  ['-0.0', '-0.0'],
  ['a number beyond all doubles', '1e400'],
  ['an empty text', '""'],
  ['escapes as they are written', '"\\u0041\\/\\n\\u0000"'],
  ['a pair of surrogates in escapes', '"\\ud83d\\ude00"'],
  ['unicode', '"Žluťoučký kůň 🐎 \u2028"'],
  ['null', 'null'],
  ['nested null', '{"a":{"b":[null,{"c":null}]}}'],
  ['true', 'true'],
  ['false', 'false'],
  ['an empty object', '{}'],
  ['an empty array', '[]'],
  ['the order of members', '{"10":1,"9":2,"b":3,"a":4,"__proto__":5}'],
  ['spaces inside', '{ "a" : [ 1 , 2 ] }'],
  ['a value of several chunks', `"${'x'.repeat(5_000)}"`],
]

describe.each(wireEngines)('values of NemesisDB commands, on %s', (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0 })
  const open = (): Promise<NemesisSession> => NemesisSession.open(server.nemesisUrl())

  it.each(values)('are returned as they were sent: %s', async (_, text) => {
    const session = await open()
    for (const command of ['KV_SET', 'KV_ADD', 'KV_CLEAR_SET', 'KV_SETQ', 'KV_ADDQ']) {
      await session.command('KV_CLEAR')
      session.client.send(session.raw(command, `"keys":{"k":${text}}`))
      if (!command.endsWith('Q')) await session.client.receive()
      expect(await session.askRaw('KV_GET', '"keys":["k"]')).toBe(
        `{"KV_GET_RSP":{"tkn":${session.token},"keys":{"k":${text}}}}`,
      )
    }
  })

  it.each(values)('replace each other: %s', async (_, text) => {
    const session = await open()
    await session.askRaw('KV_SET', `"keys":{"k":${text}}`)
    for (const [, other] of values) {
      await session.askRaw('KV_SET', `"keys":{"k":${other}}`)
      expect(await session.askRaw('KV_GET', '"keys":["k"]')).toContain(`"keys":{"k":${other}}`)
      await session.askRaw('KV_SET', `"keys":{"k":${text}}`)
      expect(await session.askRaw('KV_GET', '"keys":["k"]')).toContain(`"keys":{"k":${text}}`)
    }
  })

  it.each([
    ['nothing', ''],
    ['an emoji', '🐎🐎'],
    ['an inherited property of objects', '__proto__'],
    ['the constructor of objects', 'constructor'],
    ['a number', '10'],
    ['quotes and controls', '"\\\n\u0000'],
    ['slashes', '../a/b'],
    ['a member name of the answer', 'tkn'],
  ])('may have any key: %s', async (_, key) => {
    const session = await open()
    expect(await session.command('KV_SET', { keys: { [key]: 1 } })).toEqual({
      tkn: session.token,
      keys: { [key]: 20 },
    })
    const { tkn } = await session.command('KV_GET', { keys: [key] })
    expect(tkn).toBe(session.token)
    const name = JSON.stringify(key)
    const { token } = session
    expect(await session.askRaw('KV_GET', `"keys":[${name}]`)).toBe(
      `{"KV_GET_RSP":{"tkn":${token},"keys":{${name}:1}}}`,
    )
    expect(await session.askRaw('KV_CONTAINS', `"keys":[${name}]`)).toBe(
      `{"KV_CONTAINS_RSP":{"st":1,"tkn":${token},"keys":{${name}:true}}}`,
    )
    expect(await session.command('KV_KEYS')).toMatchObject({ st: 1, keys: [key] })
  })

  it('are reported as set or as updated', async () => {
    const session = await open()
    expect(await session.askRaw('KV_SET', '"keys":{"temp":21.5,"unit":"C"}')).toBe(
      `{"KV_SET_RSP":{"tkn":${session.token},"keys":{"temp":20,"unit":20}}}`,
    )
    expect(await session.askRaw('KV_SET', '"keys":{"new":1,"temp":22}')).toBe(
      `{"KV_SET_RSP":{"tkn":${session.token},"keys":{"new":20,"temp":21}}}`,
    )
    expect(await session.askRaw('KV_SET', '"keys":{}')).toBe(
      `{"KV_SET_RSP":{"tkn":${session.token},"keys":{}}}`,
    )
  })

  it('are added if the key has none; KV_ADDQ does it without an answer', async () => {
    const session = await open()
    expect(await session.askRaw('KV_ADD', '"keys":{"a":1}')).toContain('"keys":{"a":20}')
    expect(await session.askRaw('KV_ADD', '"keys":{"a":2,"new":3}')).toContain(
      '"keys":{"a":23,"new":20}',
    )
    session.client.send(session.raw('KV_ADDQ', '"keys":{"b":4}'))
    session.client.send(session.raw('KV_ADDQ', '"keys":{}'))
    expect(await session.askRaw('KV_ADDQ', '"keys":{"a":5,"c":6}')).toBe(
      `{"KV_ADDQ_RSP":{"tkn":${session.token},"keys":{"a":23}}}`,
    )
    expect(await session.command('KV_GET', { keys: ['a', 'b', 'c', 'new'] })).toMatchObject({
      keys: { a: 1, b: 4, c: 6, new: 3 },
    })
  })

  it('are returned for keys that are texts, each key once', async () => {
    const session = await open()
    await session.command('KV_SET', { keys: { a: 1, '5': 2 } })
    const { token } = session
    expect(await session.askRaw('KV_GET', '"keys":["a",5,null,"nope","a",["5"],{}]')).toBe(
      `{"KV_GET_RSP":{"tkn":${token},"keys":{"a":1,"nope":null}}}`,
    )
    for (const keys of ['[]', '[5,null,true]']) {
      expect(await session.askRaw('KV_GET', `"keys":${keys}`)).toBe(
        `{"KV_GET_RSP":{"tkn":${token}}}`,
      )
      expect(await session.askRaw('KV_CONTAINS', `"keys":${keys}`)).toBe(
        `{"KV_CONTAINS_RSP":{"st":1,"tkn":${token}}}`,
      )
      expect(await session.askRaw('KV_RMV', `"keys":${keys}`)).toBe(
        `{"KV_RMV_RSP":{"tkn":${token}}}`,
      )
    }
  })

  it('are removed; the statuses of keys may replace the token in the answer', async () => {
    const session = await open()
    await session.command('KV_SET', { keys: { a: 1, tkn: 2, st: 3 } })
    expect(await session.askRaw('KV_RMV', '"keys":["a","nope","st"]')).toBe(
      `{"KV_RMV_RSP":{"tkn":${session.token},"a":24,"nope":22,"st":24}}`,
    )
    expect(await session.askRaw('KV_RMV', '"keys":["tkn"]')).toBe('{"KV_RMV_RSP":{"tkn":24}}')
    expect(await session.askRaw('KV_COUNT', '')).toBe(
      `{"KV_COUNT_RSP":{"st":1,"cnt":0,"tkn":${session.token}}}`,
    )
  })

  // As the real 0.4: it removes one listed key after the other, and the last status counts.
  it('are removed once; a key that is listed twice has the status 22', async () => {
    const session = await open()
    await session.askRaw('KV_SET', '"keys":{"a":1,"b":2,"tkn":3}')
    const { token } = session
    expect(await session.askRaw('KV_RMV', '"keys":["a","b","a","nope","nope",5]')).toBe(
      `{"KV_RMV_RSP":{"tkn":${token},"a":22,"b":24,"nope":22}}`,
    )
    expect(await session.askRaw('KV_RMV', '"keys":["tkn","tkn"]')).toBe('{"KV_RMV_RSP":{"tkn":22}}')
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
  })

  it('are counted, listed in order, cleared and replaced', async () => {
    const session = await open()
    const { token } = session
    await session.command('KV_SET', { keys: { b: 1, a: 2, Z: 3, ä: 4 } })
    expect(await session.askRaw('KV_KEYS', '')).toBe(
      `{"KV_KEYS_RSP":{"tkn":${token},"st":1,"keys":["Z","a","b","ä"]}}`,
    )
    expect(await session.askRaw('KV_CLEAR_SET', '"keys":{"k3":1,"k4":2}')).toBe(
      `{"KV_CLEAR_SET_RSP":{"tkn":${token},"st":1,"cnt":4,"keys":{"k3":20,"k4":20}}}`,
    )
    expect(await session.command('KV_COUNT')).toEqual({ st: 1, cnt: 2, tkn: token })
    expect(await session.askRaw('KV_CLEAR_SET', '"keys":{}')).toBe(
      `{"KV_CLEAR_SET_RSP":{"tkn":${token},"st":1,"cnt":2,"keys":{}}}`,
    )
    await session.command('KV_SET', { keys: { a: 1 } })
    expect(await session.askRaw('KV_CLEAR', '')).toBe(
      `{"KV_CLEAR_RSP":{"st":1,"cnt":1,"tkn":${token}}}`,
    )
    expect(await session.command('KV_KEYS')).toMatchObject({ keys: [] })
    expect(await session.command('KV_CLEAR')).toMatchObject({ cnt: 0 })
  })

  it('are shared by all connections of a session, and separate from other sessions', async () => {
    const session = await open()
    const other = await open()
    await session.command('KV_SET', { keys: { a: 1 } })
    const second = new NemesisSession(await openSocket(server.nemesisUrl()), session.token)
    expect(await second.command('KV_GET', { keys: ['a'] })).toMatchObject({ keys: { a: 1 } })
    await second.command('KV_SET', { keys: { a: 2 } })
    expect(await session.command('KV_GET', { keys: ['a'] })).toMatchObject({ keys: { a: 2 } })
    expect(await other.command('KV_GET', { keys: ['a'] })).toMatchObject({ keys: { a: null } })
  })

  it('are added once, by the first of 32 clients', async () => {
    const session = await open()
    const clients = await Promise.all(
      Array.from({ length: 32 }, () => openSocket(server.nemesisUrl())),
    )
    for (let round = 0; round < 5; round += 1) {
      const key = `round ${round}`
      const keys = { [key]: 1, [`also ${round}`]: 2 }
      const answers = await Promise.all(
        clients.map((client, index) =>
          client.command('KV_ADD', { tkn: session.token, keys: index % 2 ? keys : { [key]: 1 } }),
        ),
      )
      const statuses = answers.map(({ keys: found }) => Object(found)[key])
      expect(statuses.filter((status) => status === 20)).toHaveLength(1)
      expect(statuses.filter((status) => status === 23)).toHaveLength(31)
    }
  })

  it('may fill one message, under long keys', async () => {
    const session = await open()
    const names = Array.from({ length: 400 }, (_, index) => `${index}`.padEnd(2_400, 'k'))
    const keys = Object.fromEntries(names.map((name) => [name, 1]))
    expect(Object.values(Object((await session.command('KV_SET', { keys })).keys))).toEqual(
      names.map(() => 20),
    )
    expect(await session.command('KV_CLEAR_SET', { keys })).toMatchObject({ cnt: 400 })
    expect(await session.command('KV_GET', { keys: names })).toMatchObject({ keys })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 400 })
  })
})

describe('values of other doors, as NemesisDB commands see them', () => {
  const server = useTestServer({ nemesisPort: 0 })

  it('are their JSON; others are null and named in notJson', async () => {
    const { session, put } = await openBoth()
    await put('brotli', brotliCompressSync('{"n":9007199254740993}'), {
      'Content-Type': 'application/json',
      'Content-Encoding': 'br',
    })
    await put('text', 'say "hi"', { 'Content-Type': 'text/plain; charset=utf-8' })
    await put('png', Buffer.from('89504e470d0a1a0a', 'hex'), { 'Content-Type': 'image/png' })
    await put('broken', '1,"x":2', { 'Content-Type': 'application/json' })
    await put('null', 'null', { 'Content-Type': 'application/json' })
    for (let time = 0; time < 2; time += 1) {
      expect(
        await session.askRaw('KV_GET', '"keys":["png","brotli","text","broken","null","none"]'),
      ).toBe(
        `{"KV_GET_RSP":{"tkn":${session.token},"keys":{"png":null,"brotli":{"n":9007199254740993},` +
          '"text":"say \\"hi\\"","broken":null,"null":null,"none":null},"notJson":["png","broken"]}}',
      )
    }
    expect(await session.command('KV_CONTAINS', { keys: ['png', 'none'] })).toMatchObject({
      keys: { png: true, none: false },
    })
    expect(await session.command('KV_RMV', { keys: ['png'] })).toMatchObject({ png: 24 })
  })

  it('are JSON without their byte order mark, also when read again', async () => {
    const { session, put } = await openBoth()
    await put('marked', '\ufeff{"a":1}', { 'Content-Type': 'application/json' })
    for (let time = 0; time < 3; time += 1) {
      expect(await session.askRaw('KV_GET', '"keys":["marked"]')).toBe(
        `{"KV_GET_RSP":{"tkn":${session.token},"keys":{"marked":{"a":1}}}}`,
      )
      // The server stores the result of its check in the background.
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })

  it('are not JSON if their Content-Encoding is wrong', async () => {
    const { session, put } = await openBoth()
    await put('torn', brotliCompressSync('{"a":1,"b":[1,2,3]}').subarray(0, 8), {
      'Content-Type': 'application/json',
      'Content-Encoding': 'br',
    })
    await session.command('KV_SET', { keys: { whole: 1 } })
    expect(await session.command('KV_GET', { keys: ['whole', 'torn'] })).toEqual({
      tkn: session.token,
      keys: { whole: 1, torn: null },
      notJson: ['torn'],
    })
  })

  it('can be overwritten, and the other door reads them as they were sent', async () => {
    const { session, put, storePath, remote } = await openBoth()
    await put('k', 'text', { 'Content-Type': 'text/plain' })
    await session.askRaw('KV_SET', '"keys":{"k":{"n":1.0}}')
    const { text, headers } = await remote.send(`${storePath}/records/k`, { token: server.token() })
    expect([text, headers.get('content-type')]).toEqual(['{"n":1.0}', 'application/json'])
  })

  it('are refused with a sentence if they are too large for one answer', async () => {
    const { session, put } = await openBoth()
    const megabytes = JSON.stringify('x'.repeat(6 * 1_048_576))
    for (const key of ['a', 'b', 'c']) {
      await put(key, megabytes, { 'Content-Type': 'application/json' })
    }
    const answer = await session.command('KV_GET', { keys: ['a', 'b', 'c'] })
    expect(answer).toEqual({
      st: 1000,
      tkn: null,
      m: expect.stringMatching(/ask for less at once\.$/),
    })
    expect(
      Object.keys(Object((await session.command('KV_GET', { keys: ['a', 'b'] })).keys)),
    ).toEqual(['a', 'b'])
  })

  async function openBoth() {
    const session = await NemesisSession.open(server.nemesisUrl())
    const remote = new Remote(server.url())
    const token = server.token()
    const { data } = await remote.do('/coatcheck/v1/sessions', { token })
    const { storeId } = data.items.find(
      (one: { token: string }) => one.token === `${session.token}`,
    )
    const storePath = `/v2/key-value-stores/${storeId}`
    const put = async (
      key: string,
      body: string | Uint8Array,
      headers: Record<string, string>,
    ): Promise<void> => {
      await remote.do(`${storePath}/records/${key}`, { method: 'PUT', token, body, headers })
    }
    return { session, remote, storePath, put }
  }
})
