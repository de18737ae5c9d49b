import { describe, expect, it } from 'vitest'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { startTestServer, useTestServer } from '../../support/network/test-server.ts'

const error = (st: number): string => `{"ERR":{"st":${st},"m":""}}`
const refusal = (name: string, st: number, m = ''): string =>
  `{"${name}_RSP":{"st":${st},"tkn":null,"m":"${m}"}}`

describe('messages that are not a command', () => {
  const server = useTestServer({ nemesisPort: 0 })

  it('are refused with 2 if they are binary, whatever their content', async () => {
    const client = await openSocket(server.nemesisUrl())
    for (const bytes of ['', '{"SH_END_ALL":{}}', '{']) {
      client.send(Buffer.from(bytes))
      expect(await client.receive()).toBe(error(2))
    }
  })

  it.each([
    ['nothing', ''],
    ['white space', ' \n\t '],
    ['plain text', 'KV_SET'],
    ['half an object', '{"KV_COUNT":{"tkn":1}'],
    ['text after the object', '{"KV_COUNT":{}} x'],
    ['two objects', '{"KV_COUNT":{}}{"KV_COUNT":{}}'],
    ['a trailing comma', '{"KV_COUNT":{},}'],
    ['a trailing comma inside', '{"KV_GET":{"tkn":1,"keys":["a",]}}'],
    ['single quotes', "{'KV_COUNT':{}}"],
    ['a name without quotes', '{KV_COUNT:{}}'],
    ['a lone surrogate', '{"KV_SET":{"tkn":1,"keys":{"a":"\\ud800"}}}'],
    ['a lone surrogate in a key', '{"KV_SET":{"tkn":1,"keys":{"\\udc00":1}}}'],
    ['surrogates in the wrong order', '{"KV_SET":{"tkn":1,"keys":{"a":"\\udc00\\ud800"}}}'],
    ['null', 'null'],
    ['a comment without an end', '{"KV_COUNT":{}} /*'],
    ['a control character in a text', '{"KV_SET":{"tkn":1,"keys":{"a":"\n"}}}'],
    ['a number with a zero in front', '{"KV_COUNT":{"tkn":01}}'],
    ['NaN', '{"KV_SET":{"tkn":1,"keys":{"a":NaN}}}'],
    ['two byte order marks', '\ufeff\ufeff{"KV_COUNT":{}}'],
  ])('are refused with 3 if they are not JSON: %s', async (_, message) => {
    const client = await openSocket(server.nemesisUrl())
    expect(await client.ask(message)).toBe(error(3))
  })

  it.each(['{}', '[]', '5', '"x"', 'true', 'false', '[{"KV_COUNT":{}}]', ' /* */ {} // '])(
    'are refused with 13 if they are not an object with a member: %s',
    async (message) => {
      const client = await openSocket(server.nemesisUrl())
      expect(await client.ask(message)).toBe(error(13))
    },
  )

  it('are refused with 11 if they have several commands, and none is run', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const set = `"KV_SET":{"tkn":${session.token},"keys":{"a":1}}`
    const count = `"KV_COUNT":{"tkn":${session.token}}`
    for (const message of [`{${set},${count}}`, `{${count},${set}}`, `{${set},"x":1}`]) {
      expect(await session.client.ask(message)).toBe(error(11))
    }
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
  })

  it.each(['[]', 'null', '"x"', '5', 'true', '[{}]'])(
    'are refused with 12 if the value is not an object: %s',
    async (value) => {
      const client = await openSocket(server.nemesisUrl())
      for (const name of ['KV_SET', 'KV_SETQ', 'SH_END_ALL', 'NOPE', '']) {
        expect(await client.ask(`{"${name}":${value}}`)).toBe(refusal(name, 12))
      }
    },
  )

  it.each(['', 'NOPE', 'kv_get', 'KV_GET ', 'KV_APPEND', 'SV_INFO', 'KV_SAVE', '__proto__'])(
    'are refused with 10 if the command is unknown: "%s"',
    async (name) => {
      const client = await openSocket(server.nemesisUrl())
      expect(await client.ask(`{"${name}":{}}`)).toBe(refusal(name, 10))
    },
  )

  it('are refused with 3 if arrays are nested too deep', async () => {
    const deep = await startTestServer({ nemesisPort: 0, nemesisMaxPayload: 16_777_216 })
    try {
      const client = await openSocket(deep.nemesisUrl)
      expect(await client.ask('['.repeat(10_000_000))).toBe(error(3))
      const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
      expect(await client.ask(`{"KV_SET":{"tkn":1,"keys":{"a":${nested}}}}`)).toBe(error(3))
      expect(await client.ask('{}')).toBe(error(13))
      expect(deep.logged).toEqual([])
    } finally {
      await deep.close()
    }
  })
})

