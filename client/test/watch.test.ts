import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { CuttingProxy } from '../../server/test/support/network/cutting-proxy.ts'
import { startTestServer } from '../../server/test/support/network/test-server.ts'
import { type Change, CoatcheckClient, type CoatcheckStore } from '../src/index.ts'
import { startHostileServer } from './hostile-server.ts'
import { useCoatcheck } from './http-support.ts'

describe('a watcher of CoatcheckStore', () => {
  const { server, client, newStore } = useCoatcheck()

  it('sees each change from now on, with short values', async () => {
    const store = await newStore()
    await store.put('before', 1)
    const watch = store.watch()
    const ready = await next(watch)
    expect(ready).toEqual({ kind: 'ready', revision: expect.any(Number) })
    const { revision } = await store.put('a/😀', { id: 9007199254740993n })
    expect(await next(watch)).toEqual({
      kind: 'put',
      key: 'a/😀',
      revision,
      contentType: 'application/json; charset=utf-8',
      value: { id: 9007199254740993n },
      text: '{"id":9007199254740993}',
      door: 'apify',
    })
    await store.put('text', 'no JSON')
    expect(await next(watch)).toMatchObject({ key: 'text', value: undefined, text: undefined })
    await store.delete('text')
    expect(await next(watch)).toMatchObject({ kind: 'delete', key: 'text' })
    await watch.return()
  })

  it('sees only keys with the prefix, and no values if it wants none', async () => {
    const store = await newStore()
    const watch = store.watch({ prefix: 'p/', values: false })
    await next(watch)
    await store.put('other', 1)
    await store.put('p/1', 1)
    expect(await next(watch)).toMatchObject({ kind: 'put', key: 'p/1', value: undefined })
    await watch.return()
  })

  it('is told who made a change, if it asks', async () => {
    const store = await newStore()
    const { username } = Object(await client().api('GET', '/coatcheck/v1/me'))
    const watch = store.watch({ who: true })
    await next(watch)
    await store.put('a', 1)
    expect(await next(watch)).toMatchObject({ kind: 'put', door: 'apify', username })
    await store.delete('a')
    expect(await next(watch)).toMatchObject({ kind: 'delete', username })
    await watch.return()
  })

  it('goes on behind a revision', async () => {
    const store = await newStore()
    const { revision } = await store.put('a', 1)
    await store.put('b', 2)
    const watch = store.watch({ after: revision })
    expect(await next(watch)).toEqual({ kind: 'ready', revision })
    expect(await next(watch)).toMatchObject({ key: 'b', value: 2 })
    await watch.return()
  })

  it('ends after the store is dropped, by a signal, and when the caller leaves', async () => {
    const store = await newStore()
    const stopping = new AbortController()
    const stopped = Array.fromAsync(store.watch({ signal: stopping.signal }))
    stopped.catch(() => undefined)
    const whole = Array.fromAsync(store.watch())
    for await (const change of store.watch()) {
      expect(change.kind).toBe('ready')
      break
    }
    stopping.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
    const { id } = await store.info()
    const watch = store.watch()
    await next(watch)
    await client().stores.delete(id)
    expect(await next(watch)).toMatchObject({ kind: 'drop' })
    expect((await watch.next()).done).toBe(true)
    expect((await whole).map(({ kind }) => kind)).toEqual(['ready', 'drop'])
  })

  it('is refused without the right, and ends with it', async () => {
    const store = await newStore()
    const { id } = await store.info()
    const wrong = client({ token: 'coatcheck_wrong', retries: 0 }).store(id).watch()
    await expect(next(wrong)).rejects.toMatchObject({ status: 401 })
    await expect(next(client().store('none').watch())).rejects.toMatchObject({ status: 404 })
    const made = await client().api('POST', '/coatcheck/v1/tokens', {
      body: { name: 'w', action: 'read' },
    })
    const { token, id: tokenId } = Object(made)
    const watch = client({ token }).store(id).watch()
    await next(watch)
    await client().api('DELETE', `/coatcheck/v1/tokens/${tokenId}`)
    await expect(next(watch)).rejects.toMatchObject({ name: 'CoatcheckError', outcome: 'not-done' })
  })

  describe('over a connection that is cut', () => {
    let proxy: CuttingProxy
    beforeEach(async () => {
      proxy = await CuttingProxy.start(Number(new URL(server().url).port))
    })
    afterEach(() => proxy.stop())

    it('sees the last value of every key, and never goes back', async () => {
      const store = await newStore()
      const { id } = await store.info()
      const writes = 600
      const watch = client({ url: `http://127.0.0.1:${proxy.port}` })
        .store(id)
        .watch()
      await next(watch)
      const written = (async () => {
        for (let index = 0; index < writes; index += 1) {
          await store.put(`k${index % 50}`, index)
          if (index % 120 === 60) await restart()
        }
        await store.put('last', true)
      })()
      const seen = new Map<string, unknown>()
      let revision = 0
      for await (const change of watch) {
        expect(change.revision).toBeGreaterThan(revision)
        revision = change.revision
        if (change.kind !== 'put') continue
        if (change.key === 'last') break
        seen.set(change.key, change.value)
      }
      await written
      const stored = await Array.fromAsync(store.entries({ prefix: 'k' }))
      expect(seen).toEqual(new Map(stored.map(({ key, value }) => [key, value])))
      expect(seen.size).toBe(50)
    })

    /** Ends all connections of the proxy, and lets new ones come over the same port. */
    async function restart(): Promise<void> {
      const { port } = proxy
      await proxy.stop()
      proxy = await CuttingProxy.start(Number(new URL(server().url).port), port)
    }
  })

  it('notices a connection that is silent', async () => {
    const proxy = await CuttingProxy.start(Number(new URL(server().url).port))
    onTestFinished(() => proxy.stop())
    const store = await newStore()
    const { id } = await store.info()
    const through = client({ url: `http://127.0.0.1:${proxy.port}` }).store(id)
    const watch = through.watch({ silenceMs: 300 })
    await next(watch)
    // No heart beat comes within the 300 ms, so it connects again and again, and misses nothing.
    const change = next(watch)
    setTimeout(() => void store.put('k', 1), 1_500)
    expect(await change).toMatchObject({ key: 'k', value: 1 })
    await watch.return()
  })

  it('goes on at a server that was started again', async () => {
    const first = await startTestServer()
    const store = await storeAt(first)
    const watch = store.watch()
    await next(watch)
    const change = next(watch)
    await first.close()
    // This one has other data: the store is gone, and that ends the watching.
    const second = await startTestServer({ port: Number(new URL(first.url).port) })
    onTestFinished(() => second.close())
    await expect(change).rejects.toMatchObject({ name: 'CoatcheckError' })
  })
})

