import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { NemesisClient, NemesisError } from '../src/index.ts'
import { useNemesis } from './support.ts'

const long = 12728784288890246945n

describe.each([
  ['the WebSocket of Node', undefined],
  ['that of ws', WebSocket],
] as const)('a session of NemesisClient over %s', (_, implementation) => {
  const { connect } = useNemesis()
  const open = async () => {
    const client = await connect(implementation ? { WebSocket: implementation } : {})
    return client.createSession('test')
  }

  it('stores values and tells which were there', async () => {
    const session = await open()
    expect(await session.set({ a: 1, b: 'two' })).toEqual(
      new Map([
        ['a', 'set'],
        ['b', 'set'],
      ]),
    )
    expect(await session.set(new Map([['a', 3]]))).toEqual(new Map([['a', 'updated']]))
    expect(
      await session.add([
        ['a', 4],
        ['c', null],
      ]),
    ).toEqual(
      new Map([
        ['a', 'exists'],
        ['c', 'set'],
      ]),
    )
    expect(await session.get(['b', 'a'])).toEqual(
      new Map<string, unknown>([
        ['b', 'two'],
        ['a', 3],
      ]),
    )
  })

  it('gives undefined for a missing key and for null, which contains tells apart', async () => {
    const session = await open()
    await session.set({ nothing: null, deep: [null] })
    expect([...(await session.get(['nothing', 'nowhere', 'deep']))]).toEqual([
      ['nothing', undefined],
      ['nowhere', undefined],
      ['deep', [null]],
    ])
    expect([...(await session.contains(['nothing', 'nowhere']))]).toEqual([
      ['nothing', true],
      ['nowhere', false],
    ])
    expect(await session.getOne('nowhere')).toBeUndefined()
    expect([...(await session.get([]))]).toEqual([])
  })

  it('keeps every digit of long integers', async () => {
    const session = await open()
    await session.set({ n: long, deep: { list: [-long, 5n, 1.5] } })
    expect(await session.getOne('n')).toBe(long)
    expect(await session.getOne('deep')).toEqual({ list: [-long, 5, 1.5] })
    expect(await session.getOne('n', { raw: true })).toBe(String(long))
  })

  it('takes and gives values as JSON text', async () => {
    const session = await open()
    await session.set({ a: '{ "b": 1.00 }', nothing: 'null' }, { raw: true })
    const found = await session.get(['a', 'nothing'], { raw: true })
    expect(found.get('a')?.replaceAll(' ', '')).toBe('{"b":1.00}')
    expect(found.get('nothing')).toBeUndefined()
    await expect(session.set({ a: '1},"b":{' }, { raw: true })).rejects.toThrow(SyntaxError)
    await expect(session.set({ a: undefined })).rejects.toThrow(TypeError)
    expect(await session.count()).toBe(2)
  })

  it('has keys of any name, in the order that was asked for', async () => {
    const session = await open()
    const keys = ['tkn', '10', '9', '', '__proto__', 'st', 'm', 'keys', 'ключ 😀', 'a"\\\n']
    await session.set(keys.map((key, index) => [key, index] as const))
    expect([...(await session.get(keys))]).toEqual(keys.map((key, index) => [key, index] as const))
    expect(new Set(await session.keys())).toEqual(new Set(keys))
    expect([...(await session.remove([...keys, 'nowhere']))]).toEqual([
      ...keys.map((key) => [key, true]),
      ['nowhere', false],
    ])
    expect([...(await session.remove(['st', 'tkn']))]).toEqual([
      ['st', false],
      ['tkn', false],
    ])
  })

  it('counts, clears and replaces', async () => {
    const session = await open()
    await session.set({ a: 1, b: 2 })
    expect(await session.clearAndSet({ c: 3 })).toBe(2)
    expect(await session.keys()).toEqual(['c'])
    expect(await session.clear()).toBe(1)
    expect(await session.count()).toBe(0)
  })

  it('finds and changes parts of values', async () => {
    const session = await open()
    await session.set({ x: { items: [{ price: 5 }, { price: 2 }], id: long }, y: { items: [] } })
    const path = '$.items[?@.price > 4]'
    expect(await session.find({ path, result: 'keys' })).toEqual(['x'])
    expect(await session.find({ path, result: 'paths' })).toEqual(["$['items'][0]"])
    const values = await session.find({ path, result: 'values', keys: ['x', 'y'] })
    expect([...values]).toEqual([['x', { items: [{ price: 5 }, { price: 2 }], id: long }]])
    expect(await session.update('x', '$.items[*].price', 7n)).toBe(2)
    expect(await session.update('x', '$.id', '1.50', { raw: true })).toBe(1)
    const text = await session.find({ path: '$.id', result: 'values', raw: true })
    expect(text.get('x')).toBe('{"items":[{"price":7},{"price":7}],"id":1.50}')
    expect(await session.update('x', '$.nowhere', 1)).toBe(0)
    expect(await session.update('nowhere', '$', 1)).toBeUndefined()
    await expect(session.find({ path: 'bad', result: 'keys' })).rejects.toMatchObject({
      statusName: 'PathInvalid',
    })
  })

  it('ends', async () => {
    const session = await open()
    await session.end()
    await expect(session.getOne('a')).rejects.toMatchObject({
      name: 'NemesisError',
      status: 100,
      statusName: 'SessionNotExist',
      command: 'KV_GET',
      token: session.token,
      message: 'KV_GET: SessionNotExist (100)',
    } satisfies Partial<NemesisError>)
    await expect(session.remove(['st'])).rejects.toMatchObject({ status: 100 })
    await expect(session.set({ a: 1 })).rejects.toMatchObject({ status: 100 })
    await expect(session.info()).rejects.toMatchObject({ status: 100 })
  })
})

