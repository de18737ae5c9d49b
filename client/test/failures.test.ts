import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { CuttingProxy } from '../../server/test/support/network/cutting-proxy.ts'
import { CoatcheckClient, type CoatcheckStore } from '../src/index.ts'
import { startHostileServer, startTcpServer } from './hostile-server.ts'
import { useCoatcheck } from './http-support.ts'

describe('a connection that is cut', () => {
  const { server, client, newStore } = useCoatcheck()
  let proxy: CuttingProxy
  let store: CoatcheckStore
  /** The idempotency keys of the requests that came to the proxy. */
  let keys: string[]

  beforeEach(async () => {
    proxy = await CuttingProxy.start(Number(new URL(server().url).port))
    const { id } = await (await newStore()).info()
    store = client({ url: `http://127.0.0.1:${proxy.port}` }).store(id)
    keys = []
  })
  afterEach(() => proxy.stop())

  /** Cuts the first `count` connections that a request with this method comes over. */
  function cut(method: string, count: number, where: 'before' | 'after'): void {
    let left = count
    proxy.cutAt = (sent) => {
      const text = sent.toString('latin1')
      if (!text.startsWith(method)) return 'no'
      keys.push(/idempotency-key: (\S+)/i.exec(text)?.[1] ?? '')
      left -= 1
      return left < 0 ? 'no' : where
    }
  }

  it.each(['before', 'after'] as const)(
    '%s the server has the request costs nothing',
    async (where) => {
      cut('PUT', 2, where)
      const { revision } = await store.put('k', { n: 1 })
      expect(await store.get('k')).toMatchObject({ value: { n: 1 }, revision })
      expect(keys).toHaveLength(3)
      expect(new Set(keys).size).toBe(1)
      expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
      await store.put('k', 2)
      expect(new Set(keys).size).toBe(2)
    },
  )

  it('repeats reads too, which have no such key', async () => {
    await store.put('k', 'here')
    cut('GET', 3, 'after')
    expect(await store.getText('k')).toBe('here')
    expect(keys).toEqual(['', '', '', ''])
  })

  it('is an error after all attempts, and the outcome of a write is unknown', async () => {
    cut('PUT', 100, 'before')
    const { id } = await store.info()
    const impatient = client({ url: `http://127.0.0.1:${proxy.port}`, retries: 1 }).store(id)
    await expect(impatient.put('k', 1)).rejects.toMatchObject({
      name: 'CoatcheckError',
      type: 'connection-failed',
      status: 0,
      isRetryable: true,
      outcome: 'unknown',
    })
    expect(keys).toHaveLength(2)
  })

  it('ends an upload of a stream, which can be sent only once', async () => {
    cut('PUT', 1, 'before')
    const upload = store.put('k', ReadableStream.from([new Uint8Array(10)]))
    await expect(upload).rejects.toMatchObject({ type: 'connection-failed' })
    expect(keys).toHaveLength(1)
  })

  it('makes no second store', async () => {
    cut('POST', 1, 'after')
    const { stores } = client({ url: `http://127.0.0.1:${proxy.port}` })
    await expect(stores.create({ name: 'cut' })).rejects.toMatchObject({ outcome: 'unknown' })
    expect(keys).toHaveLength(1)
    cut('POST', 1, 'after')
    const { name } = await (await stores.getOrCreate('cut')).info()
    expect(name).toBe('cut')
    cut('DELETE', 1, 'after')
    await stores.delete('cut')
    expect(await stores.get('cut')).toBeUndefined()
  })

  it('keeps the key that the program gives', async () => {
    cut('PUT', 1, 'before')
    await store.put('k', 1, { idempotencyKey: 'order-17' })
    expect(keys).toEqual(['order-17', 'order-17'])
  })
})

