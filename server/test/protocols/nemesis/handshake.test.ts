import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { createTestFolder } from '../../support/data/test-folder.ts'
import { NemesisSession, openSocket } from '../../support/network/nemesis-session.ts'
import {
  startTestServer,
  type TestServer,
  useTestServer,
} from '../../support/network/test-server.ts'
import { type OwnToken, People, type Person } from '../../support/people/people.ts'
import { runCoatcheck } from '../../support/processes/command.ts'
import { ServerProcess } from '../../support/processes/server-process.ts'

const running: TestServer[] = []

afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

async function start(settings: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const server = await startTestServer({ nemesisPort: 0, ...settings })
  running.push(server)
  return server
}

interface Handshake {
  readonly headers?: Record<string, string>
  readonly origin?: string
}

/** 101, or the status that refused the handshake. */
async function statusOf(url: string, handshake: Handshake = {}): Promise<number> {
  const socket = new WebSocket(url, handshake)
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.close()
      resolve(101)
    })
    socket.once('unexpected-response', (_, { statusCode }) => {
      resolve(statusCode ?? 0)
      socket.terminate()
    })
    socket.once('error', reject)
  })
}

describe('the path of the NemesisDB door', () => {
  const server = useTestServer({ nemesisPort: 0 })
  const mainUrl = (): string => server.url().replace('http', 'ws')

  it.each(['', '/', '/nemesis', '/a/b?c=d', '/%00'])(
    'is any path of its port: %s',
    async (path) => {
      expect(await statusOf(server.nemesisUrl() + path)).toBe(101)
    },
  )

  it('is /nemesis of the main port, with the same sessions', async () => {
    const session = await NemesisSession.open(server.nemesisUrl())
    const other = new NemesisSession(await openSocket(`${mainUrl()}/nemesis`), session.token)
    await other.command('KV_SET', { keys: { a: 1 } })
    expect(await session.command('KV_COUNT')).toMatchObject({ cnt: 1 })
    expect(await statusOf(`${mainUrl()}/nemesis?x=y`)).toBe(101)
  })

  it.each(['/', '/nemesis/', '/nemesis/x', '/Nemesis', '/v2/key-value-stores'])(
    'is not another path of the main port: %s',
    async (path) => {
      const status = await statusOf(mainUrl() + path)
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).not.toBe(101)
    },
  )

  it('refuses plain HTTP', async () => {
    const response = await fetch(server.nemesisUrl().replace('ws', 'http'))
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(await response.text()).not.toBe('')
  })
})

