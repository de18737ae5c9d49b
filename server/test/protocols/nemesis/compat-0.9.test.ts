import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { AtomicWrite, Commit } from '../../../src/core/engine/engine.ts'
import { MemoryEngine } from '../../../src/engines/memory.ts'
import { GatedEngine } from '../../support/data/gated-engine.ts'
import { createTestFolder } from '../../support/data/test-folder.ts'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { engines, startTestServer, useTestServer } from '../../support/network/test-server.ts'
import { People } from '../../support/people/people.ts'

describe.each(engines)("NemesisDB 0.9's commands without a session, on %s", (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0, nemesisCompat: '0.9' })
  const open = async () => {
    const client = await openSocket(server.nemesisUrl())
    await client.ask('{"KV_CLEAR":{}}')
    return client
  }

  it('set, add, get and remove', async () => {
    const client = await open()
    const exchanges: readonly (readonly [string, string])[] = [
      ['{"KV_SET":{"keys":{"b":1.0,"a":{"n":18446744073709551615}}}}', '{"KV_SET_RSP":{"st":1}}'],
      ['{"KV_SET":{"keys":{}}}', '{"KV_SET_RSP":{"st":1}}'],
      ['{"KV_ADD":{"keys":{"a":5,"c":null}}}', '{"KV_ADD_RSP":{"st":1}}'],
      [
        '{"KV_GET":{"keys":["c","nope","b","a"]}}',
        '{"KV_GET_RSP":{"keys":{"c":null,"b":1.0,"a":{"n":18446744073709551615}},"st":1}}',
      ],
      ['{"KV_GET":{"keys":[]}}', '{"KV_GET_RSP":{"keys":{},"st":1}}'],
      [
        '{"KV_CONTAINS":{"keys":["c","x","a"]}}',
        '{"KV_CONTAINS_RSP":{"contains":["c","a"],"st":1}}',
      ],
      [
        '{"KV_CONTAINS":{"keys":["a","x","a",5]}}',
        '{"KV_CONTAINS_RSP":{"contains":["a","a"],"st":1}}',
      ],
      ['{"KV_KEYS":{}}', '{"KV_KEYS_RSP":{"keys":["a","b","c"],"st":1}}'],
      ['{"KV_COUNT":{}}', '{"KV_COUNT_RSP":{"cnt":3,"st":1}}'],
      ['{"KV_RMV":{"keys":["a","x"]}}', '{"KV_RMV_RSP":{"st":1}}'],
      ['{"KV_CLEAR_SET":{"keys":{"z":1}}}', '{"KV_CLEAR_SET_RSP":{"cnt":2,"st":1}}'],
      ['{"KV_CLEAR":{}}', '{"KV_CLEAR_RSP":{"cnt":1,"st":1}}'],
      ['{"KV_COUNT":{}}', '{"KV_COUNT_RSP":{"cnt":0,"st":1}}'],
    ]
    for (const [message, answer] of exchanges) {
      expect(await client.ask(message), message).toBe(answer)
    }
  })

  it('report wrong parameters', async () => {
    const client = await open()
    for (const [name, parameters, st] of [
      ['KV_SET', {}, 26],
      ['KV_SET', { keys: [] }, 41],
      ['KV_GET', {}, 26],
      ['KV_RMV', { keys: [] }, 42],
      ['KV_RMV', { keys: {} }, 41],
      ['KV_SAVE', {}, 26],
      ['KV_SAVE', { name: 5 }, 41],
      ['KV_LOAD', { name: '' }, 42],
    ] as const) {
      expect(await client.command(name, parameters), name).toEqual({ st })
    }
  })

  // By the source of 0.9.
  it.each([
    ['{}', '{"ERR":{"st":13}}'],
    ['[]', '{"ERR":{"st":13}}'],
    ['5', '{"ERR":{"st":13}}'],
    ['null', '{"ERR":{"st":13}}'],
    ['{"KV_COUNT":{},"KV_KEYS":{}}', '{"ERR":{"st":13}}'],
    ['{"KV_SET":[]}', '{"KV_SET_RSP":{"st":13}}'],
    ['{"KV_COUNT":null}', '{"KV_COUNT_RSP":{"st":13}}'],
    ['{"SV_INFO":5}', '{"SV_INFO_RSP":{"st":13}}'],
    ['{"NOPE":{}}', '{"NOPE_RSP":{"st":13}}'],
    ['{"":{}}', '{"_RSP":{"st":13}}'],
    ['{', '{"ERR":{"st":3}}'],
    ['', '{"ERR":{"st":3}}'],
    ['{"KV_NOPE":{}}', '{"ERR":{"st":10}}'],
    ['{"KV_SETQ":{"keys":{"a":1}}}', '{"ERR":{"st":10}}'],
    ['{"KV_ADDQ":{"keys":{"a":1}}}', '{"ERR":{"st":10}}'],
    ['{"KV_FIND":{"path":"$","rsp":"keys"}}', '{"ERR":{"st":10}}'],
    ['{"KV_UPDATE":{"key":"a","path":"$","value":1}}', '{"ERR":{"st":10}}'],
    ['{"NO_PE":{}}', '{"NO_PE_RSP":{"st":10}}'],
    ['{"KV_SET":{}}', '{"KV_SET_RSP":{"st":26}}'],
    ['{"KV_SET":{"keys":5}}', '{"KV_SET_RSP":{"st":41}}'],
    ['{"KV_RMV":{"keys":[]}}', '{"KV_RMV_RSP":{"st":42}}'],
    ['\ufeff{"KV_CLEAR":{}}', '{"KV_CLEAR_RSP":{"cnt":0,"st":1}}'],
  ])('refuse %s', async (message, answer) => {
    const client = await open()
    expect(await client.ask(message)).toBe(answer)
    expect(await client.ask('{"KV_COUNT":{}}')).toBe('{"KV_COUNT_RSP":{"cnt":0,"st":1}}')
  })

  it('refuse a binary message', async () => {
    const client = await open()
    client.send(Buffer.from('{"KV_COUNT":{}}'))
    expect(await client.receive()).toBe('{"ERR":{"st":2}}')
  })

  it('say in a sentence what only Coatcheck refuses', async () => {
    const client = await open()
    const longer = { ['k'.repeat(2_401)]: 1 }
    expect(await client.command('KV_SET', { keys: longer })).toEqual({
      st: 42,
      m: expect.stringContaining('2400 bytes'),
    })
  })

  it('show facts about the server', async () => {
    const client = await open()
    expect(await client.ask('{"SV_INFO":{}}')).toBe(
      '{"SV_INFO_RSP":{"st":1,"serverVersion":"0.9","persistEnabled":true}}',
    )
  })

  it('save and load all keys', async () => {
    const client = await open()
    const keys = { 'a"\n': 1, b: { long: 'x'.repeat(5_000) } }
    await client.command('KV_SET', { keys })
    expect(await client.command('KV_SAVE', { name: 'd1' })).toEqual({
      duration: expect.any(Number),
      name: 'd1',
      st: 120,
    })
    await client.command('KV_CLEAR_SET', { keys: { b: 'newer', c: 3 } })
    expect(await client.command('KV_LOAD', { name: 'd1' })).toEqual({
      duration: expect.any(Number),
      keys: 2,
      name: 'd1',
      sessions: 0,
      st: 141,
    })
    expect(await client.command('KV_GET', { keys: ['a"\n', 'b', 'c'] })).toEqual({
      keys: { ...keys, c: 3 },
      st: 1,
    })
    expect(await client.ask({ KV_LOAD: { name: 'nope' } })).toBe(
      '{"KV_LOAD_RSP":{"name":"nope","st":142}}',
    )
    expect(await client.command('KV_SAVE', { name: '../x' })).toMatchObject({ st: 121 })
  })

  it('work like those of 0.4 if a token is given', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const { client, token } = session
    expect(await session.askRaw('KV_SET', '"keys":{"a":1}')).toBe(
      `{"KV_SET_RSP":{"tkn":${token},"keys":{"a":20}}}`,
    )
    await client.command('KV_SET', { keys: { own: 1 } })
    expect(await session.command('KV_KEYS')).toMatchObject({ keys: ['a'] })
    expect(await session.command('KV_GET', { keys: ['own'] })).toEqual({
      tkn: token,
      keys: { own: null },
    })
    expect(await session.command('KV_SAVE', { name: 'd1' })).toMatchObject({ st: 10 })
    expect(await session.command('SV_INFO')).toMatchObject({ st: 10 })
    expect(await client.command('KV_COUNT', { tkn: null })).toMatchObject({ st: 101 })
    expect(await session.askRaw('KV_SETQ', '"keys":[]')).toBe(
      '{"KV_SETQ_RSP":{"st":41,"tkn":null,"m":"keys"}}',
    )
    expect(await client.command('SH_INFO', { tkn: token })).toMatchObject({ keyCnt: 1 })
  })

  it('work on the named store nemesis of their user', async () => {
    const client = await open()
    await client.command('KV_SET', { keys: { a: { n: 1 } } })
    const { items } = await server.client().keyValueStores().list()
    const id = items.find(({ name }) => name === 'nemesis')?.id ?? ''
    const record = await server.client().keyValueStore(id).getRecord('a')
    expect(record?.value).toEqual({ n: 1 })
    const people = new People({ url: server.url(), token: server.token() })
    const other = await people.create('other')
    const theirs = await openSocket(`${server.nemesisUrl()}?token=${other.token}`)
    expect(await theirs.command('KV_COUNT', {})).toEqual({ cnt: 0, st: 1 })
    await server.client().keyValueStore(id).delete()
    expect(await client.command('KV_COUNT', {})).toEqual({ cnt: 0, st: 1 })
  })

  it('are limited to the keys of their API token', async () => {
    const client = await open()
    await client.command('KV_SET', { keys: { 'a/1': 1, b: 1 } })
    const people = new People({ url: server.url(), token: server.token() })
    const { items } = await server.client().keyValueStores().list()
    const storeId = items.find(({ name }) => name === 'nemesis')?.id ?? ''
    const admin = { id: '', username: '', token: server.token() }
    const wish = { action: 'write', storeId, keyPrefix: 'a/' } as const
    const { token } = await people.createToken(admin, wish)
    const some = await openSocket(`${server.nemesisUrl()}?token=${token}`)
    expect(await some.command('KV_GET', { keys: ['a/1'] })).toMatchObject({ keys: { 'a/1': 1 } })
    expect(await some.command('KV_KEYS', {})).toMatchObject({ keys: ['a/1'] })
    for (const [command, parameters] of [
      ['KV_GET', { keys: ['b'] }],
      ['KV_SET', { keys: { b: 2 } }],
      ['KV_RMV', { keys: ['b'] }],
      ['KV_COUNT', {}],
      ['KV_CLEAR', {}],
      ['KV_CLEAR_SET', { keys: { 'a/2': 1 } }],
      ['KV_SAVE', { name: 'n' }],
      ['KV_LOAD', { name: 'n' }],
    ] as const) {
      expect(await some.command(command, parameters), command).toEqual({
        st: 14,
        m: 'This API token only allows keys that begin with a/',
      })
    }
    expect(await client.command('KV_KEYS', {})).toMatchObject({ keys: ['a/1', 'b'] })
  })
})