describe('sessions of NemesisClient', () => {
  const { connect } = useNemesis()

  it('are shared by name and by token, whose digits all count', async () => {
    const client = await connect()
    const shared = await client.createSession('shared1', { shared: true })
    // As a number it would be 15992824868599950000.
    expect(shared.token).toBe(15992824868599950585n)
    await shared.set({ a: 1 })
    const other = await connect()
    expect(await (await other.openSession('shared1')).getOne('a')).toBe(1)
    expect(await other.session(shared.token).getOne('a')).toBe(1)
    expect(await other.session('15992824868599950585').getOne('a')).toBe(1)
    const again = client.createSession('shared1', { shared: true })
    await expect(again).rejects.toMatchObject({ status: 103, token: shared.token })
    await expect(client.openSession('none')).rejects.toMatchObject({ status: 102 })
  })

  it('are never named by a number', async () => {
    const client = await connect()
    const number: unknown = 5
    expect(() => client.session(number as bigint)).toThrow(TypeError)
    expect(() => client.session('5.0')).toThrow(TypeError)
    expect(() => client.session(2n ** 64n)).toThrow(RangeError)
    expect(() => client.session(-1n)).toThrow(RangeError)
    await expect(client.exists([number as bigint])).rejects.toThrow(TypeError)
  })

  it('describe themselves', async () => {
    const client = await connect()
    const expiry = { seconds: 60, deleteSession: true }
    const session = await client.createSession('short', { expiry })
    await session.set({ a: 1 })
    const info = await session.info()
    expect(info).toMatchObject({ token: session.token, isShared: false, keyCount: 1 })
    expect(info.expiry).toMatchObject(expiry)
    expect(info.expiry?.remainingSeconds).toBeGreaterThan(0)
    const forever = await client.createSession('shared2', { shared: true })
    expect(await forever.info()).toEqual({
      token: forever.token,
      isShared: true,
      keyCount: 0,
      expiry: undefined,
    })
  })

  it('are counted, looked for and ended together', async () => {
    const client = await connect()
    await client.endAllSessions()
    const [one, two] = [await client.createSession('one'), await client.createSession('two')]
    await one.set({ a: 1, b: 2 })
    expect(await client.infoAll()).toEqual({ sessions: 2, keys: 2 })
    expect([...(await client.exists([two.token, 1n, String(one.token)]))]).toEqual([
      [two.token, true],
      [1n, false],
      [one.token, true],
    ])
    expect(await client.endAllSessions()).toBe(2)
    expect(await client.infoAll()).toEqual({ sessions: 0, keys: 0 })
  })

  it('are saved and loaded, and commands meanwhile get their own answers', async () => {
    const client = await connect()
    await client.endAllSessions()
    const session = await client.createSession('kept', { shared: true })
    await session.set({ a: 1 })
    const [saved, count] = await Promise.all([
      client.save('dump', [session.token]),
      session.count(),
    ])
    expect([saved.name, count]).toEqual(['dump', 1])
    expect(saved.durationMs).toBeGreaterThanOrEqual(0)
    await session.end()
    expect([...(await client.load(['dump']))]).toEqual([
      ['dump', { sessions: 1, keys: 1, status: 141, statusName: 'LoadComplete', message: '' }],
    ])
    expect(await session.getOne('a')).toBe(1)
    expect((await client.load(['dump'])).get('dump')?.statusName).toBe('LoadDuplicate')
    await expect(client.load(['st'])).rejects.toMatchObject({ status: 142 })
    expect([...(await client.load([]))]).toEqual([])
    await expect(client.save('')).rejects.toMatchObject({ status: 42 })
  })

  it('get no information about a server that follows 0.4', async () => {
    const client = await connect()
    await expect(client.serverInfo()).rejects.toMatchObject({ statusName: 'CommandNotExist' })
  })
})

describe('NemesisClient at a server that follows 0.9', () => {
  const { connect } = useNemesis({ nemesisCompat: '0.9' })

  it('gets information about the server, and has sessions', async () => {
    const client: NemesisClient = await connect()
    expect(await client.serverInfo()).toEqual({ serverVersion: '0.9', persistEnabled: true })
    const session = await client.createSession('s')
    await session.set({ a: 1 })
    expect(await session.getOne('a')).toBe(1)
  })
})
