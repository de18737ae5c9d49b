import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { CuttingProxy } from '../../server/test/support/network/cutting-proxy.ts'
import { startTestServer } from '../../server/test/support/network/test-server.ts'
import { type ConnectionEvent, type ConnectOptions, NemesisClient } from '../src/index.ts'
import { startTcpServer } from './hostile-server.ts'
import { startScriptedServer } from './scripted-server.ts'
import { useNemesis } from './support.ts'

describe.each([
  ['the WebSocket of Node', undefined],
  ['that of ws', WebSocket],
] as const)('a silent link under NemesisClient over %s', (_, implementation) => {
  const { server } = useNemesis()
  const silenceMs = 400

  async function throughProxy(options: ConnectOptions) {
    const proxy = await CuttingProxy.start(Number(new URL(server().nemesisUrl).port))
    const events: ConnectionEvent[] = []
    const client = await NemesisClient.connect(`ws://127.0.0.1:${proxy.port}`, {
      ...options,
      ...(implementation && { WebSocket: implementation }),
      silenceMs,
      onConnection: (event) => events.push(event),
    })
    onTestFinished(async () => {
      await client.close()
      await proxy.stop()
    })
    return { proxy, events, client, session: await client.createSession('test') }
  }

  it('is noticed: what waits is unknown, and a new connection is made', async () => {
    const { proxy, events, session } = await throughProxy({ reconnect: true })
    await session.set({ a: 1 })
    proxy.cutAt = () => 'held'
    const lost = session.count()
    await expect(lost).rejects.toMatchObject({ outcome: 'unknown' })
    await expect(lost).rejects.toThrow('sends nothing any more')
    proxy.cutAt = () => 'no'
    expect(await session.getOne('a')).toBe(1)
    expect(events.map(({ kind }) => kind)).toEqual(['open', 'lost', 'open'])
    expect(events[1]).toMatchObject({ willReconnect: true })
  })

  it('is noticed while nothing waits, and ends a client that does not reconnect', async () => {
    const { proxy, events, session } = await throughProxy({})
    proxy.cutAt = () => 'held'
    await expect.poll(() => events.map(({ kind }) => kind)).toEqual(['open', 'lost'])
    expect(events[1]).toMatchObject({ willReconnect: false })
    await expect(session.count()).rejects.toMatchObject({ outcome: 'not-sent' })
  })

  it('is told from one that is only idle', async () => {
    const { events, session } = await throughProxy({})
    await new Promise((resolve) => setTimeout(resolve, silenceMs * 4))
    expect(await session.count()).toBe(0)
    expect(events.map(({ kind }) => kind)).toEqual(['open'])
  })

  it('keeps a client open no longer than it must', async () => {
    const { proxy, events, client } = await throughProxy({})
    proxy.cutAt = () => 'held'
    await client.close()
    expect(events.at(-1)).toEqual({ kind: 'closed' })
  })
})

