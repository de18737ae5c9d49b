import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DataCommands, openPlace, openServedFolder } from './support/data/data-commands.ts'
import { reachableHost } from './support/data/start-cause.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { type PlainReply, plainRequest } from './support/network/plain-request.ts'
import { runCoatcheck } from './support/processes/command.ts'
import { startOwnServer } from './support/processes/own-server.ts'
import { ServerProcess } from './support/processes/server-process.ts'
import { straceWords } from './support/processes/strace.ts'

const oneSentence = /^coatcheck: [^\n]+\.\n$/
const initialToken = 'a-token-of-my-own-with-many-characters'

describe('the local-server file, by which commands reach a server', () => {
  it('is readable by the owner only, and is deleted when the server stops', async () => {
    const data = createTestFolder()
    const server = await startOwnServer({ data })
    expect(statSync(fileIn(data)).mode & 0o777).toBe(0o600)
    const { url, secret, ...rest } = readIn(data)
    expect(url).toBe(server.url)
    expect(secret).toMatch(/^coatcheck_local_[a-zA-Z0-9]{43,}$/)
    expect(rest).toEqual({})
    expect(readdirSync(data).sort()).toEqual(['first-token', 'lmdb', 'local-server', 'lock'])
    await server.stop()
    expect(readdirSync(data).sort()).toEqual(['first-token', 'lmdb', 'lock'])
  })

  it('has a new secret at each start, and the old secret is refused', async () => {
    const data = createTestFolder()
    const first = await startOwnServer({ data })
    const before = readIn(data).secret
    await first.stop()
    const second = await startOwnServer({ data })
    expect(readIn(data).secret).not.toBe(before)
    expect((await askMe(second.url, before)).status).toBe(401)
    expect((await askMe(second.url, readIn(data).secret)).status).toBe(200)
  })

  it('of a killed server is deleted by the next command that writes; none sends to its address', async () => {
    const data = createTestFolder()
    const commands = new DataCommands(data)
    await (await ServerProcess.start({ data })).kill()
    const { url } = readIn(data)
    const impostor = await listenOn(url)
    expect(await commands.rows('user', 'list')).toHaveLength(1)
    expect(existsSync(fileIn(data))).toBe(true)
    await commands.run('user', 'add', 'jo')
    expect(existsSync(fileIn(data))).toBe(false)
    expect(impostor.asked).toBe(0)
    const again = await startOwnServer({ data })
    expect(readIn(data).url).toBe(again.url)
    expect(await commands.rows('user', 'list')).toHaveLength(2)
  })

  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '[::1]'],
    ['::1', '[::1]'],
    ['localhost', undefined],
    ['127.0.0.5', '127.0.0.5'],
    [reachableHost, '[::ffff:127.0.0.1]'],
  ])('leads to a server on %s, whatever its public URL is', async (host, local) => {
    const data = createTestFolder()
    const names = ['--public-url', 'https://public.example/x', '--allowed-hosts', 'store.example']
    const env = { COATCHECK_INITIAL_TOKEN: initialToken }
    const server = await startOwnServer({ data, args: ['--host', host, ...names], env })
    const { url } = readIn(data)
    if (local) expect(url).toBe(`http://${local}:${new URL(server.url).port}`)
    expect(await new DataCommands(data).rows('user', 'list')).toHaveLength(1)
  })

  it('is not made by the memory engine, which no command can read', async () => {
    const data = join(createTestFolder(), 'untouched')
    await startOwnServer({ data, args: ['--engine', 'memory'] })
    const commands = new DataCommands(data, { COATCHECK_ENGINE: 'memory' })
    const { code, stdout, stderr } = await commands.run('user', 'list')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(oneSentence)
    expect(stderr).toContain('memory engine')
    expect(existsSync(data)).toBe(false)
  })

  it('does not stop a server from serving if the file cannot be written', async () => {
    const data = createTestFolder()
    mkdirSync(join(data, 'local-server.new', 'in-the-way'), { recursive: true })
    const server = await startOwnServer({ data })
    expect((await askMe(server.url, server.token)).status).toBe(200)
    expect(server.problems).toEqual([
      expect.stringMatching(/^\S+ Commands will not reach this server/),
    ])
    await server.stop()
  })
})

