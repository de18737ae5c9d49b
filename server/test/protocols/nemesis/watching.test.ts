import { describe, expect, it } from 'vitest'
import { type Body, NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import { useTestServer } from '../../support/network/test-server.ts'

describe('watching at the NemesisDB door', () => {
  const server = useTestServer({ nemesisPort: 0 })

  const open = (): Promise<NemesisSession> => NemesisSession.open(server.nemesisUrl())

  /** Another connection with the same session. */
  async function other({ token }: NemesisSession): Promise<NemesisSession> {
    return new NemesisSession(await openSocket(server.nemesisUrl()), token)
  }

  async function change({ client }: NemesisSession): Promise<Body> {
    return JSON.parse(await client.receive()).KV_CHANGE
  }

  const set = (session: NemesisSession, keys: Body): Promise<Body> =>
    session.command('KV_SET', { keys })

  it('tells of changes of any connection, with their values', async () => {
    const watching = await open()
    const { st, watch, rev } = await watching.command('KV_WATCH')
    expect([st, watch, Number(rev) > 0]).toEqual([1, 1, true])
    const writing = await other(watching)
    await set(writing, { a: { list: [1, 2] } })
    const put = await change(watching)
    const tkn = watching.token
    expect(put).toEqual({
      tkn,
      watch: 1,
      key: 'a',
      kind: 'put',
      rev: put.rev,
      val: { list: [1, 2] },
    })
    await writing.command('KV_RMV', { keys: ['a'] })
    expect(await change(watching)).toMatchObject({ key: 'a', kind: 'delete' })
    await writing.command('KV_CLEAR')
    expect(await change(watching)).toMatchObject({ kind: 'clear' })
    await writing.command('SH_END')
    expect(await change(watching)).toMatchObject({ watch: 1, kind: 'drop' })
    expect(await watching.command('KV_UNWATCH', { watch: 1 })).toMatchObject({ st: 100 })
  })

  it('goes on after a revision, and says which changes of a commit follow', async () => {
    const session = await open()
    const { rev } = await session.command('KV_WATCH')
    await session.command('KV_UNWATCH', { watch: 1 })
    await set(session, { a: 1, b: 2 })
    expect(await session.command('KV_WATCH', { after: rev })).toMatchObject({ watch: 2, rev })
    const [a, b] = [await change(session), await change(session)]
    expect([a, b]).toMatchObject([
      { key: 'a', more: true, rev: b.rev },
      { key: 'b', val: 2 },
    ])
    expect(b).not.toHaveProperty('more')
  })

  it('tells only of a prefix, and without values if they are not wanted', async () => {
    const session = await open()
    await session.command('KV_WATCH', { prefix: 'a/', vals: false })
    await set(await other(session), { b: 1 })
    await set(await other(session), { 'a/1': 1 })
    const told = await change(session)
    expect(told).toMatchObject({ key: 'a/1', kind: 'put' })
    expect(told).not.toHaveProperty('val')
  })

  it('ends with KV_UNWATCH', async () => {
    const session = await open()
    await session.command('KV_WATCH')
    expect(await session.command('KV_UNWATCH', { watch: 1 })).toEqual({ tkn: session.token, st: 1 })
    expect(await session.command('KV_UNWATCH', { watch: 1 })).toMatchObject({ st: 22 })
    await set(await other(session), { a: 1 })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 1 })
  })

  it('begins again where the log knows nothing of the revision', async () => {
    const session = await open()
    await session.command('KV_WATCH', { after: 9_007_199_254_740_000 })
    expect(await change(session)).toMatchObject({ watch: 1, kind: 'reset' })
  })

  it('refuses wrong parameters, unknown sessions and the 101st watch', async () => {
    const session = await open()
    expect(await session.command('KV_WATCH', { after: -1 })).toMatchObject({ st: 41, m: 'after' })
    expect(await session.command('KV_WATCH', { after: 'x' })).toMatchObject({ st: 41 })
    expect(await session.command('KV_WATCH', { prefix: 1 })).toMatchObject({ st: 41 })
    expect(await session.client.command('KV_WATCH', { tkn: 1 })).toMatchObject({ st: 100 })
    expect(await session.command('KV_UNWATCH')).toMatchObject({ st: 26 })
    for (let watch = 1; watch <= 100; watch += 1) {
      expect(await session.command('KV_WATCH')).toMatchObject({ st: 1, watch })
    }
    expect(await session.command('KV_WATCH')).toMatchObject({ st: 42 })
    await session.command('KV_UNWATCH', { watch: 50 })
    expect(await session.command('KV_WATCH')).toMatchObject({ st: 1, watch: 101 })
  })

  it('shows a hundred watches of one connection the same changes', async () => {
    const session = await open()
    for (let watch = 1; watch <= 100; watch += 1) await session.command('KV_WATCH')
    await set(await other(session), { a: 1 })
    const told = new Set<unknown>()
    for (let count = 0; count < 100; count += 1) told.add((await change(session)).watch)
    expect(told.size).toBe(100)
  })

  it('holds little for a client that does not read, while another one is served', async () => {
    const deaf = await open()
    for (let watch = 1; watch <= 50; watch += 1) await deaf.command('KV_WATCH')
    deaf.client.socket.pause()
    const healthy = await other(deaf)
    await healthy.command('KV_WATCH')
    const writing = await other(deaf)
    const before = process.memoryUsage().rss
    for (let round = 0; round < 200; round += 1) {
      const keys = Object.fromEntries(
        Array.from({ length: 20 }, (_, at) => [`k${at}`, `${round}-${'x'.repeat(4_000)}`]),
      )
      await set(writing, keys)
    }
    await set(writing, { end: 1 })
    for (let told = await change(healthy); told.key !== 'end'; told = await change(healthy));
    // All watches' changes would be 800 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20)
  })
})
