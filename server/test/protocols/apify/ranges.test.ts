import { beforeAll, describe, expect, it } from 'vitest'
import { errorTypeOf, type PlainReply } from '../../support/network/plain-request.ts'
import { engines } from '../../support/network/test-server.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const mebibyte = 2 ** 20

/** Bytes without a repeating pattern, so that a shifted part is noticed. */
function patternOf(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let index = 0; index < size; index += 1) bytes[index] = (index * index + (index >> 8)) & 255
  return bytes
}

describe.each(engines)('ranges at the Apify door, on %s', (engine) => {
  const { server, path, ask, put } = useTestStore({ engine })
  const sizes = [10, 5_000, 3 * mebibyte + 5] as const

  beforeAll(async () => {
    for (const size of [0, ...sizes]) await put(`SIZE-${size}`, patternOf(size))
  })

  const get = (
    key: string,
    range: string,
    headers: Record<string, string> = {},
  ): Promise<PlainReply> => ask(path(key), { headers: { Range: range, ...headers } })

  it('are announced by GET and HEAD for values of 64 KiB or more', async () => {
    for (const [size, announced] of [
      [65_535, undefined],
      [65_536, 'bytes'],
    ] as const) {
      await put(`ANNOUNCED-${size}`, Buffer.alloc(size))
      for (const method of ['GET', 'HEAD']) {
        const { headers } = await ask(path(`ANNOUNCED-${size}`), { method })
        expect(headers['accept-ranges']).toBe(announced)
      }
    }
  })

  it.each(sizes)('are parts of %i bytes', async (size) => {
    const bytes = patternOf(size)
    const half = size >> 1
    const wanted: readonly [string, number, number][] = [
      ['0-0', 0, 0],
      [`0-${size - 1}`, 0, size - 1],
      [`0-${size + 5}`, 0, size - 1],
      [`${half}-`, half, size - 1],
      [`${half - 1}-${half}`, half - 1, half],
      ['-1', size - 1, size - 1],
      [`-${size + 5}`, 0, size - 1],
    ]
    for (const [range, first, last] of wanted) {
      const { status, headers, body } = await get(`SIZE-${size}`, `bytes=${range}`)
      expect([status, headers['content-range']]).toEqual([206, `bytes ${first}-${last}/${size}`])
      expect(headers['content-length']).toBe(`${last - first + 1}`)
      expect(headers['content-type']).toBe('application/octet-stream')
      expect(headers.etag).toMatch(/^"\d+"$/)
      expect(Buffer.compare(body, bytes.subarray(first, last + 1)), range).toBe(0)
    }
  })

  it('may begin and end at the borders of chunks', async () => {
    const size = 3 * mebibyte + 5
    const bytes = patternOf(size)
    for (const border of [mebibyte, 2 * mebibyte, 3 * mebibyte]) {
      for (const [first, last] of [
        [border - 1, border],
        [border, border],
        [border - 1, border - 1],
        [border - mebibyte, border - 1],
        [border - mebibyte + 1, Math.min(border + mebibyte, size - 1)],
      ] as const) {
        const { status, body } = await get(`SIZE-${size}`, `bytes=${first}-${last}`)
        expect(status).toBe(206)
        expect(Buffer.compare(body, bytes.subarray(first, last + 1)), `${first}-${last}`).toBe(0)
      }
    }
  })

  it('make up the whole value when joined', async () => {
    const size = 3 * mebibyte + 5
    const parts: Buffer[] = []
    for (let first = 0; first < size; first += 700_001) {
      const { body } = await get(`SIZE-${size}`, `bytes=${first}-${first + 700_000}`)
      parts.push(body)
    }
    expect(Buffer.compare(Buffer.concat(parts), patternOf(size))).toBe(0)
  })

  it.each([...sizes])('after the end of %i bytes are refused with 416', async (size) => {
    for (const range of [`${size}-`, `${size}-${size + 1}`, '-0', '99999999999999999999-']) {
      const reply = await get(`SIZE-${size}`, `bytes=${range}`)
      expect([reply.status, errorTypeOf(reply)], range).toEqual([416, 'range-not-satisfiable'])
      expect(reply.headers['content-range']).toBe(`bytes */${size}`)
    }
  })

  it('of an empty value are refused, or return all of it', async () => {
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-0']) {
      const reply = await get('SIZE-0', range)
      expect([reply.status, reply.headers['content-range']], range).toEqual([416, 'bytes */0'])
    }
    const last = await get('SIZE-0', 'bytes=-5')
    expect([last.status, last.body.length, last.headers['content-length']]).toEqual([200, 0, '0'])
  })

  it('return the whole value if there are several ranges or an invalid one', async () => {
    const headers = ['bytes=0-1,3-4', 'bytes=5-2', 'bytes=a-b', 'bytes', 'items=0-1', '']
    for (const header of headers) {
      const { status, headers: replied, body } = await get('SIZE-10', header)
      expect([status, body.length, replied['content-range']], header).toEqual([200, 10, undefined])
    }
  })

  it('apply to GET only', async () => {
    const asked = { method: 'HEAD', headers: { Range: 'bytes=0-1' } }
    const { status, headers } = await ask(path('SIZE-10'), asked)
    expect([status, headers['content-length'], headers['content-range']]).toEqual([
      200,
      '10',
      undefined,
    ])
  })

  it('return the whole value if the version differs from If-Range', async () => {
    const { headers } = await ask(path('SIZE-10'))
    const { etag = '', 'last-modified': date = '' } = headers
    for (const current of [etag, date]) {
      expect((await get('SIZE-10', 'bytes=2-5', { 'If-Range': current })).status).toBe(206)
    }
    for (const other of ['"other"', `W/${etag}`, 'Sat, 29 Oct 1994 19:43:31 GMT']) {
      const reply = await get('SIZE-10', 'bytes=2-5', { 'If-Range': other })
      expect([reply.status, reply.body.length], other).toEqual([200, 10])
      expect((await get('SIZE-10', 'bytes=99-', { 'If-Range': other })).status).toBe(200)
    }
    const malformed = await get('SIZE-10', 'bytes=2-5', { 'If-Range': 'unquoted' })
    expect([malformed.status, errorTypeOf(malformed)]).toEqual([400, 'invalid-request'])
    expect((await ask(path('SIZE-10'), { headers: { 'If-Range': 'unquoted' } })).status).toBe(200)
  })

  it('are checked after all other conditions', async () => {
    const { etag = '' } = (await ask(path('SIZE-10'))).headers
    const known = { 'If-None-Match': etag }
    expect((await get('SIZE-10', 'bytes=2-5', known)).status).toBe(304)
    expect((await get('SIZE-10', 'bytes=99-', known)).status).toBe(304)
    expect((await get('SIZE-10', 'bytes=2-5', { 'If-Match': '"other"' })).status).toBe(412)
    expect((await get('SIZE-10', 'bytes=2-5', { 'If-Match': etag })).status).toBe(206)
    expect((await get('NONE', 'bytes=2-5')).status).toBe(404)
  })

  it('end when the client disconnects, and the server still serves', async () => {
    const cut = new AbortController()
    const url = `${server.url()}${path(`SIZE-${3 * mebibyte + 5}`)}`
    const headers = { Authorization: `Bearer ${server.token()}`, Range: 'bytes=5-' }
    const reply = await fetch(url, { headers, signal: cut.signal })
    expect(reply.status).toBe(206)
    cut.abort()
    expect((await get('SIZE-10', 'bytes=2-5')).body.length).toBe(4)
    expect(server.logged()).toEqual([])
  })
})
