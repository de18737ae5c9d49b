import { describe, expect, it } from 'vitest'
import { NemesisSession } from '../../support/network/nemesis-session.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

describe.each(wireEngines)('updates at the NemesisDB door, on %s', (engine) => {
  const server = useTestServer({ engine, nemesisPort: 0 })
  const open = (): Promise<NemesisSession> => NemesisSession.open(server.nemesisUrl())

  it('KV_INC adds to a number, exactly', async () => {
    const session = await open()
    const { token: tkn } = session
    expect(await session.command('KV_INC', { key: 'visits' })).toEqual({
      tkn,
      st: 1,
      key: 'visits',
      val: 1,
      rev: expect.any(Number),
    })
    await session.askRaw('KV_SET', '"keys":{"big":9007199254740993}')
    const text = await session.askRaw('KV_INC', '"key":"big","by":18446744073709551615')
    expect(text).toContain('"val":18455751272964292608,')
    expect(await session.askRaw('KV_GET', '"keys":["big"]')).toContain('18455751272964292608')
  })

  it('KV_INC of many connections at once loses nothing', async () => {
    const session = await open()
    const others = await Promise.all([open(), open()])
    const all = [session, ...others].flatMap(({ client }) =>
      Array.from({ length: 50 }, () => client.command('KV_INC', { tkn: session.token, key: 'n' })),
    )
    const values = (await Promise.all(all)).map(({ val }) => Number(val))
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, at) => at + 1))
  })

  it('KV_INC with idem counts once', async () => {
    const session = await open()
    const first = await session.command('KV_INC', { key: 'n', idem: 'a' })
    expect(await session.command('KV_INC', { key: 'n', idem: 'a' })).toEqual(first)
    expect(await session.command('KV_INC', { key: 'n', idem: 'a', by: 2 })).toMatchObject({
      st: 1000,
    })
    expect(await session.command('KV_INC', { key: 'n', idem: 'b' })).toMatchObject({ val: 2 })
  })

  it.each([
    [{ key: 'text' }, 41],
    [{ key: 'n', by: '1' }, 41],
    [{ by: 1 }, 26],
    [{ key: 1 }, 41],
    [{ key: 'x'.repeat(2_401) }, 42],
    [{ key: 'n', idem: '' }, 42],
  ])('KV_INC refuses %.60j with status %i', async (parameters, st) => {
    const session = await open()
    await session.command('KV_SET', { keys: { text: '5' } })
    expect(await session.command('KV_INC', parameters)).toMatchObject({ st })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 1 })
  })

  it('KV_SET with if writes only over the expected revision', async () => {
    const session = await open()
    const set = (value: unknown, more: object): Promise<unknown> =>
      session.command('KV_SET', { keys: { k: value }, ...more })
    const { token: tkn } = session
    const made = await session.command('KV_SET', { keys: { k: 1 }, if: 0 })
    expect(made).toEqual({ tkn, keys: { k: 20 }, rev: expect.any(Number) })
    expect(await set(9, { if: 0 })).toEqual({ tkn, keys: { k: 23 } })
    const revs = { k: made.rev }
    const read = await session.command('KV_GET', { keys: ['k', 'none'], rev: true })
    expect(read).toEqual({ tkn, keys: { k: 1, none: null }, revs })
    expect(await set(2, { if: made.rev })).toMatchObject({ keys: { k: 21 } })
    expect(await set(9, { if: made.rev })).toEqual({ tkn, keys: { k: 23 } })
    await session.command('KV_RMV', { keys: ['k'] })
    expect(await set(9, { if: made.rev })).toEqual({ tkn, keys: { k: 22 } })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
  })

  it.each([
    [{ keys: { k: 1 }, if: -1 }, 41],
    [{ keys: { k: 1 }, if: '1' }, 41],
    [{ keys: { k: 1 }, if: 1.5 }, 41],
    [{ keys: { k: 1, l: 2 }, if: 1 }, 42],
    [{ keys: {}, if: 1 }, 42],
  ])('KV_SET refuses %j with status %i', async (parameters, st) => {
    const session = await open()
    expect(await session.command('KV_SET', parameters)).toMatchObject({ st })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 0 })
  })

  it('KV_UPDATE and KV_INC of one value at once lose nothing', async () => {
    const session = await open()
    await session.command('KV_SET', { keys: { o: { a: 0, b: 0 }, n: 0 } })
    const all = Array.from({ length: 40 }, (_, at) => [
      session.command('KV_UPDATE', { key: 'o', path: at % 2 ? '$.a' : '$.b', value: at }),
      session.command('KV_INC', { key: 'n' }),
    ])
    await Promise.all(all.flat())
    expect(await session.command('KV_GET', { keys: ['o', 'n'] })).toMatchObject({
      keys: { o: { a: 39, b: 38 }, n: 40 },
    })
  })
})
