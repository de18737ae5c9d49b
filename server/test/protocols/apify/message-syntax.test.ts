import { beforeAll, describe, expect, it } from 'vitest'
import { reachableHost } from '../../support/data/start-cause.ts'
import { sendRaw } from '../../support/network/raw-connection.ts'
import { useTestServer } from '../../support/network/test-server.ts'

/** What `node:http` accepts, although RFC 9112 says that a server must refuse it. */
describe('messages whose meaning is not certain', () => {
  const server = useTestServer()
  let path = ''

  beforeAll(async () => {
    const { id } = await server.client().keyValueStores().getOrCreate('message-syntax')
    path = `/v2/key-value-stores/${id}/records/KEY`
  })

  async function expectNothingStored(): Promise<void> {
    const { items } = await server
      .client()
      .keyValueStore(path.split('/')[3] ?? '')
      .listKeys()
    expect(items).toEqual([])
  }

  function put(lines: readonly string[], body: string, version = 'HTTP/1.1'): Promise<string> {
    const head = [`PUT ${path} ${version}`, `Authorization: Bearer ${server.token()}`, ...lines]
    return sendRaw(server.url(), [`${head.join('\r\n')}\r\n\r\n${body}`], 'stay')
  }

  const chunks = '3\r\nabc\r\n0\r\n\r\n'

  it.each([
    'gzip, chunked',
    'deflate, chunked',
    'identity, chunked',
    'compress,chunked',
    'GZIP, Chunked',
    'x, chunked',
    'gzip\r\nTransfer-Encoding: chunked',
  ])('Transfer-Encoding: %s is refused with 501 (RFC 9112, 6.1)', async (coding) => {
    const reply = await put(['Host: localhost', `Transfer-Encoding: ${coding}`], chunks)
    expect(reply).toMatch(/^HTTP\/1\.1 501 .*"type":"transfer-encoding-not-supported"/s)
    expect(reply).toMatch(/\r\nConnection: close\r\n/)
    await expectNothingStored()
  })

  it.each(['chunked', 'Chunked', ', chunked'])(
    'Transfer-Encoding: %j is the one that is understood',
    async (coding) => {
      const lines = ['Host: localhost', 'Connection: close', `Transfer-Encoding: ${coding}`]
      expect(await put(lines, chunks)).toMatch(/^HTTP\/1\.1 201 /)
      await server
        .client()
        .keyValueStore(path.split('/')[3] ?? '')
        .deleteRecord('KEY')
    },
  )

  it.each(['chunked, gzip', 'gzip', 'identity', 'chunked, chunked'])(
    'Transfer-Encoding: %s has no end, so it is refused with 400 (RFC 9112, 6.3)',
    async (coding) => {
      const reply = await put(['Host: localhost', `Transfer-Encoding: ${coding}`], chunks)
      expect(reply).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-request"/s)
      await expectNothingStored()
    },
  )

  it('Transfer-Encoding in HTTP/1.0 is refused with 400 (RFC 9112, 6.1)', async () => {
    const reply = await put(['Transfer-Encoding: chunked'], chunks, 'HTTP/1.0')
    expect(reply).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-request"/s)
    await expectNothingStored()
  })

  it.each([
    ['localhost', 'localhost'],
    ['localhost', 'evil.example'],
    ['evil.example', 'localhost'],
    ['localhost', ''],
  ])('Host lines %j and %j are refused with 400 (RFC 9112, 3.2)', async (one, other) => {
    const reply = await put([`Host: ${one}`, `host: ${other}`, 'Content-Length: 3'], 'abc')
    expect(reply).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-request".*several/s)
    await expectNothingStored()
  })

  it.each(['a b', 'localhost, evil.example', 'x@localhost', 'localhost/x', ''])(
    'a Host that is no host is refused with 400 (RFC 9112, 3.2): %j',
    async (host) => {
      const lines = [`Host: ${host}`, 'Content-Length: 3', 'Connection: close']
      const reply = await put(lines, 'abc')
      expect(reply).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-request"/s)
      await expectNothingStored()
    },
  )

  it.each([
    ['Content-Type: text/plain', 'Content-Type: text/html'],
    ['Authorization: Bearer other', 'X-A: a'],
    [
      'If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT',
      'If-Unmodified-Since: Sun, 29 Oct 2994 19:43:31 GMT',
    ],
  ])('two lines of a header that has one value are refused with 400: %s', async (...lines) => {
    const reply = await put(['Host: localhost', 'Content-Length: 3', ...lines], 'abc')
    expect(reply).toMatch(/^HTTP\/1\.1 400 .*"type":"invalid-request".*several/s)
    await expectNothingStored()
  })

  it('two lines that say the same are no contradiction', async () => {
    const type = 'Content-Type: text/plain'
    const lines = ['Host: localhost', 'Content-Length: 3', type, type, 'Connection: close']
    expect(await put(lines, 'abc')).toMatch(/^HTTP\/1\.1 201 /)
    await server
      .client()
      .keyValueStore(path.split('/')[3] ?? '')
      .deleteRecord('KEY')
  })

  it.each(['HTTP/0.9', 'HTTP/2.0'])(
    '%s is refused with 505 (RFC 9110, 15.6.6)',
    async (version) => {
      const reply = await put(['Host: localhost', 'Content-Length: 3'], 'abc', version)
      expect(reply).toMatch(/^HTTP\/1\.1 505 .*"type":"http-version-not-supported"/s)
      await expectNothingStored()
    },
  )

  it.each(['PUT', 'GET', 'DELETE', 'POST'])(
    'a %s without a version, as before HTTP/1.0, is refused',
    async (method) => {
      for (const text of [`${method} ${path}\r\n\r\n`, `${method} ${path}\r\n`]) {
        const reply = await sendRaw(server.url(), [text], 'end')
        expect(reply, text).toMatch(/^HTTP\/1\.1 (400|505) /)
      }
      await expectNothingStored()
    },
  )

  it('the old grammar of folded headers is refused (RFC 9112, 5.2)', async () => {
    const reply = await put(['Host: localhost', 'Content-Length: 3', 'X-A: a', ' b'], 'abc')
    expect(reply).toMatch(/^HTTP\/1\.1 400 /)
    await expectNothingStored()
  })

  it('logs no error in all these tests', () => {
    expect(server.logged()).toEqual([])
  })
})

describe('a server that goes by every name', () => {
  const initialToken = 'a-token-of-my-own-with-many-characters'
  const server = useTestServer({ host: reachableHost, initialToken })

  it.each(['a b', 'localhost, evil.example', 'x@localhost'])(
    'refuses a Host that is no host with 400 (RFC 9112, 3.2): %j',
    async (host) => {
      const url = `http://127.0.0.1:${new URL(server.url()).port}`
      for (const more of ['', 'Connection: keep-alive, x\r\n']) {
        const text = `GET /v2/users/me HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`
        expect(await sendRaw(url, [text], 'end')).toMatch(/^HTTP\/1\.1 400 .*"invalid-request"/s)
      }
      const fine = 'GET /health/live HTTP/1.1\r\nHost: any.example\r\n\r\n'
      expect(await sendRaw(url, [fine], 'end')).toMatch(/^HTTP\/1\.1 200 /)
    },
  )
})
