import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { startTestServer } from '../../server/test/support/network/test-server.ts'
import { NemesisClient, type NemesisConnectionError, type NemesisError } from '../src/index.ts'
import { startScriptedServer } from './scripted-server.ts'
import { useNemesis } from './support.ts'

describe('a connection of NemesisClient', () => {
  const { connect, server } = useNemesis()

  it('takes an API token', async () => {
    const url = `${server().url.replace('http', 'ws')}/nemesis`
    const client = await NemesisClient.connect(url, { token: server().token })
    expect(await client.infoAll()).toEqual({ sessions: 0, keys: 0 })
    await client.close()
    const wrong = NemesisClient.connect(new URL(url), { token: 'coatcheck_wrong' })
    await expect(wrong).rejects.toMatchObject({
      name: 'NemesisConnectionError',
      outcome: 'not-sent',
      message: expect.stringContaining(`No connection to ${url}: `),
    })
    await expect(wrong).rejects.not.toThrow('coatcheck_wrong')
  })

  it('is refused where nobody listens', async () => {
    const gone = await startTestServer({ nemesisPort: 0 })
    await gone.close()
    for (const options of [{}, { reconnect: true }, { WebSocket }]) {
      const refused = NemesisClient.connect(gone.nemesisUrl, options)
      await expect(refused).rejects.toMatchObject({ name: 'NemesisConnectionError' })
    }
    await expect(NemesisClient.connect('no address')).rejects.toThrow(TypeError)
  })

  it('names the cause of a refusal if the WebSocket tells its status', async () => {
    const url = `${server().url.replace('http', 'ws')}`
    const causeAt = async (path: string, token?: string): Promise<string> => {
      const options = token === undefined ? { WebSocket } : { WebSocket, token }
      const refused = await NemesisClient.connect(url + path, options).catch(
        (error) => error.message,
      )
      return refused
    }
    expect(await causeAt('/nemesis', 'wrong')).toMatch(
      /401\. Likely cause: the API token is missing/,
    )
    expect(await causeAt('/elsewhere')).toMatch(/404\. Likely cause: .* the path is \/nemesis\.$/)
  })

  it('names the status of a refusal that has no usual cause, such as that of a proxy', async () => {
    const proxy = createHttpServer((_, response) => void response.writeHead(502).end())
    onTestFinished(() => void proxy.close())
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const address = proxy.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const refused = NemesisClient.connect(`ws://127.0.0.1:${port}/nemesis`, { WebSocket })
    await expect(refused).rejects.toThrow(
      /502\. The server, or a proxy in front of it, refused the connection with status 502\.$/,
    )
  })

  it('is stopped by a signal', async () => {
    const url = await startMute()
    const early = NemesisClient.connect(url, { signal: AbortSignal.abort(new Error('early')) })
    await expect(early).rejects.toThrow('early')
    for (const options of [{}, { WebSocket }]) {
      const controller = new AbortController()
      const late = NemesisClient.connect(url, { ...options, signal: controller.signal })
      controller.abort(new Error('late'))
      await expect(late).rejects.toThrow('late')
    }
  })

  it('ignores a signal once it is open', async () => {
    const controller = new AbortController()
    const client = await connect({ signal: controller.signal })
    controller.abort()
    expect(await client.exists([])).toEqual(new Map())
  })

  it('is closed after the commands in flight, and refuses later ones', async () => {
    const told: unknown[] = []
    const client = await connect({ onQuietError: (error) => told.push(error) })
    const session = await client.createSession('test')
    const set = session.set({ a: 1 })
    client.session(7n).setQuietly({ a: 1 })
    const closing = client.close()
    expect(client.close()).toBe(closing)
    await expect(session.count()).rejects.toMatchObject({ outcome: 'not-sent' })
    await closing
    expect(await set).toEqual(new Map([['a', 'set']]))
    expect(told).toMatchObject([{ status: 100 }])
  })

  it('ends with a server that stops', async () => {
    const stopping = await startTestServer({ nemesisPort: 0 })
    const client = await NemesisClient.connect(stopping.nemesisUrl)
    await stopping.close()
    await expect(client.infoAll()).rejects.toMatchObject({ outcome: 'not-sent' })
    await client.close()
  })
})