describe('a server that can not serve now', () => {
  /** Answers each request by the next function of the list, and the last one from then on. */
  async function clientOf(
    ...answers: ((request: IncomingMessage) => [number, string, Record<string, string>?])[]
  ) {
    const asked: IncomingMessage[] = []
    const url = await startHostileServer((request, response) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]
      asked.push(request)
      request.resume().on('end', () => {
        const [status, body, headers = {}] = answer?.(request) ?? [500, '']
        response.writeHead(status, headers).end(body)
      })
    })
    return { asked, store: new CoatcheckClient({ url }).store('s') }
  }
  const busy = (status: number, headers?: Record<string, string>) => () =>
    [status, '{"error":{"type":"service-unavailable","message":"Busy."}}', headers] as [
      number,
      string,
      Record<string, string>?,
    ]
  const fine = () => [201, '{}', { ETag: '"7"' }] as [number, string, Record<string, string>]

  it.each([429, 502, 503, 504])('with %i is asked again', async (status) => {
    const { asked, store } = await clientOf(busy(status), busy(status), fine)
    expect(await store.put('k', 1)).toEqual({ revision: 7, etag: '"7"', isReplayed: false })
    const keys = asked.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
  })

  it('is asked no earlier than it says', async () => {
    const { store } = await clientOf(busy(503, { 'Retry-After': '1' }), fine)
    const began = performance.now()
    await store.put('k', 1)
    expect(performance.now() - began).toBeGreaterThan(990)
    const date = new Date(Date.now() + 3_000).toUTCString()
    const late = await clientOf(busy(503, { 'Retry-After': date }), fine)
    const from = Date.now()
    await late.store.put('k', 1)
    expect(Date.now()).toBeGreaterThanOrEqual(Math.min(Date.parse(date), from + 1_900))
  })

  it('is not asked again if it wants a minute', async () => {
    const { asked, store } = await clientOf(busy(429, { 'Retry-After': '60' }), fine)
    await expect(store.put('k', 1)).rejects.toMatchObject({ status: 429, retryAfterMs: 60_000 })
    expect(asked).toHaveLength(1)
  })

  it.each([400, 401, 403, 404, 409, 412, 413, 422, 500, 501, 507])(
    'with %i is not asked again',
    async (status) => {
      const { asked, store } = await clientOf(busy(status), fine)
      await expect(store.put('k', 1)).rejects.toMatchObject({ status, message: 'Busy.' })
      expect(asked).toHaveLength(1)
    },
  )

  it('stops waiting by a signal', async () => {
    const { store } = await clientOf(busy(503, { 'Retry-After': '20' }))
    const stopping = new AbortController()
    const put = store.put('k', 1, { signal: stopping.signal })
    setTimeout(() => stopping.abort(new Error('stopped')), 50)
    await expect(put).rejects.toThrow('stopped')
    const already = store.put('k', 1, { signal: AbortSignal.abort(new Error('early')) })
    await expect(already).rejects.toThrow('early')
  })
})

