import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorTypeOf, type PlainReply } from '../../support/network/plain-request.ts'
import { wireEngines } from '../../support/network/test-server.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const curl = promisify(execFile)
const mebibyte = 2 ** 20
/** The usual quality of brotli takes ten seconds for the largest of these values. */
const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const encoders = {
  br: (bytes: Buffer) => brotliCompressSync(bytes, quality),
  gzip: gzipSync,
  deflate: deflateSync,
} as const

/**
 * Values of `Accept-Encoding`. What it says and how long a value is are decided apart, and each
 * request decodes the whole value: `npm run test:long` sends all of them for the longest, too.
 */
function acceptedFor(encoding: string, size: number): readonly string[] {
  const isShort = size < mebibyte || process.env.COATCHECK_ENGINES === 'all'
  return ['', encoding, ...(isShort ? ['*', `${encoding};q=0`] : [])]
}

/** Text without a repeating pattern, so that a shifted part is noticed. */
function textOf(size: number): Buffer {
  let text = ''
  for (let line = 0; text.length < size; line += 1)
    text += `line ${line} of ${(line * 7919) % 104729}\n`
  return Buffer.from(text.slice(0, size))
}

/**
 * RFC 9110, 14.2: a range is one of the selected representation. Of an encoded record that is the
 * decoded value, with an ETag of its own, unless the client names the ETag of the stored bytes.
 */