/** Holds the answer to the next commit, which is applied already. */
class LateEngine extends MemoryEngine {
  #held: PromiseWithResolvers<void> | undefined
  isHolding = false

  hold(): void {
    this.#held = Promise.withResolvers()
  }

  release(): void {
    this.#held?.resolve()
  }

  override async commit(write: AtomicWrite): Promise<Commit> {
    const commit = await super.commit(write)
    const held = this.isHolding ? undefined : this.#held
    if (!held) return commit
    this.isHolding = true
    await held.promise
    this.isHolding = false
    this.#held = undefined
    return commit
  }
}

it('pipelined commands of 0.9 are applied in order, also if the first makes the store', async () => {
  const engine = new LateEngine()
  const settings = { nemesisPort: 0, nemesisCompat: '0.9' } as const
  const server = await startTestServer(settings, { open: async () => engine })
  onTestFinished(() => server.close())
  const client = await openSocket(server.nemesisUrl)
  const other = await openSocket(server.nemesisUrl)
  engine.hold()
  client.send('{"KV_SET":{"keys":{"a":1}}}')
  await expect.poll(() => engine.isHolding, { interval: 2 }).toBe(true)
  client.send('{"KV_SET":{"keys":{"a":2}}}')
  for (let turns = 0; turns < 5; turns += 1) await other.ask('{"SV_INFO":{}}')
  engine.release()
  for (let answers = 0; answers < 2; answers += 1) await client.receive()
  expect(await client.ask('{"KV_GET":{"keys":["a"]}}')).toBe(
    '{"KV_GET_RSP":{"keys":{"a":2},"st":1}}',
  )
})

