import { describe, expect, it } from 'vitest'
import { reachableHost } from './support/data/start-cause.ts'
import { type Asked, type PlainReply, plainRequest } from './support/network/plain-request.ts'
import { sendRaw } from './support/network/raw-connection.ts'
import { useTestServer } from './support/network/test-server.ts'

const initialToken = 'a-token-of-my-own-with-many-characters'
/** Paths of the welcome page, of the Apify door, and of no door. */
const paths = ['/', '/v2/key-value-stores', '/v2/users/me', '/nothing']

type TestServer = ReturnType<typeof useTestServer>

/** Sends a request with the owner's token, so that only the host can be wrong. */
function ask(server: TestServer, host: string, asked: Asked & { path?: string } = {}) {
  const headers = { Authorization: `Bearer ${server.token()}`, ...asked.headers, Host: host }
  const path = asked.path ?? '/v2/key-value-stores'
  return plainRequest(`${ipv4Url(server)}${path}`, { ...asked, headers })
}

/** All servers of these tests listen on 127.0.0.1, whatever host their URL names. */
function ipv4Url(server: TestServer): string {
  return `http://127.0.0.1:${new URL(server.url()).port}`
}

/** The status of the reply to raw lines that no client would send; 0 without a reply. */
async function statusOfRaw(server: TestServer, lines: readonly string[]): Promise<number> {
  const head = `${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`
  const reply = await sendRaw(ipv4Url(server), [head], 'stay')
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(reply)?.[1] ?? 0)
}

async function statusFor(server: TestServer, host: string): Promise<number> {
  return (await ask(server, host)).status
}

function expectRefused(reply: PlainReply): void {
  expect(reply.status).toBe(421)
  expect(reply.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(reply.headers['access-control-allow-origin']).toBe('*')
}

describe('a server on loopback', () => {
  const server = useTestServer()

  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9',
    '[::1]',
  ])('answers to %s, whatever the port', async (host) => {
    for (const port of ['', ':8288', ':1']) {
      expect(await statusFor(server, host + port), host + port).toBe(200)
    }
  })

  it.each(['evil.example', 'EVIL.example:8288', 'evil.example.', '192.0.2.1', '[::2]:8288'])(
    'refuses requests for %s',
    async (host) => {
      expectRefused(await ask(server, host))
    },
  )

  it.each(paths)(
    'refuses foreign hosts at %s, in one sentence that says what to do',
    async (path) => {
      const reply = await ask(server, 'evil.example', { path })
      expectRefused(reply)
      const { error } = JSON.parse(reply.body.toString())
      expect(error.type).toBe('misdirected-request')
      expect(error.message).toMatch(/^[^\n]+ --allowed-hosts evil\.example$/)
    },
  )

  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'MKCOL'])(
    'refuses foreign hosts with method %s',
    async (method) => {
      expectRefused(await ask(server, 'evil.example', { method }))
    },
  )

  it('answers the preflight request of a browser, so that its page can read the refusal', async () => {
    const headers = { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'PUT' }
    for (const host of ['evil.example', 'localhost']) {
      expect((await ask(server, host, { method: 'OPTIONS', headers })).status).toBe(204)
    }
    expectRefused(await ask(server, 'evil.example', { method: 'PUT', headers }))
  })

  it('changes nothing for a refused request', async () => {
    const refused = { method: 'POST', path: '/v2/key-value-stores?name=rebound' }
    expectRefused(await ask(server, 'evil.example', refused))
    const { total } = await server.client().keyValueStores().list()
    expect(total).toBe(0)
  })

  it('refuses a large upload', async () => {
    const path = '/v2/key-value-stores/x/records/KEY'
    const body = Buffer.alloc(1_000_000)
    expectRefused(await ask(server, 'evil.example', { method: 'PUT', path, body }))
  })

  it('refuses a foreign host on a connection whose first request had the right host', async () => {
    const get = (host: string, ...more: string[]): string =>
      [`GET / HTTP/1.1`, `Host: ${host}`, ...more, '', ''].join('\r\n')
    const both = get('localhost') + get('evil.example', 'Connection: close')
    const replies = await sendRaw(server.url(), [both], 'stay')
    const statuses = [...replies.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => status)
    expect(statuses).toEqual(['200', '421'])
  })

  it('checks the host of a target that is a whole URL', async () => {
    const get = (target: string, host: string): Promise<number> =>
      statusOfRaw(server, [`GET ${target} HTTP/1.1`, `Host: ${host}`])
    expect(await get('http://localhost:8288/', 'localhost')).toBe(200)
    expect(await get('http://evil.example/', 'localhost')).toBe(421)
    expect(await get('http://localhost/', 'evil.example')).toBe(421)
    expect(await get('http://x@localhost/', 'localhost')).toBe(400)
  })

  it('refuses to upgrade a connection for a foreign host', async () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const get = (host: string): Promise<string> =>
      sendRaw(
        server.url(),
        [['GET / HTTP/1.1', `Host: ${host}`, ...upgrade, '', ''].join('\r\n')],
        'end',
      )
    expect(await get('evil.example')).toMatch(/^HTTP\/1\.1 421 /)
    expect(await get('localhost')).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('opens no tunnel for CONNECT', async () => {
    const lines = ['CONNECT evil.example:80 HTTP/1.1', 'Host: evil.example:80']
    expect(await statusOfRaw(server, lines)).toBe(0)
  })

  it.each([
    '',
    ' ',
    'x"y<z>',
    'local host',
    'localhost/..',
    'a@localhost',
    '[::1',
    'é',
    '%6c',
    ':1',
  ])('refuses an invalid Host header: %j', async (host) => {
    expect(await statusOfRaw(server, ['GET / HTTP/1.1', `Host: ${host}`])).toBe(400)
  })

  /** RFC 9112, 3.2. */
  it('refuses several Host headers, also if all of them are right', async () => {
    const get = (...hosts: string[]): Promise<number> =>
      statusOfRaw(server, ['GET / HTTP/1.1', ...hosts.map((host) => `Host: ${host}`)])
    expect(await get('evil.example', 'localhost')).toBe(400)
    expect(await get('localhost', 'evil.example')).toBe(400)
    expect(await get('localhost', 'localhost')).toBe(400)
  })

  it('accepts a missing Host header in HTTP/1.0 only', async () => {
    expect(await statusOfRaw(server, ['GET / HTTP/1.0'])).toBe(200)
    expect(await statusOfRaw(server, ['GET / HTTP/1.1'])).toBe(400)
  })

  it('logs no refused request', () => {
    expect(server.logged()).toEqual([])
  })
})