describe('messages that are accepted', () => {
  const server = useTestServer({ nemesisPort: 0 })

  // The real 0.4 skips it.
  it('may begin with a byte order mark', async () => {
    const { client, token } = await NemesisSession.open(server.nemesisUrl())
    const answer = `{"KV_COUNT_RSP":{"st":1,"cnt":0,"tkn":${token}}}`
    expect(await client.ask(`\ufeff{"KV_COUNT":{"tkn":${token}}}`)).toBe(answer)
    expect(await client.ask('\ufeff{}')).toBe(error(13))
    expect(await client.ask('\ufeff')).toBe(error(3))
  })

  // The real 0.4 reads -0 as the integer 0.
  it('may have -0 for a token of 0', async () => {
    const client = await openSocket(server.nemesisUrl())
    const refused = (name: string): string => `{"${name}_RSP":{"st":100,"tkn":0,"m":""}}`
    expect(await client.ask('{"KV_COUNT":{"tkn":-0}}')).toBe(refused('KV_COUNT'))
    expect(await client.ask('{"KV_GET":{"tkn":-0,"keys":["a"]}}')).toBe(refused('KV_GET'))
    const kept = '{"name":"n","expiry":{"duration":-0,"deleteSession":true}}'
    expect(await client.ask(`{"SH_NEW":${kept}}`)).toContain('"st":1')
  })

  it('may have comments', async () => {
    const { client, token } = await NemesisSession.open(server.nemesisUrl())
    const message = `// one\n{/*a*/"KV_SET"/**/:{"tkn":/* it */${token},\n"keys":{"a"://\n[1,/*2*/3]}}}//end`
    expect(await client.ask(message)).toContain('"keys":{"a":20}')
    expect(await client.ask(`{"KV_GET":{"tkn":${token},"keys":["a"]}}`)).toContain('"a":[1,3]')
  })

  it('use the first of several members with one name', async () => {
    const { client, token } = await NemesisSession.open(server.nemesisUrl())
    const two = `{"KV_SET":{"tkn":${token},"tkn":1,"keys":{"d":1,"d":2,"\\u0064":3},"keys":{"e":1}}}`
    expect(await client.ask(two)).toBe(`{"KV_SET_RSP":{"tkn":${token},"keys":{"d":20}}}`)
    const both = `{"KV_KEYS":{"tkn":${token}},"KV_KEYS":{"tkn":1}}`
    expect(await client.ask(both)).toBe(`{"KV_KEYS_RSP":{"tkn":${token},"st":1,"keys":["d"]}}`)
    expect(await client.ask(`{"KV_GET":{"tkn":${token},"keys":["d"]}}`)).toContain('{"d":1}')
  })

  it('may have escapes in names, and unknown members', async () => {
    const { client, token } = await NemesisSession.open(server.nemesisUrl())
    const message = `{"KV\\u005fCOUNT":{"x":{"y":1},"\\u0074kn":${token},"st":5}}`
    expect(await client.ask(message)).toBe(`{"KV_COUNT_RSP":{"st":1,"cnt":0,"tkn":${token}}}`)
  })

  it('may have the longest length; one byte more ends the connection with a reason', async () => {
    const small = await startTestServer({ nemesisPort: 0, nemesisMaxPayload: 1_024 })
    try {
      for (const what of ['x', 'ž']) {
        const session = await NemesisSession.open(small.nemesisUrl)
        const head = `{"KV_SET":{"tkn":${session.token},"keys":{"a":"`
        const room = 1_024 - Buffer.byteLength(`${head}"}}}`)
        const count = Math.floor(room / Buffer.byteLength(what))
        const padding = ' '.repeat(room - count * Buffer.byteLength(what))
        const message = `${head}${what.repeat(count)}"}}}${padding}`
        expect(Buffer.byteLength(message)).toBe(1_024)
        expect(await session.client.ask(message)).toContain('"keys":{"a":20}')
        session.client.send(`${message} `)
        expect(await session.client.closed).toEqual({
          code: 1009,
          reason: expect.stringMatching(/1024 bytes/),
        })
      }
    } finally {
      await small.close()
    }
  })
})