describe('a server that never ends', () => {
  const quick = { timeoutMs: 300, retries: 0 }
  const timeout = { type: 'timeout', status: 0, outcome: 'unknown', isRetryable: true }

  it('gets a timeout if it does not answer', async () => {
    const port = await startTcpServer((socket) => void socket.resume())
    const store = new CoatcheckClient({ url: `http://127.0.0.1:${port}`, ...quick }).store('s')
    await expect(store.get('k')).rejects.toMatchObject(timeout)
    await expect(store.put('k', 'v')).rejects.toMatchObject(timeout)
    await expect(store.keys().next()).rejects.toMatchObject(timeout)
    const own = new CoatcheckClient({ url: `http://127.0.0.1:${port}`, retries: 0 }).store('s')
    await expect(own.get('k', { timeoutMs: 200 })).rejects.toMatchObject(timeout)
  })

  it('gets a timeout if it takes no upload', async () => {
    const port = await startTcpServer((socket) => void socket.pause())
    const store = new CoatcheckClient({ url: `http://127.0.0.1:${port}`, ...quick }).store('s')
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => {
        cancelled = true
      },
    })
    await expect(store.put('k', endless)).rejects.toMatchObject(timeout)
    await expect.poll(() => cancelled).toBe(true)
  })

  it('does not pay for a source that is slow', async () => {
    let size = 0
    const url = await startHostileServer((request, response) => {
      request.on('data', (part) => {
        size += part.length
      })
      request.on('end', () => response.writeHead(201, { ETag: '"1"' }).end('{}'))
    })
    const slow = new ReadableStream<Uint8Array>({
      start: (controller) => {
        setTimeout(() => controller.enqueue(new Uint8Array(5)), 50)
        setTimeout(() => controller.enqueue(new Uint8Array(5)), 700)
        setTimeout(() => controller.close(), 1_400)
      },
    })
    await new CoatcheckClient({ url, ...quick }).store('s').put('k', slow)
    expect(size).toBe(10)
  })

  it.each<[string, number]>([
    ['stops in the middle of its answer', 0],
    ['sends a byte now and then', 100],
  ])('gets a timeout if it %s', async (_, everyMs) => {
    const url = await startHostileServer((_request, response) => {
      response.writeHead(200, { ETag: '"1"', 'Content-Type': 'text/plain' })
      response.write('begun')
      if (everyMs === 0) return
      const timer = setInterval(() => response.write('x'), everyMs)
      response.on('close', () => clearInterval(timer))
    })
    const store = new CoatcheckClient({ url, ...quick }).store('s')
    await expect(store.getText('k')).rejects.toMatchObject(timeout)
    const found = await store.stream('k')
    await expect(Array.fromAsync(found?.body ?? [])).rejects.toMatchObject(timeout)
  })

  it('sends no more than the caller takes', async () => {
    let open = 0
    const url = await startHostileServer((_request, response) => {
      open += 1
      response.on('close', () => {
        open -= 1
      })
      response.writeHead(200, { ETag: '"1"', 'Content-Type': 'application/json' })
      const more = (): void => {
        while (!response.destroyed && response.write('[1,'.repeat(10_000)));
      }
      response.on('drain', more)
      more()
    })
    const store = new CoatcheckClient({ url }).store('s')
    const large = store.get('k', { maxBytes: 1_000_000 })
    await expect(large).rejects.toMatchObject({ type: 'answer-too-large', isRetryable: false })
    await expect(store.getBytes('k')).rejects.toThrow('more than 67108864 bytes')
    await expect(store.put('k', 1)).rejects.toMatchObject({ type: 'answer-too-large' })
    // The connections are closed, not left to drain.
    await expect.poll(() => open).toBe(0)
  })

  it('ends by a signal, also while the body comes', async () => {
    const url = await startHostileServer((_request, response) => {
      response.writeHead(200, { ETag: '"1"', 'Content-Type': 'text/plain' })
      response.write('begun')
    })
    const store = new CoatcheckClient({ url }).store('s')
    const stopping = new AbortController()
    const { signal } = stopping
    const whole = store.getText('k', { signal })
    const found = await store.stream('k', { signal })
    const reader = found?.body.getReader()
    expect((await reader?.read())?.value).toHaveLength(5)
    const next = reader?.read()
    // A reason of this class must not look like a failure of the network.
    stopping.abort(new TypeError('mine'))
    await expect(whole).rejects.toThrow('mine')
    await expect(next).rejects.toThrow('mine')
  })

  it('leaves no listener on a signal that lives long', async () => {
    const url = await startHostileServer((_request, response) => {
      response.writeHead(200, { ETag: '"1"', 'Content-Type': 'text/plain' }).end('x')
    })
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => {
        listeners += 1
        add(...args)
      },
      removeEventListener: (...args: Parameters<typeof remove>) => {
        listeners -= 1
        remove(...args)
      },
    })
    const store = new CoatcheckClient({ url }).store('s')
    for (let round = 0; round < 10; round += 1) await store.get('k', { signal })
    expect(listeners).toBe(0)
  })
})

describe('an answer that is not from Coatcheck', () => {
  it.each<[string, number, Record<string, string>, string]>([
    ['a page', 200, { 'Content-Type': 'text/html' }, '<html>login'],
    ['an ETag without a revision', 200, { ETag: '"abc"' }, '{}'],
    ['a redirect', 302, { Location: 'http://127.0.0.1:9/' }, ''],
    ['a page of errors', 418, { 'Content-Type': 'text/html' }, '<html>'],
    ['an error that is none', 400, {}, '{"error":5}'],
    ['nothing', 400, {}, ''],
    ['a long error', 400, {}, `{"error":{"type":"x","message":"${'x'.repeat(100_000)}"}}`],
  ])('is not understood: %s', async (_, status, headers, body) => {
    let asked = 0
    const url = await startHostileServer((_request, response) => {
      asked += 1
      response.writeHead(status, headers).end(body)
    })
    onTestFinished(() => expect(asked).toBe(1))
    const got = new CoatcheckClient({ url }).store('s').get('k')
    await expect(got).rejects.toMatchObject({ type: 'answer-not-understood', status })
  })

  it('may be what a proxy makes of an ETag', async () => {
    const url = await startHostileServer((_request, response) => {
      response.writeHead(200, { ETag: 'W/"12-gzip"', 'Content-Type': 'text/json' }).end('[5]')
    })
    const found = await new CoatcheckClient({ url }).store('s').get('k')
    expect(found).toMatchObject({ revision: 12, value: [5] })
  })

  it('may come from a function in place of fetch, which knows no signals', async () => {
    const never = new CoatcheckClient({
      url: 'http://nowhere.test',
      fetch: () => new Promise(() => undefined),
      timeoutMs: 50,
      retries: 1,
    })
    await expect(never.store('s').get('k')).rejects.toMatchObject({ type: 'timeout' })
  })
})