describe('without an API token', () => {
  const server = useTestServer({ nemesisPort: 0 })
  const host = (): string => server.nemesisUrl().replace('ws://', '')

  it('programs and own pages can connect, other pages cannot', async () => {
    const url = server.nemesisUrl()
    expect(await statusOf(url)).toBe(101)
    expect(await statusOf(url, { origin: `http://${host()}` })).toBe(101)
    for (const origin of [
      'http://evil.example',
      'null',
      'file://',
      'http://127.0.0.1:1',
      `http://${host()}.evil.example`,
      'http://localhost',
    ]) {
      expect(await statusOf(url, { origin }), origin).toBe(403)
      const main = `${server.url().replace('http', 'ws')}/nemesis`
      expect(await statusOf(main, { origin }), origin).toBe(403)
    }
  })

  it.each([
    ['Forwarded', 'for=192.0.2.1'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'store.example'],
    ['X-Real-IP', '192.0.2.1'],
    ['Via', '1.1 proxy'],
    ['CF-Connecting-IP', '192.0.2.1'],
  ])('nobody can connect through a proxy that sends %s', async (name, value) => {
    const main = `${server.url().replace('http', 'ws')}/nemesis`
    for (const url of [server.nemesisUrl(), main]) {
      expect(await statusOf(url, { headers: { [name]: value } })).toBe(401)
    }
  })

  it('nobody can connect with another Host header', async () => {
    const headers = { Host: 'evil.example' }
    expect(await statusOf(server.nemesisUrl(), { headers })).toBeGreaterThanOrEqual(400)
  })

  it('nobody can connect without a Host header, which HTTP/1.0 does not require', async () => {
    const lines = [
      'GET /nemesis HTTP/1.0',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]
    for (const url of [server.nemesisUrl(), server.url()]) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      const [reply] = await once(socket, 'data')
      expect(String(reply)).toMatch(/^HTTP\/1\.1 401 /)
    }
  })

  // nginx with `proxy_pass` and `proxy_set_header Host $host`, and nothing else.
  it.each<[setting: string, settings: Parameters<typeof startTestServer>[0], host: string]>([
    ['--public-url', { publicUrl: 'https://store.example' }, 'store.example'],
    ['--public-url', { publicUrl: 'https://store.example' }, 'localhost'],
    ['--allowed-hosts', { allowedHosts: ['store.example'] }, 'store.example'],
    ['--allowed-hosts', { allowedHosts: ['store.example'] }, '127.0.0.1'],
    ['--trusted-proxies', { trustedProxies: ['127.0.0.1'] }, 'localhost'],
  ])('nobody can connect to a server that is public by %s', async (_, settings, host) => {
    const { nemesisUrl, url, token } = await start(settings)
    const headers = { Host: host }
    for (const address of [nemesisUrl, `${url.replace('http', 'ws')}/nemesis`]) {
      expect(await statusOf(address, { headers })).toBe(401)
      expect(await statusOf(`${address}?token=${token}`, { headers })).toBe(101)
    }
  })

  it.each([
    { publicUrl: 'http://localhost:8288' },
    { publicUrl: 'http://[::1]:8288' },
    { allowedHosts: ['coats.localhost'] },
  ])('programs can connect if only names of this machine are set: %j', async (settings) => {
    const { nemesisUrl } = await start(settings)
    expect(await statusOf(nemesisUrl)).toBe(101)
  })

  it('nobody can connect beyond loopback', async () => {
    const initialToken = 'an-initial-token-of-more-than-32-characters'
    const { nemesisUrl, url } = await start({ host: '0.0.0.0', initialToken })
    const port = new URL(nemesisUrl).port
    const open = `ws://127.0.0.1:${port}`
    expect(await statusOf(open)).toBe(401)
    expect(await statusOf(`${open}?token=${initialToken}`)).toBe(101)
    const headers = { Authorization: `Bearer ${initialToken}` }
    expect(await statusOf(open, { headers })).toBe(101)
    const main = `ws://127.0.0.1:${new URL(url).port}/nemesis`
    expect(await statusOf(main)).toBe(401)
    expect(await statusOf(main, { headers })).toBe(101)
  })
})