describe('wrong parameters', () => {
  const server = useTestServer({ nemesisPort: 0 })
  const wrong: readonly (readonly [string, string, number, string])[] = [
    ...['KV_SET', 'KV_SETQ', 'KV_ADD', 'KV_ADDQ', 'KV_CLEAR_SET'].flatMap((name) => [
      [name, '{}', 26, 'keys'] as const,
      [name, '{"tkn":"x"}', 26, 'keys'] as const,
      [name, '{"keys":[]}', 41, 'keys'] as const,
      [name, '{"keys":null}', 41, 'keys'] as const,
      [name, '{"keys":{}}', 101, ''] as const,
    ]),
    ...['KV_GET', 'KV_RMV', 'KV_CONTAINS'].flatMap((name) => [
      [name, '{}', 26, 'keys'] as const,
      [name, '{"keys":{}}', 41, 'keys'] as const,
      [name, '{"keys":"a"}', 41, 'keys'] as const,
      [name, '{"keys":[]}', 101, ''] as const,
    ]),
    ['KV_COUNT', '{}', 101, ''],
    ['KV_CLEAR', '{"tkn":null}', 101, ''],
    ['KV_KEYS', '{}', 101, ''],
    ['KV_KEYS', '{"tkn":1,"x":1}', 13, ''],
    // The real 0.4 looks at the token first.
    ['KV_KEYS', '{"x":1}', 101, ''],
    ['KV_KEYS', '{"tkn":"x","x":1}', 101, ''],
    ['KV_KEYS', '{"tkn":null,"keys":[]}', 101, ''],
    ['KV_FIND', '{}', 26, 'path'],
    ['KV_FIND', '{"rsp":"x","keys":5}', 41, 'keys'],
    ['KV_FIND', '{"path":5}', 41, 'path'],
    ['KV_FIND', '{"path":"$"}', 26, 'rsp'],
    ['KV_FIND', '{"path":"$","rsp":5}', 41, 'rsp'],
    ['KV_FIND', '{"path":"","rsp":"keys"}', 42, 'path'],
    ['KV_FIND', '{"path":"$","rsp":"all"}', 13, 'rsp'],
    ['KV_FIND', '{"path":"$","rsp":"kv"}', 101, ''],
    ['KV_UPDATE', '{}', 26, 'key'],
    ['KV_UPDATE', '{"key":5,"path":5}', 41, 'key'],
    ['KV_UPDATE', '{"key":"a","value":1}', 26, 'path'],
    ['KV_UPDATE', '{"key":"a","path":"$"}', 26, 'value'],
    ['KV_UPDATE', '{"key":"a","path":5,"value":1}', 41, 'path'],
    ['KV_UPDATE', '{"key":"a","path":"$","value":null}', 101, ''],
    ['KV_UPDATE', '{"key":"a","path":"abc","value":null}', 101, ''],
    ['KV_UPDATE', '{"key":"a","path":"","value":null}', 101, ''],
    ['KV_UPDATE', '{"key":"a","path":"abc","value":null,"tkn":"1"}', 101, ''],
    ['SH_NEW', '{}', 26, 'name'],
    ['SH_NEW', '{"expiry":5}', 41, 'expiry'],
    ['SH_NEW', '{"name":5,"shared":5}', 41, 'name'],
    ['SH_NEW', '{"name":""}', 42, 'name'],
    ['SH_NEW', '{"name":"a","shared":"true"}', 41, 'shared'],
    ['SH_NEW', '{"name":"a","expiry":{}}', 26, 'deleteSession'],
    ['SH_NEW', '{"name":"a","expiry":{"deleteSession":1}}', 41, 'deleteSession'],
    ['SH_NEW', '{"name":"a","expiry":{"deleteSession":true}}', 26, 'duration'],
    ['SH_NEW', '{"name":"a","expiry":{"deleteSession":true,"duration":"1"}}', 41, 'duration'],
    ['SH_NEW', '{"name":"a","expiry":{"deleteSession":true,"duration":-1}}', 41, 'duration'],
    ['SH_NEW', '{"name":"a","expiry":{"deleteSession":true,"duration":1.5}}', 41, 'duration'],
    ['SH_OPEN', '{}', 26, 'name'],
    ['SH_OPEN', '{"name":5}', 41, 'name'],
    ['SH_OPEN', '{"name":""}', 42, 'name'],
    ['SH_END', '{}', 101, ''],
    ['SH_INFO', '{}', 13, ''],
    ['SH_INFO', '{"tkn":1,"x":1}', 13, ''],
    ['SH_INFO', '{"tkn":"x"}', 101, ''],
    ['SH_INFO_ALL', '{"tkn":1}', 13, ''],
    ['SH_EXISTS', '{}', 26, 'tkns'],
    ['SH_EXISTS', '{"tkns":1}', 41, 'tkns'],
    ['SH_EXISTS', '{"tkns":["x"]}', 1000, ''],
    ['SH_SAVE', '{}', 26, 'name'],
    ['SH_SAVE', '{"name":5}', 41, 'name'],
    ['SH_SAVE', '{"name":"a","tkns":5}', 41, 'tkns'],
    ['SH_SAVE', '{"name":"a","tkns":[]}', 42, 'tkns'],
    ['SH_SAVE', '{"name":"a","tkns":[1,"x"]}', 41, 'tkns'],
    ['SH_LOAD', '{}', 26, 'names'],
    ['SH_LOAD', '{"names":"a"}', 41, 'names'],
    ['SH_LOAD', '{"names":["a",5]}', 41, 'names'],
  ]

  it.each(wrong)('are named in the answer: %s %s', async (name, parameters, st, m) => {
    const client = await openSocket(server.nemesisUrl())
    expect(await client.ask(`{"${name}":${parameters}}`)).toBe(refusal(name, st, m))
  })

  it.each([
    '-1',
    '1.5',
    '5.0',
    '1e3',
    '"123"',
    'null',
    '[]',
    '{}',
    'true',
    '18446744073709551616',
    '-0.0',
  ])('include invalid tokens, with 101: %s', async (token) => {
    const client = await openSocket(server.nemesisUrl())
    for (const name of ['KV_COUNT', 'KV_CLEAR', 'KV_KEYS', 'SH_END', 'SH_INFO']) {
      expect(await client.ask(`{"${name}":{"tkn":${token}}}`)).toBe(refusal(name, 101))
    }
    const set = `{"KV_SET":{"tkn":${token},"keys":{"a":1}}}`
    expect(await client.ask(set)).toBe(refusal('KV_SET', 101))
  })

  it.each(['0', '1', '12728784288890246945', '18446744073709551615'])(
    'include tokens without a session, with 100 and that token: %s',
    async (token) => {
      const client = await openSocket(server.nemesisUrl())
      for (const [name, more] of [
        ['KV_SETQ', ',"keys":{"a":1}'],
        ['KV_GET', ',"keys":["a"]'],
        ['KV_COUNT', ''],
        ['SH_END', ''],
      ]) {
        expect(await client.ask(`{"${name}":{"tkn":${token}${more}}}`)).toBe(
          `{"${name}_RSP":{"st":100,"tkn":${token},"m":""}}`,
        )
      }
      expect(await client.ask(`{"SH_INFO":{"tkn":${token}}}`)).toBe(
        `{"SH_INFO_RSP":{"st":100,"tkn":${token},"shared":null,"keyCnt":null}}`,
      )
    },
  )
})

