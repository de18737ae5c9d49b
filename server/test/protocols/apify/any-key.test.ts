import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { errorTypeOf, type PlainReply, plainRequest } from '../../support/network/plain-request.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const keys: readonly string[] = [
  '',
  '.',
  '..',
  '/',
  'a/b',
  '../../escape',
  '?key=x&y#z',
  'a b+c',
  '100%',
  'a%2Fb',
  '%00',
  '\0',
  '\n',
  '"quoted"',
  'ключ',
  '😀',
  '\u00e9',
  'e\u0301',
  'PLAIN-key_1',
  '__proto__',
  'x'.repeat(2_400),
  '😀'.repeat(600),
]

describe.each(engines)('records of any key at the Apify door, on %s', (engine) => {
  const { server, storeId, client, ask } = useTestStore({ engine })

  const recordPath = (): string => `/v2/key-value-stores/${storeId()}/record`
  const path = (key: string): string => `${recordPath()}?key=${encodeURIComponent(key)}`
  const put = (key: string, body: string): Promise<PlainReply> =>
    ask(path(key), { method: 'PUT', body, headers: { 'Content-Type': 'text/plain' } })

  it.each(keys)('are made, read, replaced and deleted: %j', async (key) => {
    expect((await ask(path(key))).status).toBe(404)
    expect((await put(key, `of ${key}`)).status).toBe(201)
    const got = await ask(path(key))
    expect([got.status, got.body.toString()]).toEqual([200, `of ${key}`])
    const head = await ask(path(key), { method: 'HEAD' })
    expect([head.status, head.headers.etag]).toEqual([200, got.headers.etag])
    expect((await ask(path(key), { method: 'POST', body: 'again' })).status).toBe(201)
    expect((await ask(path(key))).body.toString()).toBe('again')
    expect((await ask(path(key), { method: 'DELETE' })).status).toBe(204)
    expect((await ask(path(key))).status).toBe(404)
  })

  it('are distinct, even if URLs would normalize their keys', async () => {
    await Promise.all(keys.map((key) => put(key, JSON.stringify(key))))
    const replies = await Promise.all(keys.map((key) => ask(path(key))))
    expect(replies.map(({ body }) => JSON.parse(body.toString()))).toEqual(keys)
    const { count } = await client().listKeys()
    expect(count).toBe(keys.length)
    await Promise.all(keys.map((key) => ask(path(key), { method: 'DELETE' })))
  })

  it('are listed in pages of one, each once', async () => {
    await Promise.all(keys.map((key) => put(key, 'paged')))
    const store = client()
    const seen: string[] = []
    let next: string | undefined
    while (seen.length <= keys.length) {
      const page = await store.listKeys({
        limit: 1,
        ...(next !== undefined && { exclusiveStartKey: next }),
      })
      seen.push(...page.items.map(({ recordPublicUrl }) => recordPublicUrl))
      if (page.nextExclusiveStartKey === null) break
      next = page.nextExclusiveStartKey
    }
    expect(new Set(seen).size).toBe(keys.length)
    expect(seen).toHaveLength(keys.length)
    await Promise.all(keys.map((key) => ask(path(key), { method: 'DELETE' })))
  })

  it('are listed with type, encoding, time and revision if a client asks for details', async () => {
    await put('d/1', 'plain')
    const headers = { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' }
    await ask(path('d/2'), { method: 'PUT', body: gzipSync('1,2'), headers })
    const itemsOf = async (query: string): Promise<Record<string, unknown>[]> => {
      const reply = await ask(`/v2/key-value-stores/${storeId()}/keys?prefix=d%252F&${query}`)
      return JSON.parse(reply.body.toString()).data.items
    }
    const of = async (key: string): Promise<object> => {
      const { etag = '', 'last-modified': time = '' } = (await ask(path(key))).headers
      return { revision: Number(/\d+/.exec(etag)), second: new Date(time).getTime() }
    }
    const detailed = await itemsOf('details=1')
    expect(detailed).toMatchObject([
      { key: 'd%2F1', size: 5, contentType: 'text/plain' },
      { key: 'd%2F2', contentType: 'text/csv', contentEncoding: 'gzip' },
    ])
    expect(detailed[0]).not.toHaveProperty('contentEncoding')
    for (const [at, key] of ['d/1', 'd/2'].entries()) {
      const { revision, modifiedAt } = Object(detailed[at])
      const second = Math.floor(Date.parse(modifiedAt) / 1_000) * 1_000
      expect({ revision, second }).toEqual(await of(key))
    }
    const members = (await itemsOf('')).map((item) => Object.keys(item))
    const usual = ['key', 'size', 'recordPublicUrl']
    expect(members).toEqual([usual, usual])
    await Promise.all(['d/1', 'd/2'].map((key) => ask(path(key), { method: 'DELETE' })))
  })

  it.each(keys)('can be read at the Location of the PUT: %j', async (key) => {
    const { headers } = await put(key, 'found')
    expect(headers.location).toBe(server.url() + path(key))
    const authorization = { Authorization: `Bearer ${server.token()}` }
    const got = await fetch(headers.location ?? '', { headers: authorization })
    expect(await got.text()).toBe('found')
    await ask(path(key), { method: 'DELETE' })
  })

  it('are the same as those of /records for keys that both paths can name', async () => {
    const records = `/v2/key-value-stores/${storeId()}/records`
    await put('BOTH', 'one')
    expect((await ask(`${records}/BOTH`)).body.toString()).toBe('one')
    expect((await ask(`${records}/a%2Fb`, { method: 'PUT', body: 'x' })).status).toBe(400)
    await put('a/b', 'one')
    expect((await ask(`${records}/a%2Fb`, { method: 'PUT', body: 'two' })).status).toBe(201)
    expect((await ask(path('a/b'))).body.toString()).toBe('two')
  })

  it('have ETags, conditions and ranges too', async () => {
    const { headers } = await put('a/b', 'value')
    const { etag = '' } = headers
    expect((await ask(path('a/b'), { headers: { 'If-None-Match': etag } })).status).toBe(304)
    const part = await ask(path('a/b'), { headers: { Range: 'bytes=1-2' } })
    expect([part.status, part.body.toString()]).toEqual([206, 'al'])
    const stale = { method: 'DELETE', headers: { 'If-Match': '"other"' } }
    expect((await ask(path('a/b'), stale)).status).toBe(412)
    const fresh = { method: 'PUT', body: 'x', headers: { 'If-None-Match': '*' } }
    expect((await ask(path('a/b'), fresh)).status).toBe(412)
    expect((await ask(path('other/b'), fresh)).status).toBe(201)
  })

  it('treat a plus in the key as a space, like every other parameter', async () => {
    await put('a b', 'spaced')
    const got = await ask(`${recordPath()}?attachment=1&key=a+b`)
    expect(got.body.toString()).toBe('spaced')
    expect(got.headers['content-disposition']).toBe(
      `attachment; filename="a%20b"; filename*=UTF-8''a%20b`,
    )
  })

  it.each(['', '?', '?attachment=1', '?keys=a', '?Key=a'])('need a key: %j', async (query) => {
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']) {
      const reply = await ask(recordPath() + query, { method, body: 'x' })
      const type = method === 'HEAD' ? undefined : 'parameter-required'
      expect([reply.status, errorTypeOf(reply)], method).toEqual([400, type])
    }
  })

  it.each([
    ['is not UTF-8', '?key=%ff'],
    ['spells half of a pair', '?key=%ED%A0%80'],
    ['is cut off', '?key=%C3'],
    ['has a broken escape', '?key=%zz'],
    ['has a single percent sign', '?key=100%'],
    ['comes twice', '?key=a&key=b'],
    ['is too long', `?key=${'x'.repeat(2_401)}`],
    ['is too long in UTF-8', `?key=${encodeURIComponent('😀'.repeat(601))}`],
  ])('refuse a key that %s', async (_, query) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const reply = await ask(recordPath() + query, { method, body: 'x' })
      expect([reply.status, errorTypeOf(reply)], method).toEqual([400, 'invalid-record-key'])
    }
  })

  it('are refused to callers without the right', async () => {
    await put('a/b', 'secret')
    const url = server.url() + path('a/b')
    expect((await plainRequest(url)).status).toBe(403)
    expect((await plainRequest(url, { method: 'PUT', body: 'x' })).status).toBe(401)
    expect((await plainRequest(url, { method: 'DELETE' })).status).toBe(401)
    const none = '/v2/key-value-stores/AAAAAAAAAAAAAAAAA/record?key='
    expect(errorTypeOf(await ask(none))).toBe('record-not-found')
    expect((await ask(`${recordPath()}/?key=a`)).status).toBe(404)
  })

  it('name their methods', async () => {
    const reply = await ask(path('a'), { method: 'OPTIONS' })
    expect(reply.headers['access-control-allow-methods']).toBe(
      'OPTIONS,GET,HEAD,PUT,POST,PATCH,DELETE',
    )
    expect(server.logged()).toEqual([])
  })
})
