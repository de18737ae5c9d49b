import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { brotliBomb } from '../../support/network/bomb.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const bombBytes = 100_000_000

describe('bodies that differ from their headers', () => {
  const { server, storeId, client } = useTestStore()

  const storePath = (): string => `/v2/key-value-stores/${storeId()}`
  const recordPath = (key: string): string => `${storePath()}/records/${key}`

  function send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { Authorization: `Bearer ${server.token()}`, ...init.headers }
    return fetch(`${server.url()}${path}`, { ...init, headers })
  }

  function putJson(
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const json = { 'Content-Type': 'application/json', ...headers }
    return send(storePath(), { method: 'PUT', body, headers: json })
  }

  it.each(['br', 'gzip', 'deflate'])(
    'keeps a body that is not %s, and reports it to clients that cannot decode it',
    async (name) => {
      const headers = { 'Content-Encoding': name, 'Content-Type': 'application/json' }
      for (const body of ['{"a":1}', '', '\u001f\u008b\b']) {
        const put = await send(recordPath('LIE'), { method: 'PUT', body, headers })
        expect(put.status).toBe(201)
        const asked = { headers: { 'Accept-Encoding': 'identity' } }
        expect(await answerOf(send(recordPath('LIE'), asked)), body).toEqual([
          422,
          'invalid-content-encoding',
        ])
        const head = await send(recordPath('LIE'), { method: 'HEAD' })
        expect(head.status).toBe(200)
      }
    },
  )

  it.each([
    ['br', brotliCompressSync],
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('detects a %s body that is cut short', async (name, encode) => {
    const whole = encode(Buffer.from('whole '.repeat(100)))
    const body = new Uint8Array(whole.subarray(0, whole.length - 5))
    await send(recordPath('CUT'), { method: 'PUT', body, headers: { 'Content-Encoding': name } })
    const asked = send(recordPath('CUT'), { headers: { 'Accept-Encoding': 'identity' } })
    expect(await answerOf(asked)).toEqual([422, 'invalid-content-encoding'])
  })

  it('refuses to decode a bomb, and returns it encoded to clients that decode it', async () => {
    const bomb = gzipSync(Buffer.alloc(bombBytes))
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' }
    await send(recordPath('BOMB'), { method: 'PUT', body: new Uint8Array(bomb), headers })
    const asked = { headers: { 'Accept-Encoding': 'identity' } }
    expect(await answerOf(send(recordPath('BOMB'), asked))).toEqual([413, 'record-too-large'])
    expect((await readAll(await send(recordPath('BOMB')))).count).toBe(bombBytes)
  })

  it('breaks off the reply when it finds a cut value late, logs why, and still serves', async () => {
    const large = gzipSync(randomBytes(3_000_000))
    const values = { HALF: large.subarray(0, 2_000_000) }
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' }
    for (const [key, value] of Object.entries(values)) {
      await send(recordPath(key), { method: 'PUT', body: new Uint8Array(value), headers })
      const logged = server.logged().length
      const asked = { headers: { 'Accept-Encoding': 'identity' } }
      const { count, isBroken } = await readAll(await send(recordPath(key), asked))
      expect(isBroken, key).toBe(true)
      expect(count, key).toBeLessThan(70_000_000)
      expect(server.logged().slice(logged), key).toEqual([
        [expect.stringContaining(`records/${key}`), expect.any(Error)],
      ])
    }
    expect((await send(recordPath('NONE'))).status).toBe(404)
  }, 60_000)

  it.each(['bla', 'zstd', 'gzip, br', 'br,gzip', 'gzip;q=1', 'x-br'])(
    'accepts neither JSON nor records with the encoding %s',
    async (encoding) => {
      const headers = { 'Content-Encoding': encoding }
      const message = `Content-Encoding "${encoding}" is not supported.`
      const put = await send(recordPath('ODD'), { method: 'PUT', body: 'x', headers })
      for (const response of [put, await putJson('{}', headers)]) {
        expect([response.status, await response.json()]).toEqual([
          415,
          { error: { type: 'unsupported-content-encoding', message } },
        ])
      }
    },
  )

  it.each([
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['identity', (text: string) => Buffer.from(text)],
  ])('accepts JSON with the encoding %s', async (encoding, encode) => {
    const title = `as ${encoding}`
    const body = new Uint8Array(encode(JSON.stringify({ title })))
    const response = await putJson(body, { 'Content-Encoding': encoding })
    expect([response.status, await response.json()]).toMatchObject([200, { data: { title } }])
  })

  it('refuses JSON with a wrong Content-Encoding, and JSON bombs', async () => {
    for (const encoding of ['br', 'gzip', 'deflate']) {
      const lie = putJson('{"title":"lie"}', { 'Content-Encoding': encoding })
      expect(await answerOf(lie), encoding).toEqual([400, 'invalid-request'])
    }
    const bomb = brotliBomb(20_000_000)
    const exploded = putJson(bomb, { 'Content-Encoding': 'br' })
    expect(await answerOf(exploded)).toEqual([413, 'request-too-large'])
  })

  it.each([
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from('{"title":"x"}', 'utf16le')],
    ['two values', Buffer.from('{} {}')],
    ['a comment', Buffer.from('{/* why */}')],
    ['a string', Buffer.from('"title"')],
    ['nesting that is deep and never closed', Buffer.from('{"a":'.repeat(200_000))],
  ])('refuses JSON that is %s', async (_, body) => {
    const refused = putJson(new Uint8Array(body))
    expect(await answerOf(refused)).toEqual([400, 'invalid-request'])
  })

  it('refuses a deeply nested title, and ignores a deeply nested unknown field', async () => {
    const deep = `{"title":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(await answerOf(putJson(deep))).toEqual([400, 'invalid-value'])
    const ignored = await putJson(`{"other":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
    expect(ignored.status).toBe(200)
  })

  it.each([
    ['PUT of a store', 'PUT', () => storePath()],
    ['POST of stores', 'POST', () => '/v2/key-value-stores?name=too-large'],
  ])(
    'reports the limit and the size of a body that is too large, at %s',
    async (_, method, path) => {
      const body = `{"title":"${'x'.repeat(9_437_184)}"}`
      const headers = { 'Content-Type': 'application/json' }
      const response = await send(path(), { method, body, headers })
      const message = `The POST payload is too large (limit: 9437184 bytes, actual length: ${body.length} bytes).`
      expect([response.status, await response.json()]).toEqual([
        413,
        { error: { type: 'request-too-large', message } },
      ])
      expect(await server.client().keyValueStore('~too-large').get()).toBeUndefined()
    },
  )

  it('reports both also for a body without a declared length', async () => {
    const body = new Blob(['{"title":"', 'x'.repeat(10_000_000), '"}']).stream()
    const init = {
      method: 'PUT',
      body,
      duplex: 'half',
      headers: { 'Content-Type': 'application/json' },
    }
    const response = await send(storePath(), init as RequestInit)
    const { error } = JSON.parse(await response.text())
    expect([response.status, error.type]).toEqual([413, 'request-too-large'])
    const [, actual] = /limit: 9437184 bytes, actual length: (\d+) bytes/.exec(error.message) ?? []
    expect(Number(actual)).toBeGreaterThan(9_437_184)
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'text/json',
    '',
  ])('accepts JSON only with its content type, and refuses %j', async (contentType) => {
    const body = new Blob(['{"title":"not taken"}'])
    const headers: Record<string, string> =
      contentType === '' ? {} : { 'Content-Type': contentType }
    for (const [method, path] of [
      ['PUT', storePath()],
      ['POST', '/v2/key-value-stores?name=not-made'],
    ] as const) {
      const refused = send(path, { method, body, headers })
      expect(await answerOf(refused), method).toEqual([415, 'invalid-content-type-header'])
    }
    expect(await server.client().keyValueStore('~not-made').get()).toBeUndefined()
    expect((await client().get())?.title).not.toBe('not taken')
  })

  it('refuses a name in the body of a new store, which takes its name from the query', async () => {
    const before = (await server.client().keyValueStores().list({ unnamed: true })).total
    const headers = { 'Content-Type': 'application/json' }
    const made = send('/v2/key-value-stores', { method: 'POST', body: '{"name":"x"}', headers })
    expect(await answerOf(made)).toEqual([400, 'invalid-value'])
    const after = (await server.client().keyValueStores().list({ unnamed: true })).total
    expect(after).toBe(before)
  })

  it('ignores the content type of an empty body', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const made = await send('/v2/key-value-stores?name=made', { method: 'POST', headers })
    expect(made.status).toBe(201)
  })

  it('logged nothing else', () => {
    expect(server.logged()).toHaveLength(1)
  })
})

async function answerOf(reply: Promise<Response>): Promise<[number, string]> {
  const response = await reply
  return [response.status, JSON.parse(await response.text()).error.type]
}

async function readAll(response: Response): Promise<{ count: number; isBroken: boolean }> {
  let count = 0
  try {
    for await (const part of response.body ?? []) count += part.length
    return { count, isBroken: false }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return { count, isBroken: true }
  }
}