describe('a command of NemesisClient', () => {
  const { connect } = useNemesis()

  it('has a timeout, after which its answer disturbs nobody', async () => {
    const answers: (() => void)[] = []
    const url = await startScriptedServer((message, socket) => {
      const [, name] = /^\{"(\w+)"/.exec(message) ?? []
      answers.push(() => socket.send(`{"${name}_RSP":{"st":1,"cnt":${answers.length}}}`))
    })
    const client = await NemesisClient.connect(url, { commandTimeoutMs: 200 })
    const late = client.session(1n).count()
    await expect(late).rejects.toMatchObject({ name: 'NemesisConnectionError', outcome: 'unknown' })
    const next = client.session(1n).count()
    await expect.poll(() => answers.length).toBe(2)
    for (const answer of answers) answer()
    expect(await next).toBe(2)
    const closing = client.close()
    await expect.poll(() => answers.length).toBe(3)
    answers[2]?.()
    await closing
  })

  it('has a timeout also while it waits for the connection: then it was not sent', async () => {
    const first = await startTestServer({ nemesisPort: 0 })
    const url = first.nemesisUrl
    const client = await NemesisClient.connect(url, { reconnect: true, commandTimeoutMs: 200 })
    await first.close()
    await expect(client.infoAll()).rejects.toMatchObject({ outcome: 'not-sent' })
    const second = await startTestServer({ nemesisPort: Number(new URL(url).port) })
    onTestFinished(() => second.close())
    await expect.poll(() => client.infoAll().catch(() => 0)).toEqual({ sessions: 0, keys: 0 })
    await client.close()
  })

  it('is refused if too many wait', async () => {
    const url = await startScriptedServer(() => undefined)
    const told: unknown[] = []
    const client = await NemesisClient.connect(url, {
      waitingMax: 3,
      commandTimeoutMs: 300,
      silenceMs: 1_000,
      onQuietError: (error) => told.push(error),
    })
    const waiting = Array.from({ length: 4 }, () => client.infoAll())
    await expect(waiting[3]).rejects.toMatchObject({ outcome: 'not-sent' })
    await expect(waiting[3]).rejects.toThrow('3 commands wait already')
    expect(() => client.session(1n).setQuietly({ a: 1 })).toThrow('wait already')
    for (const command of waiting.slice(0, 3)) {
      await expect(command).rejects.toMatchObject({ outcome: 'unknown' })
    }
    // Those whose time is over still wait for their place in the order of answers.
    await expect(client.infoAll()).rejects.toMatchObject({ outcome: 'not-sent' })
    await client.close()
  })

  it('is refused if too much waits to be sent', async () => {
    const first = await startTestServer({ nemesisPort: 0 })
    const client = await NemesisClient.connect(first.nemesisUrl, {
      reconnect: true,
      unsentMax: 1_000,
    })
    await first.close()
    const session = client.session(1n)
    session.setQuietly({ a: 'x'.repeat(2_000) })
    expect(() => session.setQuietly({ a: 1 })).toThrow('wait to be sent')
    await expect(session.count()).rejects.toMatchObject({ outcome: 'not-sent' })
    await client.close()
  })

  it('takes a string as one key, not as its letters', async () => {
    const session = await (await connect()).createSession('test')
    await session.set({ a: 1, b: 2, c: 3, abc: 4 })
    expect(await session.remove('abc')).toEqual(new Map([['abc', true]]))
    expect(await session.get('a')).toEqual(new Map([['a', 1]]))
    expect(await session.contains('ab')).toEqual(new Map([['ab', false]]))
    expect(await session.find({ path: '$[?@ > 0]', result: 'keys', keys: 'a' })).toEqual([])
    expect(await session.count()).toBe(3)
    const client = await connect()
    expect(await client.exists('123')).toEqual(new Map([[123n, false]]))
  })
})

describe('a connection of NemesisClient', () => {
  it('is closed at the end of a block', async () => {
    const server = await startTestServer({ nemesisPort: 0 })
    onTestFinished(() => server.close())
    const events: ConnectionEvent['kind'][] = []
    let kept: NemesisClient
    {
      await using client = await NemesisClient.connect(server.nemesisUrl, {
        onConnection: ({ kind }) => events.push(kind),
      })
      kept = client
      expect(await client.infoAll()).toEqual({ sessions: 0, keys: 0 })
    }
    expect(events).toEqual(['open', 'closed'])
    await expect(kept.infoAll()).rejects.toMatchObject({ outcome: 'not-sent' })
  })

  it('is tried again at first, if the caller wants that', async () => {
    const gone = await startTestServer({ nemesisPort: 0 })
    await gone.close()
    const events: ConnectionEvent['kind'][] = []
    const once = NemesisClient.connect(gone.nemesisUrl, {
      connectRetries: 1,
      onConnection: ({ kind }) => events.push(kind),
    })
    await expect(once).rejects.toThrow('Likely causes: no server is running')
    expect(events).toEqual(['failed'])
    const patient = NemesisClient.connect(gone.nemesisUrl, { connectRetries: Infinity })
    const server = await startTestServer({ nemesisPort: Number(new URL(gone.nemesisUrl).port) })
    onTestFinished(() => server.close())
    await (await patient).close()
    const stopping = new AbortController()
    const stopped = NemesisClient.connect('ws://127.0.0.1:9', {
      connectRetries: Infinity,
      signal: stopping.signal,
    })
    stopping.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
  })

  it('has a timeout while it is made', async () => {
    const port = await startTcpServer((socket) => void socket.resume())
    for (const options of [{}, { WebSocket }]) {
      const mute = NemesisClient.connect(`ws://127.0.0.1:${port}`, {
        ...options,
        connectTimeoutMs: 100,
      })
      await expect(mute).rejects.toThrow('did not answer within 100 ms. Likely causes')
    }
  })
})
