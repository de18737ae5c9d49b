import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { flipByteIn } from './support/data/data-file.ts'
import { reachableHost } from './support/data/start-cause.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { stampValue } from './support/load/stamped-value.ts'
import { Client, errorTypeOf, type RemoteStore } from './support/network/client.ts'
import { SlowDownload, SlowUpload } from './support/network/slow-transfer.ts'
import { checkFolder, coatcheckWords } from './support/processes/command.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'
import { ProcessOutput } from './support/processes/process-output.ts'
import { ServerProcess } from './support/processes/server-process.ts'
import { straceWords } from './support/processes/strace.ts'
import { TerminalCommand } from './support/processes/terminal.ts'

const longToken = 'a-token-of-my-own-with-many-characters'
/** The server ignores a second signal within one second of the first. */
const sameSignalMs = 1_100
describe('a first start', () => {
  it('prints where its token is and then that it listens; a later start prints no token', async () => {
    const data = join(createTestFolder(), 'new', 'data')
    const server = await ServerProcess.start({ data })
    const file = join(data, 'first-token')
    const token = readFileSync(file, 'utf8').trim()
    expect(server.stdout).toBe(
      `Your token is in ${file}\n` +
        `Try it in your browser: ${server.url}/play\n` +
        `Coatcheck is listening on ${server.url}\n`,
    )
    expect(Number(new URL(server.url).port)).toBeGreaterThan(0)
    expect(server.problems).toEqual([])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(data).mode & 0o777).toBe(0o700)
    expect(await statusFor(server, token)).toBe(200)
    expect(await server.stop()).toBe(0)
    const second = await ServerProcess.start({ data })
    expect(second.stdout).toBe(`Coatcheck is listening on ${second.url}\n`)
    expect(await statusFor(second, token)).toBe(200)
  })

  it('prints where it is for others: links with --public-url, the NemesisDB door, its address', async () => {
    const links = ['--host', reachableHost, '--public-url', 'http://school.example:8288']
    const server = await ServerProcess.start({
      data: createTestFolder(),
      args: [...links, '--nemesis-port', '0'],
      // Without a token of one's own, nobody may listen beyond loopback.
      env: { COATCHECK_INITIAL_TOKEN: longToken },
    })
    expect(server.url).toMatch(/^http:\/\/\[::ffff:127\.0\.0\.1\]:\d+$/)
    expect(server.stdout.trimEnd().split('\n').slice(-3)).toEqual([
      'Try it in your browser: http://school.example:8288/play',
      expect.stringMatching(/^The NemesisDB door is at ws:\/\/\[::ffff:127\.0\.0\.1\]:\d+$/),
      `Coatcheck is listening on ${server.url}`,
    ])
  })

  it('uses COATCHECK_INITIAL_TOKEN; later starts ignore only another one with a warning', async () => {
    const data = createTestFolder()
    const other = `${longToken}-another`
    const first = await ServerProcess.start({ data, env: { COATCHECK_INITIAL_TOKEN: longToken } })
    expect(await statusFor(first, longToken)).toBe(200)
    await first.stop()
    const same = await ServerProcess.start({ data, env: { COATCHECK_INITIAL_TOKEN: longToken } })
    expect(same.stderr).toBe('')
    await same.stop()
    const second = await ServerProcess.start({ data, env: { COATCHECK_INITIAL_TOKEN: other } })
    expect(await statusFor(second, longToken)).toBe(200)
    expect(await statusFor(second, other)).toBe(401)
    expect(second.stdout).toBe(`Coatcheck is listening on ${second.url}\n`)
    expect(second.stderr).toMatch(
      /^\S+ COATCHECK_INITIAL_TOKEN is ignored[^\n]*\n\S+ A wrong token came from 127\.0\.0\.1\n$/,
    )
  })

  it('that is killed before its token is stored locks nobody out', async () => {
    const data = createTestFolder()
    const file = join(data, 'first-token')
    const kill = ['-P', file, '-e', 'trace=all', '-e', 'inject=all:signal=SIGKILL']
    const under = straceWords(['-o', join(createTestFolder(), 'log'), ...kill])
    const killed = ServerProcess.spawn({ data, under })
    await killed.exit()
    expect(killed.stdout).toBe('')
    const server = await startOwnServer({ data })
    expect(await statusFor(server, server.token)).toBe(200)
  })
})

