import { brotliCompressSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { errorTypeOf, ownerRequests, type PlainReply } from '../../support/network/plain-request.ts'
import { useTestServer, wireEngines } from '../../support/network/test-server.ts'

const types = {
  merge: 'application/merge-patch+json',
  patch: 'application/json-patch+json',
  update: 'application/vnd.coatcheck.update+json',
} as const

describe.each(wireEngines)('updates at the Apify door, on %s', (engine) => {
  const server = useTestServer({ engine })
  const ask = ownerRequests(server)
  let storeId = ''

  beforeAll(async () => {
    storeId = (await server.client().keyValueStores().getOrCreate('updates')).id
  })

  const path = (key: string): string => `/v2/key-value-stores/${storeId}/records/${key}`
  const put = (key: string, body: string | Uint8Array, headers = {}): Promise<PlainReply> =>
    ask(path(key), {
      method: 'PUT',
      body,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
  const patch = (
    key: string,
    kind: keyof typeof types,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<PlainReply> =>
    ask(path(key), {
      method: 'PATCH',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'Content-Type': types[kind], ...headers },
    })
  const stored = async (key: string): Promise<string> => (await ask(path(key))).body.toString()
  const increment = { op: 'increment' }

  it('are answered with the new value, and the ETag that GET has', async () => {
    await put('NUMBER', '9007199254740993')
    const reply = await patch('NUMBER', 'update', { op: 'increment', by: 2 })
    expect([reply.status, reply.body.toString()]).toEqual([200, '9007199254740995'])
    const read = await ask(path('NUMBER'))
    expect(read.body.toString()).toBe('9007199254740995')
    expect(reply.headers.etag).toBe(read.headers.etag)
    expect(reply.headers['content-type']).toBe(read.headers['content-type'])
  })

  it('count exactly, however many come at once', async () => {
    const all = Array.from({ length: 200 }, () => patch('MANY', 'update', increment))
    const numbers = (await Promise.all(all)).map(({ body }) => Number(body.toString()))
    expect(numbers.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, at) => at + 1),
    )
    expect(await stored('MANY')).toBe('200')
  })

  it('change what apify-client stored, which it compresses', async () => {
    const record = { text: 'long '.repeat(1_000), count: 1 }
    await server.client().keyValueStore(storeId).setRecord({ key: 'CLIENT', value: record })
    expect((await patch('CLIENT', 'merge', { count: 2 })).status).toBe(200)
    const after = await server.client().keyValueStore(storeId).getRecord('CLIENT')
    expect(after?.value).toEqual({ ...record, count: 2 })
    expect(after?.contentType).toBe('application/json; charset=utf-8')
  })

  it('take If-Match and If-None-Match', async () => {
    const tag = (await put('TAGGED', '1')).headers.etag ?? ''
    const first = await patch('TAGGED', 'update', increment, { 'If-Match': tag })
    expect(first.status).toBe(200)
    const late = await patch('TAGGED', 'update', increment, { 'If-Match': tag })
    expect([late.status, errorTypeOf(late)]).toEqual([412, 'condition-failed'])
    const made = await patch('MADE', 'update', increment, { 'If-None-Match': '*' })
    expect([made.status, made.body.toString()]).toEqual([200, '1'])
    expect((await patch('MADE', 'update', increment, { 'If-None-Match': '*' })).status).toBe(412)
  })

  it('of a JSON Patch are all made or none', async () => {
    await put('LIST', '{"a":[1,2,3]}')
    const operations = [
      { op: 'remove', path: '/a/0' },
      { op: 'test', path: '/a/0', value: 99 },
    ]
    const refused = await patch('LIST', 'patch', operations)
    expect([refused.status, errorTypeOf(refused)]).toEqual([409, 'patch-failed'])
    expect(refused.body.toString()).toContain('Operation 1 (test)')
    expect(await stored('LIST')).toBe('{"a":[1,2,3]}')
    expect((await patch('LIST', 'patch', operations.slice(0, 1))).body.toString()).toBe(
      '{"a":[2,3]}',
    )
    const missing = await patch('MISSING', 'patch', operations)
    expect([missing.status, errorTypeOf(missing)]).toEqual([404, 'record-not-found'])
  })

  it('reach any key at /record?key=', async () => {
    const url = `/v2/key-value-stores/${storeId}/record?key=${encodeURIComponent('a/😀')}`
    const asked = {
      method: 'PATCH',
      body: '{"op":"increment"}',
      headers: { 'Content-Type': types.update },
    }
    expect((await ask(url, asked)).body.toString()).toBe('1')
    const outside = await patch('a%2Fb', 'update', increment)
    expect([outside.status, errorTypeOf(outside)]).toEqual([400, 'invalid-record-key'])
  })

  it('must leave a record that the schema of its store allows', async () => {
    const schema = {
      actorKeyValueStoreSchemaVersion: 1,
      title: 'numbers',
      collections: {
        numbers: {
          title: 'numbers',
          keyPrefix: 'n-',
          contentTypes: ['application/json'],
          jsonSchema: { type: 'number', maximum: 2 },
        },
      },
    }
    const { id } = await server.client().keyValueStores().getOrCreate('strict', { schema })
    const once = (): Promise<PlainReply> =>
      ask(`/v2/key-value-stores/${id}/records/n-1`, {
        method: 'PATCH',
        body: JSON.stringify(increment),
        headers: { 'Content-Type': types.update },
      })
    expect([(await once()).status, (await once()).status]).toEqual([200, 200])
    const refused = await once()
    expect([refused.status, errorTypeOf(refused)]).toEqual([400, 'schema-validation-error'])
    expect((await ask(`/v2/key-value-stores/${id}/records/n-1`)).body.toString()).toBe('2')
  })

  describe('are refused clearly, and change nothing:', () => {
    it.each([
      ['an increment of a text', '"5"', 'update', increment, 409, 'wrong-value-type'],
      [
        'an increment of a long value',
        `"${'x'.repeat(4_194_304)}"`,
        'update',
        increment,
        409,
        'wrong-value-type',
      ],
      [
        'an increment beyond all numbers',
        '1e308',
        'update',
        '{"op":"increment","by":1.7e308}',
        409,
        'number-out-of-range',
      ],
      [
        'an append to an object',
        '{}',
        'update',
        { op: 'append', item: 1 },
        409,
        'wrong-value-type',
      ],
      ['an unknown update', '1', 'update', { op: 'double' }, 400, 'invalid-request'],
      ['a patch that is no JSON', '1', 'merge', '{', 400, 'invalid-request'],
      ['an empty body', '1', 'merge', '', 400, 'invalid-request'],
      ['a JSON Patch that is no array', '1', 'patch', {}, 400, 'invalid-request'],
    ] as const)('%s', async (_, before, kind, body, status, type) => {
      await put('REFUSED', before)
      const tag = (await ask(path('REFUSED'), { method: 'HEAD' })).headers.etag
      const reply = await patch('REFUSED', kind, body)
      expect([reply.status, errorTypeOf(reply)]).toEqual([status, type])
      expect(reply.body.length).toBeLessThan(1_000)
      expect((await ask(path('REFUSED'), { method: 'HEAD' })).headers.etag).toBe(tag)
    })

    it('an update of what is not JSON', async () => {
      for (const [type, body] of [
        ['image/png', Buffer.from([0x89, 0x50])],
        ['application/json', '{broken'],
        ['text/plain', '5'],
      ] as const) {
        await put('OTHER', body, { 'Content-Type': type })
        const reply = await patch('OTHER', 'update', increment)
        expect([reply.status, errorTypeOf(reply)], type).toEqual([409, 'wrong-value-type'])
      }
    })

    it('another content type, with a list of those that are possible', async () => {
      const asked = { method: 'PATCH', body: '{}', headers: { 'Content-Type': 'application/json' } }
      const reply = await ask(path('REFUSED'), asked)
      expect([reply.status, errorTypeOf(reply)]).toEqual([415, 'unsupported-media-type'])
      expect(reply.headers['accept-patch']).toBe(Object.values(types).join(', '))
    })

    it('an update of a value that is too long, or of too many members at once', async () => {
      await put('REFUSED', `"${'x'.repeat(4_194_304)}"`)
      const long = await patch('REFUSED', 'merge', { a: 1 })
      expect([long.status, errorTypeOf(long)]).toEqual([413, 'record-too-large'])
      await put('REFUSED', brotliCompressSync(Buffer.alloc(60_000_000, ' ')), {
        'Content-Encoding': 'br',
      })
      const bomb = await patch('REFUSED', 'merge', { a: 1 })
      expect([bomb.status, errorTypeOf(bomb)]).toEqual([413, 'record-too-large'])
      await put('REFUSED', JSON.stringify(Array.from({ length: 100_000 }, () => 0)))
      const many = await patch('REFUSED', 'patch', [{ op: 'remove', path: '/0' }])
      expect([many.status, errorTypeOf(many)]).toEqual([409, 'limit-reached'])
    })

    it('a body that is too long', async () => {
      const reply = await patch('REFUSED', 'merge', JSON.stringify('x'.repeat(10 * 2 ** 20)))
      expect([reply.status, errorTypeOf(reply)]).toEqual([413, 'request-too-large'])
    })
  })

  describe('and other writes with an Idempotency-Key', () => {
    it('are made once, and answered alike', async () => {
      const key = { 'Idempotency-Key': '"8e03978e-40d5-43e8-bc93-6894a57f9324"' }
      const [first, second] = [
        await patch('ONCE', 'update', increment, key),
        await patch('ONCE', 'update', increment, key),
      ]
      expect(second.body.toString()).toBe('1')
      expect(second.headers.etag).toBe(first.headers.etag)
      expect(first.headers['idempotency-replayed']).toBeUndefined()
      expect(second.headers['idempotency-replayed']).toBe('true')
      expect(await stored('ONCE')).toBe('1')
    })

    it('of a PUT: the first answer, although another client has written since', async () => {
      const key = { 'Idempotency-Key': 'put-1' }
      for (const body of ['short', 'long '.repeat(400_000)]) {
        const name = `PUT-${body.length}`
        const first = await put(name, body, { ...key, 'If-None-Match': '*' })
        expect(first.status).toBe(201)
        await put(name, 'of another client')
        const again = await put(name, body, { ...key, 'If-None-Match': '*' })
        expect([again.status, again.headers.etag]).toEqual([201, first.headers.etag])
        expect(again.headers['idempotency-replayed']).toBe('true')
        expect(await stored(name)).toBe('of another client')
      }
    })

    it('of a DELETE leave a new record alone', async () => {
      const headers = { 'Idempotency-Key': 'delete-1' }
      await put('GONE', '1')
      expect((await ask(path('GONE'), { method: 'DELETE', headers })).status).toBe(204)
      await put('GONE', '2')
      const again = await ask(path('GONE'), { method: 'DELETE', headers })
      expect([again.status, again.headers['idempotency-replayed']]).toEqual([204, 'true'])
      expect(await stored('GONE')).toBe('2')
    })

    it('are refused with another body, method, type or condition', async () => {
      const headers = { 'Idempotency-Key': 'reused' }
      await put('REUSED', '1', headers)
      const others = [
        await put('REUSED', '2', headers),
        await put('REUSED', '1', { ...headers, 'Content-Type': 'text/plain' }),
        await put('REUSED', '1', { ...headers, 'If-Match': '"1"' }),
        await put('REUSED', brotliCompressSync('1'), { ...headers, 'Content-Encoding': 'br' }),
        await patch('REUSED', 'update', increment, headers),
        await ask(path('REUSED'), { method: 'DELETE', headers }),
      ]
      for (const reply of others) {
        expect([reply.status, errorTypeOf(reply)]).toEqual([422, 'idempotency-key-reused'])
      }
      expect(await stored('REUSED')).toBe('1')
    })

    it.each(['', '""', 'two words', 'x'.repeat(256), 'é'])('are refused: %.20j', async (key) => {
      const reply = await put('BAD', '1', { 'Idempotency-Key': key })
      expect([reply.status, errorTypeOf(reply)]).toEqual([400, 'invalid-request'])
    })

    it('of a PATCH whose long value is replaced since: only the ETag', async () => {
      const headers = { 'Idempotency-Key': 'long' }
      const change = { text: 'x'.repeat(10_000) }
      const first = await patch('LONG', 'merge', change, headers)
      const same = await patch('LONG', 'merge', change, headers)
      expect([same.status, same.body.toString()]).toEqual([200, first.body.toString()])
      await put('LONG', '{}')
      const later = await patch('LONG', 'merge', change, headers)
      expect([later.status, later.body.length]).toEqual([204, 0])
      expect(later.headers.etag).toBe(first.headers.etag)
      expect(await stored('LONG')).toBe('{}')
    })
  })
})