describe.each(wireEngines)('ranges of encoded records, on %s', (engine) => {
  const { server, client, path, ask, get } = useTestStore({ engine })
  let count = 0

  const head = (key: string, headers: Record<string, string> = {}): Promise<PlainReply> =>
    ask(path(key), { method: 'HEAD', headers })

  /** Stores a new record that no request has decoded yet. */
  async function putNew(
    value: Buffer,
    encoding: keyof typeof encoders = 'br',
  ): Promise<{ key: string; tag: string; decodedTag: string; stored: Buffer }> {
    count += 1
    const key = `ENCODED-${count}`
    const stored = encoders[encoding](value)
    const headers = { 'Content-Encoding': encoding, 'Content-Type': 'audio/wav' }
    const reply = await ask(path(key), { method: 'PUT', body: stored, headers })
    const tag = reply.headers.etag ?? ''
    return { key, tag, decodedTag: tag.replace(/"$/, '-d"'), stored }
  }

  describe.each(['br', 'gzip', 'deflate'] as const)('with %s', (encoding) => {
    it.each([1, 5_000, 100_000, 3 * mebibyte + 7])(
      'are of the %i decoded bytes, whether the client accepts the encoding or not',
      async (size) => {
        const value = textOf(size)
        const { key, decodedTag } = await putNew(value, encoding)
        const half = size >> 1
        const wanted: readonly [string, number, number][] = [
          ['0-', 0, size - 1],
          ['0-0', 0, 0],
          [`${half}-`, half, size - 1],
          [`${half}-${half}`, half, half],
          [`0-${size + 5}`, 0, size - 1],
          ['-1', size - 1, size - 1],
          [`-${size + 5}`, 0, size - 1],
        ]
        for (const [range, first, last] of wanted) {
          for (const accepted of acceptedFor(encoding, size)) {
            const asked = { Range: `bytes=${range}`, 'Accept-Encoding': accepted }
            const { status, headers, body } = await get(key, asked)
            const where = `${range} ${accepted}`
            expect([status, headers['content-range']], where).toEqual([
              206,
              `bytes ${first}-${last}/${size}`,
            ])
            expect(headers['content-length']).toBe(`${last - first + 1}`)
            expect(headers.etag).toBe(decodedTag)
            expect(headers.vary).toBe('Accept-Encoding')
            expect(headers['content-type']).toBe('audio/wav')
            expect(headers).not.toHaveProperty('content-encoding')
            expect(Buffer.compare(body, value.subarray(first, last + 1)), where).toBe(0)
          }
        }
        const behind = await get(key, { Range: `bytes=${size}-`, 'Accept-Encoding': encoding })
        expect([behind.status, errorTypeOf(behind)]).toEqual([416, 'range-not-satisfiable'])
        expect(behind.headers['content-range']).toBe(`bytes */${size}`)
      },
    )
  })

  it('are of the stored bytes with stored=1, whatever the client accepts', async () => {
    const { key, tag, stored } = await putNew(textOf(5_000))
    for (const accepted of ['', 'br', 'identity']) {
      const asked = { headers: { 'Accept-Encoding': accepted } }
      const { headers, body } = await ask(`${path(key)}?stored=1`, asked)
      expect(Buffer.compare(body, stored)).toBe(0)
      expect([headers.etag, headers['coatcheck-stored-encoding']]).toEqual([tag, 'br'])
      expect(headers).not.toHaveProperty('content-encoding')
      const ranged = { headers: { ...asked.headers, Range: 'bytes=1-3' } }
      const part = await ask(`${path(key)}?stored=1`, ranged)
      expect([part.status, part.headers['content-range']]).toEqual([
        206,
        `bytes 1-3/${stored.length}`,
      ])
      expect(Buffer.compare(part.body, stored.subarray(1, 4))).toBe(0)
    }
  })

  it('make up the decoded value when joined', async () => {
    const value = textOf(3 * mebibyte)
    const { key } = await putNew(value)
    const parts: Buffer[] = []
    for (let first = 0; first < value.length; first += 700_001) {
      parts.push((await get(key, { Range: `bytes=${first}-${first + 700_000}` })).body)
    }
    expect(Buffer.compare(Buffer.concat(parts), value)).toBe(0)
  })

  it('are of the stored bytes for a client that names their ETag and accepts them', async () => {
    const value = textOf(50_000)
    const { key, tag, stored } = await putNew(value)
    const asked = { Range: 'bytes=2-5', 'Accept-Encoding': 'br' }
    for (const named of [{ 'If-Range': tag }, { 'If-Match': tag }]) {
      const part = await get(key, { ...asked, ...named })
      expect([part.status, part.headers['content-encoding']]).toEqual([206, 'br'])
      expect(part.headers['content-range']).toBe(`bytes 2-5/${stored.length}`)
      expect([part.headers.etag, part.body]).toEqual([tag, stored.subarray(2, 6)])
    }
    const unaccepted = await get(key, { Range: 'bytes=2-5', 'If-Range': tag })
    expect([unaccepted.status, unaccepted.body.length]).toEqual([200, 50_000])
  })

  it('are of the decoded bytes for a client that names their ETag', async () => {
    const value = textOf(50_000)
    const { key, decodedTag } = await putNew(value)
    for (const accepted of ['', 'br']) {
      const asked = { Range: 'bytes=2-5', 'Accept-Encoding': accepted, 'If-Range': decodedTag }
      const part = await get(key, asked)
      expect([part.status, part.headers.etag, part.body.toString()]).toEqual([
        206,
        decodedTag,
        value.toString('utf8', 2, 6),
      ])
    }
  })

  it('are ignored if If-Range names another version, or a date that both forms have', async () => {
    const value = textOf(50_000)
    const { key, tag, decodedTag, stored } = await putNew(value)
    const date = (await head(key)).headers['last-modified'] ?? ''
    for (const other of ['"other"', `W/${tag}`, `W/${decodedTag}`, date]) {
      const asked = { Range: 'bytes=2-5', 'If-Range': other }
      const encoded = await get(key, { ...asked, 'Accept-Encoding': 'br' })
      expect([encoded.status, encoded.headers.etag, encoded.body], other).toEqual([
        200,
        tag,
        stored,
      ])
      const decoded = await get(key, asked)
      expect([decoded.status, decoded.headers.etag, decoded.body.length], other).toEqual([
        200,
        decodedTag,
        50_000,
      ])
    }
  })

  it('are ignored if there are several or they are malformed', async () => {
    const { key, stored } = await putNew(textOf(50_000))
    for (const range of ['bytes=0-1,3-4', 'bytes=5-2', 'bytes=a-b', 'items=0-1']) {
      const encoded = await get(key, { Range: range, 'Accept-Encoding': 'br' })
      expect([encoded.status, encoded.body], range).toEqual([200, stored])
      expect([(await get(key, { Range: range })).status]).toEqual([200])
    }
  })

  it('are decided after the conditions, which mean the form that is sent', async () => {
    const { key, tag, decodedTag } = await putNew(textOf(5_000))
    const ranged = { Range: 'bytes=2-5' }
    expect((await get(key, { ...ranged, 'If-None-Match': decodedTag })).status).toBe(304)
    expect((await get(key, { ...ranged, 'If-Match': decodedTag })).status).toBe(206)
    expect((await get(key, { ...ranged, 'If-Match': '"other"' })).status).toBe(412)
    expect((await get(key, { ...ranged, 'If-Match': tag })).status).toBe(412)
  })

  it('tell the length of the value from then on, also by GET and HEAD', async () => {
    const size = 3 * mebibyte
    const { key, stored } = await putNew(textOf(size))
    expect((await head(key)).headers).not.toHaveProperty('content-length')
    expect((await head(key)).headers['accept-ranges']).toBe('bytes')
    await get(key, { Range: 'bytes=0-1' })
    expect((await head(key)).headers['content-length']).toBe(`${size}`)
    const whole = await get(key)
    expect([whole.headers['content-length'], whole.body.length]).toEqual([`${size}`, size])
    const encoded = await head(key, { 'Accept-Encoding': 'br' })
    expect(encoded.headers['content-length']).toBe(`${stored.length}`)
    const ranged = await head(key, { Range: 'bytes=0-1', 'Accept-Encoding': 'br' })
    expect([ranged.status, ranged.headers['content-length']]).toEqual([200, `${stored.length}`])
  })

  it('need not come first: a download to the end tells the length as well', async () => {
    for (const size of [5_000, 3 * mebibyte]) {
      const { key } = await putNew(textOf(size))
      expect((await get(key)).body.length).toBe(size)
      expect((await head(key)).headers['content-length'], `${size}`).toBe(`${size}`)
    }
  })

  it('are of the new value once the record was replaced', async () => {
    const { key } = await putNew(textOf(5_000))
    await get(key, { Range: 'bytes=0-1' })
    const headers = { 'Content-Encoding': 'br' }
    await ask(path(key), { method: 'PUT', body: brotliCompressSync(textOf(700)), headers })
    expect((await head(key)).headers).not.toHaveProperty('content-length')
    const part = await get(key, { Range: 'bytes=0-' })
    expect(part.headers['content-range']).toBe('bytes 0-699/700')
  })

  it('of a value that can not be decoded get an error, and stored bytes if named', async () => {
    const headers = { 'Content-Encoding': 'br' }
    const put = await ask(path('LIE'), { method: 'PUT', body: 'this is no brotli', headers })
    const reply = await get('LIE', { Range: 'bytes=0-1', 'Accept-Encoding': 'br' })
    expect([reply.status, errorTypeOf(reply)]).toEqual([422, 'invalid-content-encoding'])
    const named = { 'If-Range': put.headers.etag ?? '', 'Accept-Encoding': 'br' }
    expect((await get('LIE', { Range: 'bytes=0-3', ...named })).body.toString()).toBe('this')
  })

  it('of a decompression bomb get an error', async () => {
    const { key } = await putNew(Buffer.alloc(100 * mebibyte), 'br')
    const reply = await get(key, { Range: 'bytes=0-1' })
    expect([reply.status, errorTypeOf(reply)]).toEqual([413, 'record-too-large'])
  })

  it('end when the client disconnects, and the server still serves', async () => {
    const { key } = await putNew(textOf(3 * mebibyte))
    const cut = new AbortController()
    const headers = { Authorization: `Bearer ${server.token()}`, Range: 'bytes=5-' }
    const reply = await fetch(`${server.url()}${path(key)}`, { headers, signal: cut.signal })
    expect(reply.status).toBe(206)
    cut.abort()
    expect((await get(key, { Range: 'bytes=2-5' })).body.length).toBe(4)
    expect(server.logged()).toEqual([])
  })

  it.each(['gzip', 'br', 'deflate'] as const)(
    'let curl --compressed resume a download of decoded text from %s',
    async (encoding) => {
      const value = textOf(5_000)
      const { key } = await putNew(value, encoding)
      const folder = await mkdtemp(join(tmpdir(), 'coatcheck-curl-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      const file = join(folder, 'part')
      await writeFile(file, value.subarray(0, 1_000))
      const url = `${server.url()}${path(key)}`
      const authorization = ['-H', `Authorization: Bearer ${server.token()}`]
      await curl('curl', [
        '-sS',
        '-f',
        '--compressed',
        ...authorization,
        '-C',
        '-',
        '-o',
        file,
        url,
      ])
      expect(Buffer.compare(await readFile(file), value)).toBe(0)
    },
  )

  it("let curl -r read a part of what Apify's client stored compressed", async () => {
    const value = textOf(20_000)
    const store = client()
    await store.setRecord({ key: 'CLIENT', value: value.toString(), contentType: 'text/plain' })
    const { headers } = await get('CLIENT', { 'Accept-Encoding': 'br' })
    expect(headers['content-encoding']).toBe('br')
    const authorization = ['-H', `Authorization: Bearer ${server.token()}`]
    const url = `${server.url()}${path('CLIENT')}`
    const { stdout } = await curl('curl', ['-sS', '-f', ...authorization, '-r', '100-149', url])
    expect(stdout).toBe(value.toString('utf8', 100, 150))
    expect((await store.getRecord('CLIENT'))?.value).toBe(value.toString())
  })
})