describe("NemesisDB 0.9's dumps", () => {
  it('can be loaded as it wrote them', async () => {
    const folder = createTestFolder()
    const place = join(folder, 'd1', '1795183137681000000')
    await mkdir(join(place, 'md'), { recursive: true })
    await mkdir(join(place, 'data'))
    const metadata = { name: 'd1', version: 2, status: 1, saveDataType: 0 }
    await writeFile(join(place, 'md', 'md.json'), JSON.stringify(metadata))
    await writeFile(join(place, 'data', '0'), '{ "keys":{"a":1,"b":[2]}}')
    const server = await startTestServer({
      nemesisPort: 0,
      nemesisCompat: '0.9',
      nemesisSaveDir: folder,
    })
    onTestFinished(() => server.close())
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('KV_LOAD', { name: 'd1' })).toMatchObject({ keys: 2, st: 141 })
    expect(await client.command('KV_GET', { keys: ['a', 'b'] })).toMatchObject({
      keys: { a: 1, b: [2] },
    })
  })

  it('are reported with 122 if writing fails after it began', async () => {
    const engine = new GatedEngine()
    const folder = createTestFolder()
    const settings = { nemesisPort: 0, nemesisCompat: '0.9', nemesisSaveDir: folder } as const
    const server = await startTestServer(settings, { open: async () => engine })
    onTestFinished(() => server.close())
    const client = await openSocket(server.nemesisUrl)
    await client.command('KV_SET', { keys: { a: 1 } })
    engine.closeGate()
    const saving = client.command('KV_SAVE', { name: 'd1' })
    await expect.poll(() => engine.waitingScans).toBe(1)
    await rm(join(folder, 'd1'), { recursive: true })
    engine.openGate()
    expect(await saving).toEqual({ st: 122, m: expect.stringMatching(/\.$/) })
  })

  it('are refused if saving is off', async () => {
    const settings = { nemesisPort: 0, nemesisCompat: '0.9', nemesisSaveDir: 'off' } as const
    const server = await startTestServer(settings)
    onTestFinished(() => server.close())
    const client = await openSocket(server.nemesisUrl)
    expect(await client.command('KV_SAVE', { name: 'd1' })).toEqual({ st: 14 })
    expect(await client.command('KV_LOAD', { name: 'd1' })).toMatchObject({ st: 142 })
    expect(await client.command('SV_INFO', {})).toMatchObject({ persistEnabled: false })
  })
})