describe('a connection of NemesisClient that is made again', () => {
  it('lets commands wait for it, in their order', async () => {
    const first = await startTestServer({ nemesisPort: 0 })
    const nemesisPort = Number(new URL(first.nemesisUrl).port)
    const client = await NemesisClient.connect(first.nemesisUrl, { reconnect: true })
    await first.close()
    const waiting = client.createSession('shared1', { shared: true })
    client.session(15992824868599950585n).setQuietly({ a: 1 })
    const count = client.session(15992824868599950585n).count()
    const second = await startTestServer({ nemesisPort })
    onTestFinished(() => second.close())
    expect((await waiting).token).toBe(15992824868599950585n)
    expect(await count).toBe(1)
    await client.close()
  })

  it('rejects commands in flight, and tells of quiet commands that may be lost', async () => {
    const told: (NemesisError | NemesisConnectionError)[] = []
    let connections = 0
    const url = await startScriptedServer((message, socket) => {
      if (message.includes('KV_COUNT')) {
        connections += 1
        socket.terminate()
      } else socket.send('{"SH_EXISTS_RSP":{"st":1}}')
    })
    const client = await NemesisClient.connect(url, {
      reconnect: true,
      onQuietError: (error) => told.push(error),
    })
    const session = client.session(1n)
    for (const round of [1, 2]) {
      session.setQuietly({ a: 1 })
      await expect(session.count()).rejects.toMatchObject({ outcome: 'unknown' })
      expect(told).toMatchObject(Array(round).fill({ outcome: 'unknown' }))
      await client.flush()
      expect(connections).toBe(round)
    }
    await client.close()
  })

  it('rejects waiting commands when the client is closed', async () => {
    const first = await startTestServer({ nemesisPort: 0 })
    const told: (NemesisError | NemesisConnectionError)[] = []
    const client = await NemesisClient.connect(first.nemesisUrl, {
      reconnect: true,
      onQuietError: (error) => told.push(error),
    })
    await first.close()
    const waiting = client.infoAll()
    client.session(1n).setQuietly({ a: 1 })
    await client.close()
    await expect(waiting).rejects.toMatchObject({ outcome: 'not-sent' })
    expect(told).toMatchObject([{ outcome: 'not-sent' }])
    await expect(client.infoAll()).rejects.toMatchObject({ outcome: 'not-sent' })
  })
})

describe('a server that sends what it should not', () => {
  it.each([
    ['the answer to something else', '{"KV_KEYS_RSP":{"st":1}}'],
    ['an answer that nobody waits for', '{"SH_INFO_ALL_RSP":{"st":1}}'],
    ['no JSON', 'hello'],
    ['half an answer', '{"KV_COUNT_RSP":{"st":1'],
    ['an answer without a body', '{"KV_COUNT_RSP":5}'],
    ['nothing', ''],
    ['bytes', Buffer.from('{"KV_COUNT_RSP":{"st":1,"cnt":1}}')],
  ])('loses the connection by %s', async (_, answer) => {
    const url = await startScriptedServer((__, socket) => socket.send(answer))
    const client = await NemesisClient.connect(url)
    const count = client.session(1n).count()
    await expect(count).rejects.toMatchObject({ outcome: 'unknown' })
    await expect(client.infoAll()).rejects.toMatchObject({ outcome: 'not-sent' })
    await client.close()
  })

  it('may leave out the end of a name, as NemesisDB 0.4 does', async () => {
    const url = await startScriptedServer((message, socket) => {
      if (message.startsWith('{"KV_COUNT"')) {
        socket.send('{"KV_COUNT":{"st":101,"tkn":null,"m":""}}')
      } else socket.send('{"SH_EXISTS_RSP":{"st":1}}')
    })
    const client = await NemesisClient.connect(url)
    await expect(client.session(1n).count()).rejects.toMatchObject({ status: 101 })
    await client.close()
  })

  it('may have statuses that this client does not know', async () => {
    const url = await startScriptedServer((message, socket) => {
      const [, command] = /^\{"(\w+)"/.exec(message) ?? []
      socket.send(`{"${command}_RSP":{"st":77,"tkn":5,"m":"why"}}`)
    })
    const client = await NemesisClient.connect(url)
    await expect(client.session(5n).set({ a: 1 })).rejects.toMatchObject({
      statusName: 'Status77',
      token: 5n,
      message: 'KV_SET: Status77 (77): why',
    })
    await client.close()
  })
})

/** Accepts connections and sends nothing. */
async function startMute(): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
}
