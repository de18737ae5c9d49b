import { describe, expect, it } from 'vitest'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { Remote } from '../../support/network/remote.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

const inventory = {
  items: [
    { name: 'sword', power: 5, tags: ['sharp', 'iron'] },
    { name: 'bow', power: 9, tags: [] },
    { name: 'potion', power: null },
  ],
  owner: { name: 'Potato' },
}

describe.each(wireEngines)('KV_FIND, on %s', (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0 })
  const open = async (): Promise<NemesisSession> => {
    const session = await NemesisSession.open(server.nemesisUrl())
    await session.command('KV_SET', {
      keys: { inv: inventory, list: [1, 2, 3], text: 'x', none: null },
    })
    return session
  }
  const find = (session: NemesisSession, path: string, rsp: string, more: object = {}) =>
    session.command('KV_FIND', { path, rsp, ...more })

  it.each([
    ['$', ['$', '$', '$', '$'], ['inv', 'list', 'none', 'text']],
    ['$.items[1]', ["$['items'][1]"], ['inv']],
    ["$['items'][1]['name']", ["$['items'][1]['name']"], ['inv']],
    ['$["owner"]', ["$['owner']"], ['inv']],
    ['$[-1]', ['$[2]'], ['list']],
    ['$[*]', ["$['items']", "$['owner']", '$[0]', '$[1]', '$[2]'], ['inv', 'list']],
    ['$[0:2]', ['$[0]', '$[1]'], ['list']],
    ['$[0,2,0]', ['$[0]', '$[2]'], ['list']],
    [
      '$..name',
      [0, 1, 2].map((index) => `$['items'][${index}]['name']`).concat("$['owner']['name']"),
      ['inv'],
    ],
    ['$.items[?@.power > 4 && @.name != "bow"]', ["$['items'][0]"], ['inv']],
    ['$.items[?(@.power > 4)].name', ["$['items'][0]['name']", "$['items'][1]['name']"], ['inv']],
    ['$.items[?length(@.tags) == 2]', ["$['items'][0]"], ['inv']],
    ['$.nope', [], []],
    ['$.items[9]', [], []],
  ])('finds by the path %s', async (path, paths, keys) => {
    const session = await open()
    const { token: tkn } = session
    const found = await find(session, path, 'paths')
    expect({ ...found, paths: Array.from(Object(found.paths)).sort() }).toEqual({
      tkn,
      st: 1,
      paths: paths.toSorted(),
    })
    expect(await find(session, path, 'keys')).toEqual({ tkn, st: 1, keys })
    const { keys: values } = await find(session, path, 'kv')
    expect(Object.keys(Object(values)).sort()).toEqual(keys)
  })

  it('returns whole values as they were sent', async () => {
    const session = await open()
    await session.askRaw('KV_SET', '"keys":{"exact":{"id":18446744073709551615,"x":1.0}}')
    const { token } = session
    expect(await session.askRaw('KV_FIND', '"rsp":"kv","path":"$.id"')).toBe(
      `{"KV_FIND_RSP":{"tkn":${token},"st":1,"keys":{"exact":{"id":18446744073709551615,"x":1.0}}}}`,
    )
  })

  it('searches only the named keys', async () => {
    const session = await open()
    expect(await find(session, '$', 'keys', { keys: ['list', 'nope'] })).toMatchObject({
      keys: ['list'],
    })
    expect(await find(session, '$', 'keys', { keys: [] })).toMatchObject({
      keys: ['inv', 'list', 'none', 'text'],
    })
    expect(await find(session, '$', 'keys', { keys: ['nope'] })).toMatchObject({ keys: [] })
  })

  // As the real 0.4: an item that is not a string is the key of its text.
  it.each([
    ['[5]', ['5']],
    ['[5,"a"]', ['5', 'a']],
    ['["5"]', ['5']],
    ['[6]', []],
    ['[-1,1.5,2.0,1e3,1e-7]', ['-1', '1.5', '2.0', '1000.0', '1e-07']],
    ['[18446744073709551615]', ['18446744073709551615']],
    ['[true,null,false]', ['true', 'null']],
    ['["z","a"]', ['z', 'a']],
    ['["a","a",5,"5"]', ['a', 'a', '5', '5']],
    [
      '[]',
      [
        '-1',
        '1.5',
        '1000.0',
        '18446744073709551615',
        '1e-07',
        '2.0',
        '5',
        'a',
        'null',
        'true',
        'z',
      ],
    ],
  ])('searches the keys that are named by %s', async (keys, found) => {
    const session = await open()
    const names = [
      '5',
      'a',
      '-1',
      '1.5',
      '2.0',
      '1000.0',
      '1e-07',
      '18446744073709551615',
      'true',
      'null',
      'z',
    ]
    await session.command('KV_CLEAR_SET', {
      keys: Object.fromEntries(names.map((name) => [name, [1]])),
    })
    const { token: tkn } = session
    const ask = async (rsp: string) => {
      const more = `"rsp":"${rsp}","path":"$[0]","keys":${keys}`
      return JSON.parse(await session.askRaw('KV_FIND', more)).KV_FIND_RSP
    }
    expect(await ask('keys')).toEqual({ tkn, st: 1, keys: found })
    expect(await ask('paths')).toEqual({ tkn, st: 1, paths: found.map(() => '$[0]') })
    const values = Object.fromEntries(found.map((name) => [name, [1]]))
    expect(await ask('kv')).toEqual({ tkn, st: 1, keys: values })
  })

  it('returns a whole value once, if its key is listed twice', async () => {
    const session = await open()
    const twice = '"rsp":"kv","path":"$","keys":["text","none","text"]'
    expect(await session.askRaw('KV_FIND', twice)).toContain('"keys":{"text":"x","none":null}}')
  })

  // By the source of jsoncons 0.171, which NemesisDB 0.4 uses.
  it.each([
    ['$[?(@.ok)].n', ["$[1]['n']"]],
    ['$[?(!@.ok)].n', ["$[0]['n']"]],
    ['$[?(@.ok && @.n)]', ['$[1]']],
    ['$[?(@.ok || @.n)]', ['$[0]', '$[1]']],
    ['$[?(@.x == null)]', ['$[0]', '$[1]']],
    ['$[?(@.x != null)]', []],
    ['$[?(true)]', ['$[0]', '$[1]']],
    ['$[?(false)]', []],
    ["$['1']", ['$[1]']],
    ['$[?(@.n.length)]', ['$[0]', '$[1]']],
    ['$.length', ["$['length']"]],
    ['$[?(sum(@.n) == 0)]', []],
    ['$[?(prod(@.n))]', []],
  ])('finds what NemesisDB finds: %s', async (path, paths) => {
    const session = await open()
    const list = [
      { n: 'a', ok: false },
      { n: 'b', ok: true },
    ]
    await session.command('KV_CLEAR_SET', { keys: { list } })
    const { token: tkn } = session
    expect(await find(session, path, 'paths')).toEqual({ tkn, st: 1, paths })
  })

  it.each([
    'a',
    '$[::0]',
    'length($)',
    '$abc',
    '/a/b',
    "$.['items']",
    '$.',
    '$[',
    '$[?]',
    '$[?@.name =~ /(?=x)/]',
    '$[?@.name =~ /(x)\\1/]',
    '$[?@.a + 1 == 2]',
    '$[?(require("fs"))]',
    '$[(@.length-1)]',
    `$${'.a'.repeat(3_000)}`,
  ])('refuses an invalid path with 4: %s', async (path) => {
    const session = await open()
    const { token: tkn } = session
    expect(await find(session, path, 'keys')).toEqual({ tkn, st: 4 })
    await session.command('KV_CLEAR')
    expect(await find(session, path, 'keys')).toEqual({ tkn, st: 1, keys: [] })
  })

  it('distinguishes numbers that a double cannot', async () => {
    const session = await open()
    const items = '[{"id":9007199254740993},{"id":9007199254740992},{"id":18446744073709551615}]'
    await session.askRaw('KV_CLEAR_SET', `"keys":{"n":${items}}`)
    expect(await find(session, '$[?@.id == 9007199254740993]', 'paths')).toMatchObject({
      paths: ['$[0]'],
    })
    expect(await find(session, '$[?@.id == 9007199254740992]', 'paths')).toMatchObject({
      paths: ['$[1]'],
    })
    expect(await find(session, '$[?@.id == 18446744073709551615]', 'paths')).toMatchObject({
      paths: ['$[2]'],
    })
  })

  it('searches more values than it reads at once', async () => {
    const session = await open()
    const names = Array.from({ length: 2_500 }, (_, index) => `k${String(index).padStart(4, '0')}`)
    await session.command('KV_CLEAR_SET', {
      keys: Object.fromEntries(names.map((name, index) => [name, { index }])),
    })
    expect(await find(session, '$[?@ >= 2000]', 'keys')).toMatchObject({ keys: names.slice(2_000) })
  })

  it('matches patterns in a time that grows only with the text', async () => {
    const session = await open()
    const list = [{ name: `${'a'.repeat(50_000)}b` }, { name: 'xyz' }]
    await session.command('KV_CLEAR_SET', { keys: { list } })
    for (const path of ['$[?match(@.name, "(a+)+")]', '$[?@.name =~ /^(a|a)*$/]']) {
      expect(await find(session, path, 'keys'), path).toMatchObject({ st: 1, keys: [] })
    }
    expect(await find(session, '$[?search(@.name, "y")]', 'paths')).toMatchObject({
      paths: ['$[1]'],
    })
  })

  it('refuses endless work, and other commands still work', async () => {
    const session = await open()
    const deep: unknown = JSON.parse(`${'['.repeat(800)}{"b":[4]}${']'.repeat(800)}`)
    await session.command('KV_CLEAR_SET', { keys: { deep } })
    for (const path of ['$..*..*..*', '$..[?@..*]..[?@..*]', `$${'..*'.repeat(100)}`]) {
      expect(await find(session, path, 'keys'), path).toMatchObject({ st: 4 })
    }
    expect(await find(session, '$..b', 'keys')).toMatchObject({ st: 1, keys: ['deep'] })
  })
})