describe('settings', () => {
  it('come from the flag, then the environment, then the file', async () => {
    const folder = createTestFolder()
    const file = join(folder, 'config.json')
    const data = join(folder, 'data')
    const inFile = { data, port: 0, 'nemesis-port': 'off', 'public-url': 'http://file.example' }
    writeFileSync(file, JSON.stringify(inFile))
    const server = ServerProcess.spawnWith({
      args: ['serve', '--config', file, '--public-url', 'http://flag.example'],
      env: {
        COATCHECK_CONFIG: join(folder, 'none.json'),
        COATCHECK_NEMESIS_PORT: '0',
        COATCHECK_PUBLIC_URL: 'http://variable.example',
      },
    })
    await server.ready()
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'data'])
    expect(server.stdout).toContain('The NemesisDB door is at ')
    expect(server.stdout).toContain('Try it in your browser: http://flag.example/play\n')
    expect(await server.stop()).toBe(0)
  })

  it.each([
    '--nemesis-port off --unnamed-retention-days 0',
    '--nemesis-port 0 --unnamed-retention-days 0.5 --allowed-hosts store.example.com,[fd00::1]:8288',
    '--nemesis-port 19870 --public-url https://store.example.com/',
    '--engine lmdb --trusted-proxies 10.0.0.0/8,192.0.2.1,2001:db8::/32 --insecure-folder',
  ])('may be %s', async (words) => {
    const args = words.split(' ')
    const server = await startOwnServer({ data: createTestFolder(), args })
    const reply = await unnamedStore(server)
    expect(reply.status).toBe(201)
  })

  it('of the memory engine touch no folder', async () => {
    const data = join(createTestFolder(), 'untouched')
    const server = await ServerProcess.start({ data, args: ['--engine', 'memory'] })
    expect((await unnamedStore(server)).status).toBe(201)
    const lines = /^Your token is in \S+\nTry it .*: \S+\nCoatcheck is listening on \S+\n$/
    expect(server.stdout).toMatch(lines)
    expect(await server.stop()).toBe(0)
    expect(existsSync(data)).toBe(false)
  })
})

describe('a folder', () => {
  it('can be served again at once after its server was killed', async () => {
    const data = createTestFolder()
    const first = await ServerProcess.start({ data })
    const { token } = first
    const store = await new Client(first).openStore('kept')
    await store.put('key', 'value')
    await first.kill()
    const second = await startOwnServer({ data })
    const again = await new Client({ url: second.url, token }).openStore('kept')
    expect((await again.get('key')).body.toString()).toBe('value')
  })
})

describe('a server that gets a signal to stop', () => {
  it('finishes open transfers, after each signal', async () => {
    const data = createTestFolder()
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const server = await ServerProcess.start({ data })
      const { download, upload, value, body } = await beginTransfers(server, `up-${signal}`)
      server.signal(signal)
      await untilRefused(server.url)
      expect(await upload.finish()).toBe(201)
      expect((await download.finish()).equals(value)).toBe(true)
      expect(await server.exit()).toBe(0)
      expect(server.problems).toEqual([])
      expect(server.stderr.trimEnd().split('\n').slice(-2)).toEqual([
        expect.stringMatching(new RegExp(` Coatcheck is stopping: it received ${signal}$`)),
        expect.stringMatching(/ Coatcheck has stopped$/),
      ])
      const again = await startOwnServer({ data })
      const store = await new Client(again).openStore('busy')
      expect((await store.get(`up-${signal}`)).body.equals(body)).toBe(true)
      await again.stop()
    }
  })

  it('stops in order when its terminal is closed', async () => {
    const data = createTestFolder()
    const words = ['serve', '--data', data, '--port', '0', '--nemesis-port', 'off']
    const terminal = new TerminalCommand(words)
    await terminal.shows('Coatcheck is listening on')
    const file = join(data, 'local-server')
    expect(existsSync(file)).toBe(true)
    terminal.close()
    // A server that is only killed leaves this file, and the lock of its folder until it has ended.
    await expect.poll(() => existsSync(file), { timeout: 20_000 }).toBe(false)
    await (await startOwnServer({ data })).stop()
  })

  it('gets it from the script of `npm start` too, when its terminal is closed', async () => {
    const script = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url))
    const words = ['--engine', 'memory', '--port', '0', '--nemesis-port', 'off']
    const args = [script, ...words, '--data', createTestFolder()]
    const started = spawn(process.execPath, args, { detached: true })
    let isServing = true
    started.once('close', () => {
      isServing = false
    })
    onTestFinished(() => {
      if (isServing && started.pid !== undefined) process.kill(-started.pid, 'SIGKILL')
    })
    const output = new ProcessOutput(started.stdout)
    await expect.poll(() => output.text, { timeout: 20_000 }).toContain('Coatcheck is listening')
    started.kill('SIGHUP')
    expect(await once(started, 'exit')).toEqual([0, null])
    // The server, which writes to the same pipe, has ended too.
    await expect.poll(() => isServing).toBe(false)
  })

  it('exits at once on a second signal some time later', async () => {
    const server = await ServerProcess.start({ data: createTestFolder() })
    await beginTransfers(server)
    server.signal('SIGTERM')
    await untilRefused(server.url)
    await sleep(sameSignalMs)
    expect(server.hasExited).toBe(false)
    server.signal('SIGTERM')
    expect(await server.exit()).toBe(1)
    expect(server.stderr).toMatch(/ Coatcheck ends at once: it received SIGTERM again\n$/)
  })
})

