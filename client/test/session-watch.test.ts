import { describe, expect, it, onTestFinished } from 'vitest'
import { CuttingProxy } from '../../server/test/support/network/cutting-proxy.ts'
import { type Change, NemesisClient } from '../src/index.ts'
import { startScriptedServer } from './scripted-server.ts'
import { useNemesis } from './support.ts'

describe('a watcher of NemesisSession', () => {
  const { connect, server } = useNemesis()

  it('sees each change, until the session ends', async () => {
    const session = await (await connect()).createSession('test')
    const watch = session.watch({ prefix: 'p/' })
    expect(await next(watch)).toEqual({ kind: 'ready', revision: expect.any(Number) })
    await session.set({ other: 1, 'p/a': 9007199254740993n })
    expect(await next(watch)).toMatchObject({
      kind: 'put',
      key: 'p/a',
      value: 9007199254740993n,
      text: '9007199254740993',
    })
    await session.remove('p/a')
    expect(await next(watch)).toMatchObject({ kind: 'delete', key: 'p/a' })
    await session.end()
    expect(await next(watch)).toMatchObject({ kind: 'drop' })
    expect((await watch.next()).done).toBe(true)
  })

  it('ends by a signal, and when the caller leaves', async () => {
    const client = await connect()
    const session = await client.createSession('test')
    const stopping = new AbortController()
    const watch = session.watch({ signal: stopping.signal })
    await next(watch)
    const change = next(watch)
    stopping.abort(new Error('enough'))
    await expect(change).rejects.toThrow('enough')
    // 100 watches are allowed on a connection: those that ended do not count.
    for (let round = 0; round < 150; round += 1) {
      for await (const { kind } of session.watch()) {
        expect(kind).toBe('ready')
        break
      }
    }
    await client.flush()
  })

  it('goes on over the next connection, and misses nothing', async () => {
    const session = await (await connect()).createSession('test')
    const target = Number(new URL(server().nemesisUrl).port)
    const first = await CuttingProxy.start(target)
    const client = await NemesisClient.connect(`ws://127.0.0.1:${first.port}`, { reconnect: true })
    const watch = client.session(session.token).watch()
    await next(watch)
    const { port } = first
    const change = next(watch)
    await first.stop()
    await session.set({ meanwhile: 1 })
    const second = await CuttingProxy.start(target, port)
    onTestFinished(async () => {
      await client.close()
      await second.stop()
    })
    expect(await change).toMatchObject({ key: 'meanwhile', value: 1 })
    await watch.return()
  })

  it('ends with a connection that is not made again', async () => {
    const client = await connect()
    const watch = (await client.createSession('test')).watch()
    await next(watch)
    const change = next(watch)
    await client.close()
    await expect(change).rejects.toMatchObject({ name: 'NemesisConnectionError' })
    await expect(next(client.session(1n).watch())).rejects.toMatchObject({ outcome: 'not-sent' })
  })

  it('is refused for a session that is not there', async () => {
    const watch = (await connect()).session(7n).watch()
    await expect(next(watch)).rejects.toMatchObject({ statusName: 'SessionNotExist' })
  })

  it('drops what its reader does not take, and then asks for it again', async () => {
    let watches = 0
    const asked: string[] = []
    const url = await startScriptedServer((message, socket) => {
      if (message.includes('KV_UNWATCH')) socket.send('{"KV_UNWATCH_RSP":{"tkn":1,"st":1}}')
      if (message.includes('SH_EXISTS')) socket.send('{"SH_EXISTS_RSP":{"st":1,"tkns":{}}}')
      if (!message.includes('"KV_WATCH"')) return
      watches += 1
      asked.push(/"after":(\d+)/.exec(message)?.[1] ?? '')
      socket.send(`{"KV_WATCH_RSP":{"tkn":1,"st":1,"watch":${watches},"rev":5}}`)
      const count = watches === 1 ? 12_000 : 1
      for (let index = 0; index < count; index += 1) {
        const revision = (watches === 1 ? 6 : 20_000) + index
        socket.send(
          `{"KV_CHANGE":{"tkn":1,"watch":${watches},"key":"k","kind":"put","rev":${revision}}}`,
        )
      }
    })
    const client = await NemesisClient.connect(url)
    const watch = client.session(1n).watch()
    const revisions: number[] = [(await next(watch))?.revision ?? 0]
    await client.flush()
    for (let index = 0; index < 10_001; index += 1)
      revisions.push((await next(watch))?.revision ?? 0)
    expect(revisions.slice(0, 3)).toEqual([5, 6, 7])
    expect(revisions.at(-1)).toBe(20_000)
    expect(asked).toEqual(['', '10004'])
    await watch.return()
    await client.close()
  })

  it('ends with the right to read', async () => {
    const url = await startScriptedServer((message, socket) => {
      if (!message.includes('"KV_WATCH"')) return
      socket.send('{"KV_WATCH_RSP":{"tkn":1,"st":1,"watch":4,"rev":5}}')
      socket.send('{"KV_CHANGE":{"tkn":1,"watch":4,"kind":"reset","rev":9}}')
      socket.send('{"KV_CHANGE":{"tkn":1,"watch":4,"kind":"end","m":"revoked"}}')
    })
    const watch = (await NemesisClient.connect(url)).session(1n).watch()
    expect([await next(watch), await next(watch)]).toEqual([
      { kind: 'ready', revision: 5 },
      { kind: 'reset', revision: 9 },
    ])
    await expect(next(watch)).rejects.toThrow('revoked')
  })
})

async function next(watch: AsyncGenerator<Change, void, undefined>): Promise<Change | undefined> {
  return (await watch.next()).value ?? undefined
}