describe.each(wireEngines)('KV_UPDATE, on %s', (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0 })
  const open = (): Promise<NemesisSession> => NemesisSession.open(server.nemesisUrl())

  async function textOf(session: NemesisSession): Promise<string> {
    const answer = await session.askRaw('KV_GET', '"keys":["k"]')
    return answer.slice(`{"KV_GET_RSP":{"tkn":${session.token},"keys":{"k":`.length, -3)
  }

  it.each([
    ['$', '5', 1, '5'],
    ['$.b', '{ "n" : 1.0 }', 1, '{ "10":1.0, "b" : { "n" : 1.0 },"9":[1e5 , -0.0]}'],
    [
      '$["9"][*]',
      '18446744073709551615',
      2,
      '{ "10":1.0, "b" : 12345678901234567890,"9":[18446744073709551615 , 18446744073709551615]}',
    ],
    ['$.nope', '1', 0, '{ "10":1.0, "b" : 12345678901234567890,"9":[1e5 , -0.0]}'],
    ['$.b.c', '1', 0, '{ "10":1.0, "b" : 12345678901234567890,"9":[1e5 , -0.0]}'],
    ['$..*', 'null', 5, '{ "10":null, "b" : null,"9":null}'],
    ['$[?@ == 12345678901234567890]', '"x"', 1, '{ "10":1.0, "b" : "x","9":[1e5 , -0.0]}'],
  ])('changes the matches of %s, and no other character', async (path, value, cnt, after) => {
    const session = await open()
    await session.askRaw(
      'KV_SET',
      '"keys":{"k":{ "10":1.0, "b" : 12345678901234567890,"9":[1e5 , -0.0]}}',
    )
    const parameters = `"key":"k","path":${JSON.stringify(path)},"value":${value}`
    expect(await session.askRaw('KV_UPDATE', parameters)).toBe(
      `{"KV_UPDATE_RSP":{"tkn":${session.token},"st":1,"cnt":${cnt}}}`,
    )
    expect(await textOf(session)).toBe(after)
  })

  it('changes only what a filter finds true', async () => {
    const session = await open()
    await session.askRaw('KV_SET', '"keys":{"k":[{"n":"a","ok":false},{"n":"b","ok":true}]}')
    const update = { key: 'k', path: '$[?(@.ok)].n', value: 'x' }
    const { token: tkn } = session
    expect(await session.command('KV_UPDATE', update)).toEqual({ tkn, st: 1, cnt: 1 })
    expect(await textOf(session)).toBe('[{"n":"a","ok":false},{"n":"x","ok":true}]')
  })

  // As the real 0.4.
  it('counts matches within other matches', async () => {
    const session = await open()
    const update = { key: 'k', path: '$..a', value: 0 }
    const { token: tkn } = session
    await session.askRaw('KV_SET', '"keys":{"k":{"a":{"a":{"a":1}}}}')
    expect(await session.command('KV_UPDATE', update)).toEqual({ tkn, st: 1, cnt: 3 })
    expect(await textOf(session)).toBe('{"a":0}')
  })

  // As the real 0.4.
  it('looks at the path last', async () => {
    const session = await open()
    const { client, token } = session
    const update = { key: 'k', path: 'abc', value: 1 }
    expect(await client.command('KV_UPDATE', { ...update, tkn: 5 })).toMatchObject({ st: 100 })
    expect(await client.command('KV_UPDATE', update)).toMatchObject({ st: 101 })
    expect(await session.command('KV_UPDATE', update)).toEqual({ tkn: token, st: 22, cnt: 0 })
    await session.command('KV_SET', { keys: { k: 1 } })
    expect(await session.command('KV_UPDATE', update)).toMatchObject({ st: 1000 })
  })

  it('reports a missing key and an invalid path', async () => {
    const session = await open()
    const update = { key: 'k', path: '$', value: 1 }
    expect(await session.command('KV_UPDATE', update)).toEqual({
      tkn: session.token,
      st: 22,
      cnt: 0,
    })
    await session.command('KV_SET', { keys: { k: 1 } })
    for (const path of ['a', '$abc', '', '$[?eval(@)]']) {
      expect(await session.command('KV_UPDATE', { ...update, path })).toMatchObject({ st: 1000 })
    }
    expect(await textOf(session)).toBe('1')
  })

  it('loses none of many changes at the same time', async () => {
    const session = await open()
    const count = 24
    const items = Array.from({ length: count }, () => 0)
    await session.command('KV_SET', { keys: { k: items } })
    const clients = await Promise.all(items.map(() => openSocket(server.nemesisUrl())))
    const answers = await Promise.all(
      clients.map((client, index) =>
        client.command('KV_UPDATE', {
          tkn: session.token,
          key: 'k',
          path: `$[${index}]`,
          value: index + 1,
        }),
      ),
    )
    expect(answers.map(({ st, m }) => [st, m])).toEqual(items.map(() => [1, undefined]))
    expect(JSON.parse(await textOf(session))).toEqual(items.map((_, index) => index + 1))
  })
})

