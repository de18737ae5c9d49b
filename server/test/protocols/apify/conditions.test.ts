import { brotliCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { errorTypeOf, type PlainReply } from '../../support/network/plain-request.ts'
import { wireEngines } from '../../support/network/test-server.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const long = 'hello '.repeat(5_000)
const brotli = { body: brotliCompressSync(long), headers: { 'Content-Encoding': 'br' } }
const mebibyte = 2 ** 20
const past = 'Sat, 29 Oct 1994 19:43:31 GMT'

describe.each(wireEngines)('conditional requests at the Apify door, on %s', (engine) => {
  const { server, client, path, ask, get, put } = useTestStore({ engine })

  const remove = (key: string, headers: Record<string, string> = {}): Promise<PlainReply> =>
    ask(path(key), { method: 'DELETE', headers })
  const tagOf = ({ headers }: PlainReply): string => headers.etag ?? ''
  const putNew = async (key: string, body: string | Uint8Array = 'value'): Promise<string> =>
    tagOf(await put(key, body))

  describe('a read', () => {
    it('has the ETag and date of the PUT, and forbids heuristic caching', async () => {
      const tag = await putNew('TAGGED')
      for (const method of ['GET', 'HEAD']) {
        const { headers } = await ask(path('TAGGED'), { method })
        expect(headers.etag).toBe(tag)
        expect(headers.etag).toMatch(/^"\d+"$/)
        expect(headers['cache-control']).toBe('no-cache')
        const age = Date.now() - Date.parse(headers['last-modified'] ?? '')
        expect(age).toBeGreaterThanOrEqual(0)
        expect(age).toBeLessThan(60_000)
      }
      expect(await putNew('TAGGED')).not.toBe(tag)
    })

    it('is answered with 304 without a body if the client has the ETag', async () => {
      const tag = await putNew('KNOWN')
      for (const method of ['GET', 'HEAD']) {
        for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
          const reply = await ask(path('KNOWN'), { method, headers: { 'If-None-Match': known } })
          expect([reply.status, reply.body.length], known).toEqual([304, 0])
          expect(reply.headers).toMatchObject({ etag: tag, 'cache-control': 'no-cache' })
          expect(reply.headers['access-control-allow-origin']).toBe('*')
          expect(reply.headers).not.toHaveProperty('content-length')
          expect(reply.headers).not.toHaveProperty('content-type')
        }
      }
      expect((await get('KNOWN', { 'If-None-Match': '"other"' })).body.toString()).toBe('value')
    })

    it('is answered with 304 if nothing changed since a date', async () => {
      await putNew('DATED')
      const date = (await get('DATED')).headers['last-modified'] ?? ''
      expect((await get('DATED', { 'If-Modified-Since': date })).status).toBe(304)
      expect((await get('DATED', { 'If-Modified-Since': past })).status).toBe(200)
      expect((await get('DATED', { 'If-Modified-Since': 'yesterday' })).status).toBe(200)
      const both = { 'If-Modified-Since': date, 'If-None-Match': '"other"' }
      expect((await get('DATED', both)).status).toBe(200)
    })

    it('is answered with 412 if the record is not the expected one', async () => {
      const tag = await putNew('EXPECTED')
      expect((await get('EXPECTED', { 'If-Match': tag })).status).toBe(200)
      expect((await get('EXPECTED', { 'If-Unmodified-Since': past })).status).toBe(412)
      for (const expected of ['"other"', `W/"other"`]) {
        const reply = await get('EXPECTED', { 'If-Match': expected })
        expect([reply.status, errorTypeOf(reply)]).toEqual([412, 'condition-failed'])
        const head = await ask(path('EXPECTED'), {
          method: 'HEAD',
          headers: { 'If-Match': expected },
        })
        expect([head.status, head.body.length]).toEqual([412, 0])
      }
      for (const header of ['If-Match', 'If-None-Match']) {
        expect((await get('NONE', { [header]: '*' })).status).toBe(404)
      }
    })

    it('has a different ETag if the bytes are decoded for the client', async () => {
      const tag = tagOf(await put('ENCODED', brotli.body, brotli.headers))
      const decodedTag = tag.replace(/"$/, '-d"')
      const stored = await get('ENCODED', { 'Accept-Encoding': 'br' })
      expect([tagOf(stored), stored.headers['content-encoding']]).toEqual([tag, 'br'])
      const decoded = await get('ENCODED')
      expect([tagOf(decoded), decoded.body.toString()]).toEqual([decodedTag, long])
      const known = (known: string, accepted: string): Promise<PlainReply> =>
        get('ENCODED', { 'If-None-Match': known, 'Accept-Encoding': accepted })
      expect((await known(tag, 'br')).status).toBe(304)
      expect((await known(decodedTag, 'br')).status).toBe(200)
      expect((await known(tag, 'identity')).status).toBe(200)
      const unchanged = await known(decodedTag, 'identity')
      expect([unchanged.status, unchanged.headers.vary]).toEqual([304, 'Accept-Encoding'])
    })
  })

  describe('a write', () => {
    it('replaces only the expected record, by either ETag', async () => {
      const first = await putNew('REPLACED')
      const second = tagOf(await put('REPLACED', 'two', { 'If-Match': `"other", ${first}` }))
      for (const expected of [first, '"other"', `W/${first}`, first.replace(/"$/, '-d"')]) {
        const reply = await put('REPLACED', 'x', { 'If-Match': expected })
        expect([reply.status, errorTypeOf(reply)], expected).toEqual([412, 'condition-failed'])
        expect((await remove('REPLACED', { 'If-Match': expected })).status).toBe(412)
      }
      expect(tagOf(await get('REPLACED'))).toBe(second)
      const decoded = { 'If-Match': second.replace(/"$/, '-d"') }
      expect((await put('REPLACED', 'three', decoded)).status).toBe(201)
      expect((await get('REPLACED')).body.toString()).toBe('three')
    })

    /** RFC 9110, 13.1.1, asks for strong tags; a proxy that compresses replies weakens them. */
    it('accepts the ETag of a proxy that compresses replies: it means one revision', async () => {
      const spellings: readonly ((tag: string) => string)[] = [
        (tag) => `W/${tag}`,
        (tag) => `"other", W/${tag}`,
        (tag) => `W/${tag.replace(/"$/, '-d"')}`,
        (tag) => tag.replace(/"$/, '-gzip"'),
        (tag) => `W/${tag.replace(/"$/, '--gzip"')}`,
        (tag) => tag.replace(/"$/, '-br"'),
      ]
      for (const spell of spellings) {
        const first = await putNew('PROXIED')
        const second = tagOf(await put('PROXIED', 'two', { 'If-Match': spell(first) }))
        expect(second, spell(first)).toMatch(/^"\d+"$/)
        expect((await put('PROXIED', 'x', { 'If-Match': spell(first) })).status).toBe(412)
        expect((await remove('PROXIED', { 'If-Match': spell(first) })).status).toBe(412)
        expect((await put('PROXIED', 'x', { 'If-None-Match': spell(second) })).status).toBe(412)
        expect((await remove('PROXIED', { 'If-Match': spell(second) })).status).toBe(204)
      }
      const tag = await putNew('PROXIED')
      for (const expected of [`W/${tag}`, tag.replace(/"$/, '-gzip"')]) {
        expect((await get('PROXIED', { 'If-Match': expected })).status).toBe(200)
      }
    })

    it('replaces only an existing record, or makes only a new one, on request', async () => {
      expect((await put('MADE', 'x', { 'If-Match': '*' })).status).toBe(412)
      expect((await get('MADE')).status).toBe(404)
      expect((await put('MADE', 'one', { 'If-None-Match': '*' })).status).toBe(201)
      expect((await put('MADE', 'x', { 'If-None-Match': '*' })).status).toBe(412)
      expect((await put('MADE', 'two', { 'If-Match': '*' })).status).toBe(201)
      expect((await put('MADE', 'x', { 'If-Match': '*', 'If-None-Match': '*' })).status).toBe(412)
      expect((await get('MADE')).body.toString()).toBe('two')
    })

    it('deletes only the expected record, and reports a missing one', async () => {
      const tag = await putNew('DELETED')
      expect((await remove('DELETED', { 'If-None-Match': tag })).status).toBe(412)
      expect((await remove('DELETED', { 'If-Match': tag })).status).toBe(204)
      expect((await remove('DELETED', { 'If-Match': tag })).status).toBe(412)
      expect((await remove('DELETED')).status).toBe(204)
    })

    it('is refused if the record changed after a date', async () => {
      await putNew('UNCHANGED')
      const date = (await get('UNCHANGED')).headers['last-modified'] ?? ''
      expect((await put('UNCHANGED', 'x', { 'If-Unmodified-Since': past })).status).toBe(412)
      expect((await put('UNCHANGED', 'two', { 'If-Unmodified-Since': date })).status).toBe(201)
      expect((await get('UNCHANGED')).body.toString()).toBe('two')
    })

    it('of a large value stores nothing if its condition fails', async () => {
      const tag = await putNew('LARGE', Buffer.alloc(3 * mebibyte, 'a'))
      const large = Buffer.alloc(2 * mebibyte, 'b')
      expect((await put('LARGE', large, { 'If-Match': '"other"' })).status).toBe(412)
      expect((await put('LARGE', large, { 'If-None-Match': '*' })).status).toBe(412)
      expect((await get('LARGE')).body.length).toBe(3 * mebibyte)
      expect((await put('LARGE', large, { 'If-Match': tag })).status).toBe(201)
      expect((await get('LARGE')).body.length).toBe(2 * mebibyte)
    })

    it.each(['If-Match', 'If-None-Match', 'If-Unmodified-Since'])(
      'is refused with 400 if %s is invalid',
      async (header) => {
        const tag = await putNew('KEPT')
        for (const text of ['', 'unquoted', '"open', '"1" "2"', '"1", *']) {
          for (const method of ['PUT', 'POST', 'DELETE']) {
            const asked = { method, body: 'x', headers: { [header]: text } }
            const reply = await ask(path('KEPT'), asked)
            expect([reply.status, errorTypeOf(reply)], text).toEqual([400, 'invalid-request'])
          }
        }
        expect(tagOf(await get('KEPT'))).toBe(tag)
      },
    )

    it('refuses a part in place of the whole value', async () => {
      const tag = await putNew('PART')
      const reply = await put('PART', 'x', { 'Content-Range': 'bytes 0-0/5' })
      expect([reply.status, errorTypeOf(reply)]).toEqual([400, 'invalid-request'])
      expect(tagOf(await get('PART'))).toBe(tag)
    })
  })

  describe('of many concurrent writes', () => {
    const race = async (
      key: string,
      { headers, size }: { headers: Record<string, string>; size: number },
    ): Promise<void> => {
      const values = Array.from({ length: 32 }, (_, index) => `${index} `.padEnd(size, '.'))
      const replies = await Promise.all(values.map((value) => put(key, value, headers)))
      const statuses = replies.map(({ status }) => status)
      expect(statuses.toSorted()).toEqual([201, ...Array.from({ length: 31 }, () => 412)])
      const winner = statuses.indexOf(201)
      const { body, headers: stored } = await get(key)
      expect(body.toString() === values[winner]).toBe(true)
      expect(stored.etag).toBe(tagOf(replies[winner] as PlainReply))
    }

    it.each([10, 5_000, mebibyte + 1])(
      'only one replaces the record that all expect (%i bytes)',
      async (size) => {
        const key = `RACE-${size}`
        for (let turn = 0; turn < 3; turn += 1) {
          await race(key, { headers: { 'If-Match': await putNew(key) }, size })
        }
      },
    )

    it.each([10, 5_000, mebibyte + 1])('only one makes the record (%i bytes)', async (size) => {
      await race(`NEW-${size}`, { headers: { 'If-None-Match': '*' }, size })
    })

    it('only one deletes the record that all expect', async () => {
      const headers = { 'If-Match': await putNew('RACE-DELETE') }
      const removals = Array.from({ length: 32 }, () => remove('RACE-DELETE', headers))
      const statuses = (await Promise.all(removals)).map(({ status }) => status)
      expect(statuses.toSorted()).toEqual([204, ...Array.from({ length: 31 }, () => 412)])
    })

    it('no increment is lost if each writes over the value that it read', async () => {
      await putNew('COUNTER', '0')
      const increment = async (): Promise<void> => {
        for (;;) {
          const read = await get('COUNTER')
          const next = `${Number(read.body.toString()) + 1}`
          const { status } = await put('COUNTER', next, { 'If-Match': tagOf(read) })
          if (status === 201) return
          expect(status).toBe(412)
        }
      }
      await Promise.all(Array.from({ length: 12 }, increment))
      expect((await get('COUNTER')).body.toString()).toBe('12')
    })
  })

  it('lets pages send conditions and ranges, and read ETags', async () => {
    const names = ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since']
    const preflight = await ask(path('PAGE'), {
      method: 'OPTIONS',
      headers: { Origin: 'http://x' },
    })
    const allowed = preflight.headers['access-control-allow-headers']?.split(', ')
    expect(allowed).toEqual(expect.arrayContaining([...names, 'If-Range', 'Range']))
    const tag = await putNew('PAGE')
    for (const headers of [{}, { 'If-None-Match': tag }, { 'If-Match': '"other"' }]) {
      const reply = await get('PAGE', { Origin: 'http://x', ...headers })
      expect(reply.headers['access-control-expose-headers']).toBe('*')
      expect(reply.headers['access-control-allow-origin']).toBe('*')
    }
  })

  it("do not affect Apify's client, which reads and writes as before", async () => {
    const store = client()
    await store.setRecord({ key: 'CLIENT', value: { list: long } })
    const { headers } = await get('CLIENT', { 'Accept-Encoding': 'br' })
    expect([headers['content-encoding'], headers.etag]).toEqual([
      'br',
      expect.stringMatching(/^"\d+"$/),
    ])
    expect((await store.getRecord('CLIENT'))?.value).toEqual({ list: long })
    await store.setRecord({ key: 'CLIENT', value: 'again' })
    expect((await store.getRecord('CLIENT'))?.value).toBe('again')
    expect(await store.recordExists('CLIENT')).toBe(true)
    await store.deleteRecord('CLIENT')
    expect(await store.getRecord('CLIENT')).toBeUndefined()
    expect(server.logged()).toEqual([])
  })
})