describe('a server on loopback with --allowed-hosts and --public-url', () => {
  const server = useTestServer({
    host: '127.0.0.1',
    publicUrl: 'https://public.example:8443/kept',
    allowedHosts: ['store.example', 'other.example'],
  })

  it.each(['store.example', 'STORE.example.:1', 'other.example', 'public.example', 'localhost'])(
    'answers to %s',
    async (host) => {
      expect(await statusFor(server, host)).toBe(200)
    },
  )

  it.each(['evil.example', 'a.store.example', 'example'])(
    'refuses requests for %s',
    async (host) => {
      expectRefused(await ask(server, host))
    },
  )
})

describe('a server beyond loopback', () => {
  const server = useTestServer({ host: reachableHost, initialToken })

  it.each(['localhost', 'anything.example', '192.0.2.1:8288'])('answers to %s', async (host) => {
    expect(await statusFor(server, host)).toBe(200)
    expect((await ask(server, host, { path: '/' })).status).toBe(200)
  })

  it('refuses what can not be a host, with 400 (RFC 9112, 3.2)', async () => {
    expect(await statusFor(server, 'x"y<z>')).toBe(400)
  })
})

describe('a server beyond loopback with --allowed-hosts', () => {
  const settings = { host: reachableHost, initialToken, allowedHosts: ['store.example'] }
  const server = useTestServer({ ...settings, publicUrl: 'http://public.example' })

  it.each(['store.example:8288', 'public.example', `[${reachableHost}]`])(
    'answers to %s',
    async (host) => {
      expect(await statusFor(server, host)).toBe(200)
    },
  )

  it.each(['localhost', '127.0.0.1', '[::1]', 'evil.example'])(
    'refuses requests for %s',
    async (host) => {
      expectRefused(await ask(server, host))
    },
  )
})