describe('KV_FIND and KV_UPDATE on values of other doors', () => {
  const server = useTestServer({ nemesisPort: 0 })

  it('skip values that are not JSON, and change JSON values', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const remote = new Remote(server.url())
    const token = server.token()
    const { data } = await remote.do('/coatcheck/v1/sessions', { token })
    const path = `/v2/key-value-stores/${data.items[0].storeId}/records`
    const put = (key: string, type: string, body: string) =>
      remote.do(`${path}/${key}`, {
        method: 'PUT',
        token,
        body,
        headers: { 'Content-Type': type },
      })
    await put('png', 'image/png', 'x')
    await put('text', 'text/plain', 'hello')
    await put('problem', 'application/problem+json; charset=utf-8', '{"a":1,"a":2}')
    await put('deep', 'application/json', `${'['.repeat(2_000)}${']'.repeat(2_000)}`)
    const find = { rsp: 'keys', path: '$' }
    expect(
      await session.command('KV_FIND', { ...find, keys: ['png', 'text', 'problem'] }),
    ).toMatchObject({
      keys: ['text', 'problem'],
    })
    const update = { path: '$', value: 1 }
    expect(await session.command('KV_UPDATE', { key: 'png', ...update })).toMatchObject({ st: 41 })
    const change = { key: 'problem', path: '$.a', value: [3] }
    expect(await session.command('KV_UPDATE', change)).toMatchObject({ cnt: 1 })
    const { text, headers } = await remote.send(`${path}/problem`, { token })
    expect([text, headers.get('content-type')]).toEqual([
      '{"a":[3]}',
      'application/problem+json; charset=utf-8',
    ])
    expect(await session.command('KV_FIND', find)).toMatchObject({
      st: 1,
      keys: ['problem', 'text'],
    })
    expect(await session.command('KV_UPDATE', { key: 'deep', ...update })).toMatchObject({
      st: 1000,
      m: expect.stringMatching(/\.$/),
    })
    expect(server.logged()).toEqual([])
  })
})