describe('a stream of events', () => {
  /** The changes that a watcher takes from these streams, one connection after the other. */
  async function seen(
    ...streams: string[]
  ): Promise<{ changes: Change[]; asked: (string | undefined)[] }> {
    const asked: (string | undefined)[] = []
    const url = await startHostileServer((request, response) => {
      const id = request.headers['last-event-id']
      const stream = streams[asked.length] ?? event('change', { kind: 'drop', revision: 1_000 })
      asked.push(typeof id === 'string' ? id : undefined)
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(stream)
    })
    const changes = await Array.fromAsync(new CoatcheckClient({ url }).store('s').watch())
    return { changes, asked }
  }
  const put = (key: string, revision: number) => event('change', { kind: 'put', key, revision })

  it('is continued where it broke, within a commit too', async () => {
    const { changes, asked } = await seen(
      `retry: 1\n\n${event('ready', { revision: 5 })}${put('a', 6)}${put('b', 7)}`,
      `${event('ready', { revision: 6 })}${put('b', 7)}${put('c', 7)}`,
    )
    expect(changes.map((one) => ('key' in one ? `${one.key} ${one.revision}` : one.kind))).toEqual([
      'ready',
      'a 6',
      'b 7',
      'c 7',
      'drop',
    ])
    expect(asked).toEqual([undefined, '6', '6'])
  })

  it('may be cut into pieces anywhere, and never goes back', async () => {
    const stream = `${event('ready', { revision: 5 })}${put('a', 9)}${put('b', 8)}${put('😀', 10)}`
    const bytes = Buffer.from(stream.replaceAll('\n', '\r\n'))
    const url = await startHostileServer(async (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
      for (const byte of bytes) {
        response.write(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
      response.end(event('change', { kind: 'expire', revision: 11 }))
    })
    const changes = await Array.fromAsync(new CoatcheckClient({ url }).store('s').watch())
    expect(changes.map((one) => ('key' in one ? one.key : one.kind))).toEqual([
      'ready',
      'a',
      '😀',
      'expire',
    ])
  })

  it('begins anew after a reset', async () => {
    const { changes, asked } = await seen(
      `retry: 1\n\n${event('ready', { revision: 50 })}${event('reset', { revision: 20 })}${put('a', 21)}`,
    )
    expect(changes.map(({ kind, revision }) => [kind, revision])).toEqual([
      ['ready', 50],
      ['reset', 20],
      ['put', 21],
      ['drop', 1_000],
    ])
    expect(asked).toEqual([undefined, '20'])
  })

  it.each<[string, string, string]>([
    ['no JSON', 'event: change\ndata: {"kind"\n\n', 'answer-not-understood'],
    ['no revision', event('change', { kind: 'put', key: 'a' }), 'answer-not-understood'],
    ['no key', event('change', { kind: 'put', revision: 5 }), 'answer-not-understood'],
    ['a line without an end', `data: ${'x'.repeat(1_100_000)}`, 'answer-too-large'],
    ['an event without an end', 'data: x\n'.repeat(140_000), 'answer-too-large'],
    [
      'the end of the right',
      event('end', { type: 'insufficient-permissions', message: 'Over.' }),
      'insufficient-permissions',
    ],
  ])('is not followed any further after %s', async (_, stream, type) => {
    const reading = seen(event('ready', { revision: 1 }) + stream)
    await expect(reading).rejects.toMatchObject({ name: 'CoatcheckError', type })
  })

  it('may have events and fields that this client does not know', async () => {
    const { changes } = await seen(
      `:hello\nretry: x\nfield\nid: 5\n\n${event('news', { revision: 3 })}${event('change', { kind: 'new', revision: 3 })}${event('ready', { revision: 5 })}${event('change', { kind: 'drop', revision: 6 })}`,
    )
    expect(changes.map(({ kind }) => kind)).toEqual(['ready', 'drop'])
  })

  it('is nothing else', async () => {
    const url = await startHostileServer((_request, response) => void response.end('{}'))
    const watch = new CoatcheckClient({ url }).store('s').watch()
    await expect(next(watch)).rejects.toMatchObject({ type: 'answer-not-understood' })
  })
})

async function next(watch: AsyncGenerator<Change, void, undefined>): Promise<Change | undefined> {
  const { value } = await watch.next()
  return value ?? undefined
}

async function storeAt({ url, token }: { url: string; token: string }): Promise<CoatcheckStore> {
  return new CoatcheckClient({ url, token }).stores.create()
}

function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