describe('the limits of one message', () => {
  const server = useTestServer({ nemesisPort: 0 })

  it('are 10,000 keys', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const names = Array.from({ length: 10_001 }, (_, index) => `k${index}`)
    const all = Object.fromEntries(names.map((name) => [name, 1]))
    const most = Object.fromEntries(names.slice(1).map((name) => [name, 1]))
    const tooMany = { st: 42, tkn: null, m: 'at most 10000 keys' }
    for (const command of ['KV_SET', 'KV_SETQ', 'KV_ADD', 'KV_ADDQ', 'KV_CLEAR_SET']) {
      expect(await session.command(command, { keys: all })).toEqual(tooMany)
    }
    for (const command of ['KV_GET', 'KV_RMV', 'KV_CONTAINS']) {
      expect(await session.command(command, { keys: names })).toEqual(tooMany)
    }
    const find = { keys: names, rsp: 'keys', path: '$' }
    expect(await session.command('KV_FIND', find)).toEqual(tooMany)
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
    const { keys } = await session.command('KV_SET', { keys: most })
    expect(Object.values(Object(keys))).toEqual(names.slice(1).map(() => 20))
    expect(await session.command('KV_GET', { keys: names.slice(1) })).toMatchObject({ keys: most })
    expect(await session.command('KV_CLEAR_SET', { keys: most })).toMatchObject({ cnt: 10_000 })
    expect(await session.command('KV_KEYS')).toMatchObject({ keys: names.slice(1).sort() })
    expect(Object.keys(await session.command('KV_RMV', { keys: names.slice(1) }))).toHaveLength(
      10_001,
    )
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
  })

  it('are keys of 2,400 bytes', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    for (const [longest, longer] of [
      ['k'.repeat(2_400), 'k'.repeat(2_401)],
      ['ž'.repeat(1_200), `${'ž'.repeat(1_200)}k`],
    ] as const) {
      const tooLong = { st: 42, tkn: null, m: expect.stringContaining('2400 bytes') }
      for (const command of ['KV_SET', 'KV_SETQ', 'KV_ADD', 'KV_ADDQ', 'KV_CLEAR_SET']) {
        const keys = { fine: 1, [longer]: 1 }
        expect(await session.command(command, { keys }), command).toMatchObject(tooLong)
      }
      for (const command of ['KV_GET', 'KV_RMV', 'KV_CONTAINS']) {
        const keys = ['fine', longer]
        expect(await session.command(command, { keys }), command).toMatchObject(tooLong)
      }
      const update = { key: longer, path: '$', value: 1 }
      expect(await session.command('KV_UPDATE', update)).toMatchObject({ st: 22, cnt: 0 })
      const find = { keys: [longer], rsp: 'keys', path: '$' }
      expect(await session.command('KV_FIND', find)).toMatchObject(tooLong)
      expect(await session.command('KV_SET', { keys: { [longest]: 1 } })).toMatchObject({
        keys: { [longest]: 20 },
      })
      expect(await session.command('KV_GET', { keys: [longest] })).toMatchObject({
        keys: { [longest]: 1 },
      })
      const change = { key: longest, path: '$', value: 2 }
      expect(await session.command('KV_UPDATE', change)).toMatchObject({ st: 1, cnt: 1 })
      expect(await session.command('KV_RMV', { keys: [longest] })).toMatchObject({ [longest]: 24 })
    }
    expect(server.logged()).toEqual([])
  })

  it('are answers of 16 MiB', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const value = 'x'.repeat(1_000_000)
    for (let index = 0; index < 17; index += 1) {
      await session.command('KV_SET', { keys: { [`k${index}`]: value } })
    }
    const tooLong = { st: 1000, tkn: null, m: expect.stringMatching(/over 16777216 .+\.$/) }
    const keys = Array.from({ length: 17 }, (_, index) => `k${index}`)
    expect(await session.command('KV_GET', { keys })).toEqual(tooLong)
    expect(await session.command('KV_FIND', { rsp: 'kv', path: '$' })).toEqual(tooLong)
    expect(await session.command('KV_FIND', { rsp: 'keys', path: '$' })).toMatchObject({ st: 1 })
    const fewer = await session.command('KV_GET', { keys: keys.slice(1) })
    expect(Object.keys(Object(fewer.keys))).toHaveLength(16)
  })
})