describe('the secret in the local-server file', () => {
  it('gives the rights of the first admin', async () => {
    const { commands, server } = await openPlace('a running server')
    const reply = await askMe(server.url, readIn(commands.data).secret)
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.body.toString()).data).toMatchObject({
      username: 'owner',
      token: { id: null, scope: { action: 'manage', storeId: null, keyPrefix: null } },
    })
  })

  it('is refused with a header of a proxy, whatever its value is', async () => {
    const { commands, server } = await openPlace('a running server')
    const { secret } = readIn(commands.data)
    for (const name of ['Forwarded', 'X-Forwarded-For', 'x-forwarded-for']) {
      for (const value of ['127.0.0.1', 'for=127.0.0.1', '']) {
        expect((await askMe(server.url, secret, { [name]: value })).status).toBe(401)
      }
    }
    expect((await askMe(server.url, secret)).status).toBe(200)
  })

  it('is in no log, no output and no command line', async () => {
    const { commands, server } = await openServedFolder()
    const { data } = commands
    const { secret } = readIn(data)
    const log = join(createTestFolder(), 'log')
    const under = straceWords(['-v', '-s', '10000', '-e', 'trace=execve', '-o', log])
    const args = ['token', 'create', '--data', data]
    const { code, stdout, stderr } = await runCoatcheck({ args, under })
    expect(code).toBe(0)
    const token = stdout.trim()
    const client = new Client({ url: server.url, token: secret })
    for (const path of [
      '/nothing',
      '/v2/key-value-stores/%E0/records/x',
      '/coatcheck/v1/users/x',
    ]) {
      await client.send({ method: 'GET', path })
    }
    client.close()
    await server.stop()
    const traced = readFileSync(log, 'utf8')
    expect(traced).toContain('coatcheck.js')
    const heard = [traced, stderr, server.stdout, server.stderr]
    for (const text of heard) {
      expect(text).not.toContain('coatcheck_local_')
      expect(text).not.toContain(token)
    }
    expect(stdout).not.toContain('coatcheck_local_')
  })

  it('is sent to the server directly, and to no proxy that the environment names', async () => {
    const { commands } = await openPlace('a running server')
    const proxy = await listenOn('http://127.0.0.1:0')
    const env = {
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: proxy.url,
      http_proxy: proxy.url,
      NO_PROXY: '',
    }
    // A process of its own: Node reads these variables when it starts.
    const args = ['user', 'list', '--data', commands.data]
    const { code } = await runCoatcheck({ args, env })
    expect({ code, asked: proxy.asked }).toEqual({ code: 0, asked: 0 })
  })
})

describe('a folder that commands cannot use', () => {
  it('is not created by a command', async () => {
    const folder = createTestFolder()
    const data = join(folder, 'absent')
    const { code, stdout, stderr } = await new DataCommands(data).run('user', 'add', 'jane')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(`coatcheck: There is no data in ${data}.\n`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('is not changed if it holds no data', async () => {
    const data = createTestFolder()
    mkdirSync(join(data, 'lmdb'))
    const { code, stderr } = await new DataCommands(data).run('user', 'add', 'jane')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `coatcheck: There is no data in ${data}.\n`,
    })
    expect(readdirSync(data, { recursive: true })).toEqual(['lmdb'])
  })

  it.each([
    ['is missing', undefined],
    ['is cut short', '{"url": "http://127.0.0.1:1", "secr'],
  ])('is explained in one sentence if the file of its server %s', async (_, content) => {
    const { commands } = await openPlace('a running server')
    rmSync(fileIn(commands.data))
    if (content !== undefined) writeFileSync(fileIn(commands.data), content)
    const { code, stdout, stderr } = await commands.run('user', 'list')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(oneSentence)
    expect(stderr).toContain('is in use by another Coatcheck')
  })

  it('is explained in one sentence if its server does not answer', async () => {
    const { commands, server } = await openServedFolder()
    server.signal('SIGSTOP')
    const { code, stdout, stderr } = await commands.run('user', 'list')
    server.signal('SIGCONT')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(oneSentence)
    expect(stderr).toContain(`does not answer at ${server.url}`)
  })

  it('is waited for while another command uses it', async () => {
    const { commands } = await openPlace('a folder that nobody serves')
    const names = ['a', 'b', 'c']
    const ends = await Promise.all(names.map((name) => commands.run('user', 'add', name)))
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0])
    const users = (await commands.rows('user', 'list')).map(([name]) => name)
    expect(users.toSorted()).toEqual([...names, 'owner'])
  })
})

function fileIn(data: string): string {
  return join(data, 'local-server')
}

function readIn(data: string): { url: string; secret: string } {
  return JSON.parse(readFileSync(fileIn(data), 'utf8'))
}

function askMe(
  url: string,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<PlainReply> {
  const all = { Authorization: `Bearer ${token}`, ...headers }
  return plainRequest(`${url}/coatcheck/v1/me`, { headers: all })
}

/** A foreign server at an address, which counts its requests. */
async function listenOn(url: string): Promise<{ url: string; readonly asked: number }> {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.end('{}')
  })
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(Number(port), hostname, resolve)
  await promise
  onTestFinished(() => void server.close())
  const address = server.address()
  const taken = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://${hostname}:${taken}`,
    get asked() {
      return asked
    },
  }
}
