import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { plainRequest } from '../../support/network/plain-request.ts'
import { useTestStore } from '../../support/network/test-store.ts'

const text = 'hello '.repeat(50_000)

describe('what clients mean, though they spell it differently', () => {
  const { server, storeId, path, ask } = useTestStore()

  it.each(['Bearer  TOKEN', 'bearer TOKEN', 'BEARER   TOKEN ', 'Bearer\tTOKEN', 'Bearer TOKEN\t'])(
    'is understood in Authorization: %j',
    async (header) => {
      const Authorization = header.replace('TOKEN', server.token())
      const reply = await plainRequest(`${server.url()}/v2/users/me`, {
        headers: { Authorization },
      })
      expect(reply.status).toBe(200)
    },
  )

  it.each(['x-gzip', 'X-GZIP', 'identity, gzip', 'gzip, identity', ' gzip '])(
    'Content-Encoding: %j is gzip (RFC 9110, 8.4.1.3)',
    async (encoding) => {
      const body = gzipSync(text)
      const headers = { 'Content-Encoding': encoding }
      expect((await ask(path('GZIP'), { method: 'PUT', body, headers })).status).toBe(201)
      expect((await ask(path('GZIP'))).body.toString()).toBe(text)
      for (const accepted of ['gzip', 'x-gzip', 'br, X-GZIP;Q=0.5']) {
        const kept = await ask(path('GZIP'), { headers: { 'Accept-Encoding': accepted } })
        expect([kept.headers['content-encoding'], kept.body.length]).toEqual(['gzip', body.length])
      }
    },
  )

  it('Content-Encoding: x-gzip is understood in a JSON body too', async () => {
    const body = gzipSync(JSON.stringify({ title: 'a title' }))
    const headers = { 'Content-Encoding': 'x-gzip', 'Content-Type': 'application/json' }
    const target = `/v2/key-value-stores/${storeId()}`
    expect((await ask(target, { method: 'PUT', body, headers })).status).toBe(200)
  })

  it.each([
    ['with the zlib header', deflateSync],
    ['raw', deflateRawSync],
  ])('a deflate body is decoded %s (RFC 9110, 8.4.1.2)', async (_, encode) => {
    for (const value of ['', 'a', text, Buffer.alloc(3_000_000, 'text ').toString()]) {
      const body = encode(value)
      const headers = { 'Content-Encoding': 'deflate' }
      await ask(path('DEFLATE'), { method: 'PUT', body, headers })
      const decoded = await ask(path('DEFLATE'))
      expect([decoded.status, decoded.body.toString() === value], `${value.length}`).toEqual([
        200,
        true,
      ])
    }
    const headers = { 'Content-Encoding': 'deflate', 'Content-Type': 'application/json' }
    const body = encode(JSON.stringify({ title: 'deflated' }))
    const target = `/v2/key-value-stores/${storeId()}`
    expect((await ask(target, { method: 'PUT', body, headers })).status).toBe(200)
  })

  it('a body that is no deflate at all is still refused', async () => {
    const headers = { 'Content-Encoding': 'deflate' }
    await ask(path('LIE'), { method: 'PUT', body: 'this is no deflate', headers })
    expect((await ask(path('LIE'))).status).toBe(422)
  })

  it.each([
    ['ž.png', '%C5%BE.png', '%C5%BE.png'],
    ['my file.txt', 'my%20file.txt', 'my%20file.txt'],
    ["it's (1)*.txt", "it's%20(1)%2A.txt", '%27_'],
    ['日本語.json', '%E6%97%A5%E6%9C%AC%E8%AA%9E.json', '%E6%97%A5%E6%9C%AC%E8%AA%9E.json'],
    ['100%"\\.txt', '100%25%22%5C.txt', '100%25%22%5C.txt'],
  ])('an attachment is saved as %j (RFC 6266, 4.3)', async (key, plain, extended) => {
    const target = `/v2/key-value-stores/${storeId()}/record?key=${encodeURIComponent(key)}`
    await ask(target, { method: 'PUT', body: 'x' })
    const { headers } = await ask(`${target}&attachment=1`)
    const value = headers['content-disposition'] ?? ''
    const [, filename, encoded = ''] =
      /^attachment; filename="([^"]*)"; filename\*=UTF-8''([\w!#$&+\-.^`|~%]+)$/.exec(value) ?? []
    expect(filename).toBe(plain)
    expect(decodeURIComponent(encoded)).toBe(key)
    if (!extended.endsWith('_')) expect(encoded).toBe(extended)
  })

  it('an attachment with a plain key has only its plain name', async () => {
    await ask(path('plain.txt'), { method: 'PUT', body: 'x' })
    const { headers } = await ask(`${path('plain.txt')}?attachment=1`)
    expect(headers['content-disposition']).toBe('attachment; filename="plain.txt"')
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})