describe('with an API token', () => {
  const server = useTestServer({ nemesisPort: 0 })
  const open = (token: string) => openSocket(`${server.nemesisUrl()}?token=${token}`)

  it('everybody can connect from everywhere', async () => {
    const url = server.nemesisUrl()
    const headers = { Authorization: `Bearer ${server.token()}`, Forwarded: 'for=192.0.2.1' }
    expect(await statusOf(url, { headers, origin: 'http://evil.example' })).toBe(101)
    const { origin } = { origin: 'null' }
    expect(await statusOf(`${url}/x?a=b&token=${server.token()}`, { origin })).toBe(101)
  })

  it('nobody can connect if the token is invalid', async () => {
    const url = server.nemesisUrl()
    expect(await statusOf(`${url}?token=wrong`)).toBe(401)
    expect(await statusOf(url, { headers: { Authorization: 'Bearer wrong' } })).toBe(401)
    const basic = `Basic ${Buffer.from('a:b').toString('base64')}`
    expect(await statusOf(url, { headers: { Authorization: basic } })).toBe(401)
  })

  it('the token in the address works next to a Basic header for a proxy, as over HTTP', async () => {
    const address = server.nemesisUrl()
    const basic = { headers: { Authorization: 'Basic YTpi' } }
    expect(await statusOf(`${address}?token=${server.token()}`, basic)).toBe(101)
    expect(await statusOf(`${address}?token=wrong`, basic)).toBe(401)
  })

  it('commands in its scope work, and others are refused', async () => {
    const { owner, people, session, storeId } = await openShared()
    const set = { keys: { a: 1 } }
    const read = await using(people.createToken(owner, { action: 'read' }), session)
    expect(await read.command('KV_SET', set)).toMatchObject({ st: 14 })
    expect(await read.command('KV_RMV', { keys: ['a'] })).toMatchObject({ st: 14 })
    expect(await read.command('KV_CLEAR')).toMatchObject({ st: 14 })
    expect(await read.command('SH_END')).toMatchObject({ st: 14 })
    expect(await read.client.command('SH_NEW', { name: 'n' })).toMatchObject({ st: 14 })
    expect(await read.client.command('SH_END_ALL', {})).toMatchObject({ st: 14 })
    expect(await read.client.command('SH_LOAD', { names: ['n'] })).toMatchObject({ st: 14 })
    expect(await read.command('KV_UPDATE', { key: 'a/1', path: '$', value: 1 })).toMatchObject({
      st: 14,
    })
    expect(await read.command('KV_GET', { keys: ['a/1'] })).toMatchObject({ keys: { 'a/1': 1 } })
    const write = await using(people.createToken(owner, { action: 'write' }), session)
    expect(await write.command('KV_SET', set)).toMatchObject({ keys: { a: 20 } })
    expect(await write.command('SH_END')).toMatchObject({ st: 14 })
    const { data: other } = await people.remote.do('/v2/key-value-stores', {
      method: 'POST',
      token: owner.token,
    })
    const elsewhere = { action: 'manage', storeId: other.id } as const
    const another = await using(people.createToken(owner, elsewhere), session)
    expect(await another.command('KV_GET', { keys: ['a'] })).toMatchObject({ st: 100 })
    expect(await another.client.command('SH_NEW', { name: 'n' })).toMatchObject({ st: 14 })
    expect(await another.client.command('SH_INFO_ALL', {})).toMatchObject({ st: 14 })
    const here = await using(people.createToken(owner, { action: 'write', storeId }), session)
    expect(await here.command('KV_COUNT')).toMatchObject({ cnt: 3 })
  })

  it('commands work only on the keys of its scope', async () => {
    const { owner, people, session, storeId } = await openShared()
    for (const action of ['read', 'write'] as const) {
      const wish = { action, storeId, keyPrefix: 'a/' }
      const some = await using(people.createToken(owner, wish), session)
      expect(await some.command('KV_GET', { keys: ['a/1'] })).toMatchObject({ keys: { 'a/1': 1 } })
      expect(await some.command('KV_KEYS')).toMatchObject({ keys: ['a/1'] })
      expect(await some.command('KV_FIND', { rsp: 'keys', path: '$' })).toMatchObject({
        keys: ['a/1'],
      })
      for (const [command, parameters] of [
        ['KV_GET', { keys: ['a/1', 'b'] }],
        ['KV_CONTAINS', { keys: ['b'] }],
        ['KV_RMV', { keys: ['b'] }],
        ['KV_SET', { keys: { 'a/1': 2, b: 2 } }],
        ['KV_SETQ', { keys: { b: 2 } }],
        ['KV_ADDQ', { keys: { c: 2 } }],
        ['KV_UPDATE', { key: 'b', path: '$', value: 2 }],
        ['KV_FIND', { keys: ['b'], rsp: 'kv', path: '$' }],
        ['KV_CLEAR', {}],
        ['KV_CLEAR_SET', { keys: { 'a/1': 2 } }],
        ['KV_COUNT', {}],
        ['SH_INFO', {}],
        ['SH_END', {}],
      ] as const) {
        expect(await some.command(command, parameters), command).toMatchObject({ st: 14 })
      }
      for (const [command, parameters] of [
        ['SH_SAVE', { name: 'n' }],
        ['SH_LOAD', { names: [] }],
        ['SH_INFO_ALL', {}],
        ['SH_END_ALL', {}],
      ] as const) {
        expect(await some.client.command(command, parameters), command).toMatchObject({ st: 14 })
      }
    }
    expect(await session.command('KV_GET', { keys: ['a/1', 'b', 'c'] })).toMatchObject({
      keys: { 'a/1': 1, b: 1, c: null },
    })
  })

  it('connections end when the token is revoked', async () => {
    const { owner, people, session } = await openShared()
    const token = await people.createToken(owner, { action: 'read' })
    const { client } = await using(Promise.resolve(token), session)
    await people.revoke(owner, token)
    expect(await client.closed).toEqual({ code: 1008, reason: expect.stringMatching(/\.$/) })
    expect(await statusOf(`${server.nemesisUrl()}?token=${token.token}`)).toBe(401)
    expect(await session.command('KV_COUNT')).toMatchObject({ st: 1 })
  })

  async function openShared() {
    const people = new People({ url: server.url(), token: server.token() })
    const owner: Person = await people.create(`user-${Math.random().toString(36).slice(2)}`)
    const client = await open(owner.token)
    const { tkn } = await client.command('SH_NEW', { name: 'n' })
    const session = new NemesisSession(client, Number(tkn))
    await session.command('KV_SET', { keys: { 'a/1': 1, b: 1 } })
    const { data } = await people.remote.do('/coatcheck/v1/sessions', { token: owner.token })
    const storeId: string = data.items[0].storeId
    return { people, owner, session, storeId }
  }

  async function using(
    made: Promise<OwnToken>,
    { token }: NemesisSession,
  ): Promise<NemesisSession> {
    return new NemesisSession(await open((await made).token), token)
  }
})