describe('a damaged record', () => {
  it.each([
    { what: 'a small value', size: 1_000, at: 500 },
    { what: 'a value of one chunk', size: 50_000, at: 20_000 },
    { what: 'the first chunk of a value', size: 2_500_000, at: 400_000 },
  ])('is refused as damaged if $what is damaged, and all else works', async ({ size, at }) => {
    const { data, server, store } = await serveDamaged({ size, at })
    for (const key of ['bad', 'worse']) {
      const reply = await store.get(key)
      expect([reply.status, errorTypeOf(reply)]).toEqual([500, 'record-damaged'])
    }
    expect(server.stderr).toMatch(/^\S+ [^\n]*damaged/)
    expect((await store.get('good')).body.toString()).toBe('good')
    expect((await store.put('bad', 'better')).status).toBe(201)
    expect((await store.get('bad')).body.toString()).toBe('better')
    expect((await store.delete('worse')).status).toBe(204)
    expect((await store.get('worse')).status).toBe(404)
    await server.stop()
    expect((await checkFolder(data)).stdout).not.toContain('Record')
  })

  it('is never served whole if a later chunk is damaged', async () => {
    const { store } = await serveDamaged({ size: 2_500_000, at: 2_200_000 })
    await expect(store.get('bad')).rejects.toThrow()
    expect((await store.get('good')).body.toString()).toBe('good')
  })
})

describe('coatcheck check', () => {
  it('counts stores and records, with a progress bar only on a terminal', async () => {
    const data = createTestFolder()
    const server = await startOwnServer({ data })
    await (await new Client(server).openStore('sound')).put('key', 'value')
    await server.stop()
    expect(await checkFolder(data)).toEqual({
      code: 0,
      stdout: '1 stores, 1 records, 5 bytes: everything is sound\n',
      stderr: '',
    })
    expect(await runOnTerminal(['check', '--data', data])).toMatch(/Checking .* %.*is sound/s)
  })

  it('refuses a folder that a server uses', async () => {
    const data = createTestFolder()
    await startOwnServer({ data })
    const { code, stdout, stderr } = await checkFolder(data)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^coatcheck: .* is in use by another Coatcheck[^\n]*\n$/)
  })

  it('makes no folder', async () => {
    const data = join(createTestFolder(), 'absent')
    const { code, stderr } = await checkFolder(data)
    expect(code).toBe(1)
    expect(stderr).toBe(`coatcheck: There is no data in ${data}.\n`)
    expect(existsSync(data)).toBe(false)
  })
})

/** Begins an upload and a download, and lets both stand still. */
async function beginTransfers(
  server: ServerProcess,
  key = 'up',
): Promise<{
  download: SlowDownload
  upload: SlowUpload
  value: Buffer
  body: Buffer
}> {
  const store = await new Client(server).openStore('busy')
  const value = stampValue({ key: 'down', number: 1 }, 8_000_000)
  const body = stampValue({ key, number: 1 }, 3_000_000)
  await store.put('down', value)
  const { url, token } = server
  const download = await SlowDownload.begin({ url, token, path: store.recordPath('down') })
  const target = { url, token, path: store.recordPath(key) }
  const upload = await SlowUpload.begin(target, body, { sent: 1_500_000 })
  return { download, upload, value, body }
}

async function untilRefused(url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<string>()
    const socket = connect(Number(port), hostname, () => resolve('taken'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    const outcome = await promise
    socket.destroy()
    if (outcome === 'ECONNREFUSED') return
  }
}

/** A server with two records whose bytes were changed on disk, and a valid record. */
async function serveDamaged({ size, at }: { size: number; at: number }): Promise<{
  data: string
  server: OwnServer
  store: RemoteStore
}> {
  const data = createTestFolder()
  const first = await startOwnServer({ data })
  const store = await new Client(first).openStore('damaged')
  const values = ['bad', 'worse'].map((key) => ({
    key,
    value: stampValue({ key, number: 1 }, size),
  }))
  for (const { key, value } of values) await store.put(key, value)
  await store.put('good', 'good')
  await first.stop()
  for (const { value } of values) {
    expect(flipByteIn(data, value.subarray(at, at + 100))).toBeGreaterThan(0)
  }
  const checked = await checkFolder(data)
  expect(checked.code).toBe(1)
  expect(checked.stdout).toMatch(/^Record "bad" .*\nRecord "worse" /)
  const server = await startOwnServer({ data })
  return { data, server, store: await new Client(server).openStore('damaged') }
}

/** The output of a command on a terminal, which `script` of util-linux makes. */
async function runOnTerminal(args: readonly string[]): Promise<string> {
  const words = coatcheckWords(args).map((word) => `'${word}'`)
  const { stdout } = await promisify(execFile)('script', ['-qec', words.join(' '), '/dev/null'])
  return stdout
}

async function statusFor({ url }: { url: string }, token: string): Promise<number> {
  const path = '/v2/key-value-stores'
  return (await new Client({ url, token }).send({ method: 'GET', path })).status
}

function unnamedStore(server: { url: string; token: string }): Promise<{ status: number }> {
  return new Client(server).send({ method: 'POST', path: '/v2/key-value-stores' })
}