describe('--nemesis-port', () => {
  it('off closes the port, not the path', async () => {
    const { nemesisUrl, url } = await start({ nemesisPort: 'off' })
    expect(nemesisUrl).toBe('')
    expect(await statusOf(`${url.replace('http', 'ws')}/nemesis`)).toBe(101)
  })

  it('0 takes any free port and prints it', async () => {
    const args = ['--nemesis-port', '0']
    const server = await ServerProcess.start({ data: createTestFolder(), args })
    const url = /^The NemesisDB door is at (ws:\S+)$/m.exec(server.stdout)?.[1] ?? ''
    expect(await statusOf(url)).toBe(101)
    expect(await server.stop()).toBe(0)
  })

  it('with a taken port stops the start if the port is configured', async () => {
    const port = await takenPort()
    const words = ['serve', '--data', createTestFolder(), '--port', '0']
    const args = [...words, '--nemesis-port', String(port)]
    const { code, stdout, stderr } = await runCoatcheck({ args })
    expect(code).toBe(1)
    expect(stdout).not.toContain('listening')
    expect(stderr).toMatch(new RegExp(`${port}.*\\.\\n$`))
    expect(stderr).not.toMatch(/^ {4}at /m)
  })

  it('with a taken port is skipped if the port is the default', async () => {
    const holder = createServer()
    const isOurs = await new Promise<boolean>((resolve) => {
      holder.once('error', () => resolve(false))
      holder.listen(1_987, '127.0.0.1', () => resolve(true))
    })
    onTestFinished(() => void (isOurs && holder.close()))
    const env = { COATCHECK_NEMESIS_PORT: '' } // like an unset variable
    const server = await ServerProcess.start({ data: createTestFolder(), env })
    expect(await statusOf(`${server.url.replace('http', 'ws')}/nemesis`)).toBe(101)
    expect(server.stderr).toContain('Port 1987 is taken')
    expect(server.stdout).not.toContain('The NemesisDB door is at')
  })
})

async function takenPort(): Promise<number> {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void holder.close())
  const address = holder.address()
  if (typeof address !== 'object' || address === null)
    throw new Error('The server must have an address.')
  return address.port
}
