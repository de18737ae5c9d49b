import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openPlace } from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { CuttingProxy } from './support/network/cutting-proxy.ts'
import {
  type Finished,
  runCoatcheck,
  runInProcess,
  spawnCoatcheck,
} from './support/processes/command.ts'
import { readSystemCalls, straceWords } from './support/processes/strace.ts'

// Pipes need processes of their own.
vi.setConfig({ testTimeout: 120_000 })

const mebibyte = 1_048_576

/** A server with a store `things`, and the variables that name the server. */
async function openThings() {
  const opened = await openPlace('a running server')
  await opened.commands.out('project', 'create', 'things')
  return opened
}

function variables(url: string, token: string): Record<string, string> {
  return { COATCHECK_URL: url, COATCHECK_TOKEN: token }
}

/** Runs a line of bash in which `"$@"` is the command. */
function inBash(line: string, args: readonly string[], env: Record<string, string>) {
  return runCoatcheck({ args, env, under: ['bash', '-c', line, '-'] })
}

async function proxyTo(url: string): Promise<CuttingProxy> {
  const proxy = await CuttingProxy.start(Number(new URL(url).port))
  onTestFinished(() => proxy.stop())
  return proxy
}

describe('coatcheck put from a pipe', () => {
  it('shows the refusal of the server, and leaves the pipe unread', async () => {
    const { server } = await openThings()
    const env = variables(server.url, server.token)
    // A server that reads on would never end `yes`.
    const odd = await inBash('yes | "$@"', ['put', 'things', 'k', '-', '--type', 'no type'], env)
    expect([odd.code, odd.stderr]).toEqual([
      1,
      expect.stringMatching(/^coatcheck: .*content type/i),
    ])
    const words = ['put', 'things', 'k', '-', '--if-revision', '1']
    const stale = await inBash('head -c 3000000 /dev/zero | "$@"', words, env)
    expect([stale.code, stale.stderr]).toEqual([1, expect.stringMatching(/condition/)])
  })

  it('shows the refusal of the server in the middle of a value', async () => {
    const { server, commands } = await openThings()
    const gate = join(createTestFolder(), 'gate')
    const line = `mkfifo ${gate}; { head -c 9000000 /dev/zero; cat ${gate}; yes; } | "$@"`
    const put = inBash(line, ['put', 'things', 'k', '-'], variables(server.url, server.token))
    await inBash(`until [ -p ${gate} ]; do sleep 0.01; done; exec 3> ${gate}`, [], {})
    await commands.out('store', 'delete', 'things', '--yes')
    const { code, stderr } = await put
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/store|not found/i) })
    expect(stderr).not.toMatch(/EPIPE|ECONNRESET| at /)
  })

  it('sends a short value again after a lost connection, under the same name', async () => {
    const { server, commands } = await openThings()
    const proxy = await proxyTo(server.url)
    let cuts = 0
    proxy.cutAt = (sent) => {
      if (!sent.includes('PUT ') || cuts === 2) return 'no'
      cuts += 1
      return cuts === 1 ? 'before' : 'after'
    }
    const env = variables(`http://127.0.0.1:${proxy.port}`, server.token)
    const put = await inBash('echo value | "$@"', ['put', 'things', 'k', '-'], env)
    expect({ ...put, cuts }).toEqual({ code: 0, stdout: '', stderr: '', cuts: 2 })
    expect(await commands.out('get', 'things', 'k')).toBe('value\n')
    const history = await commands.rows('store', 'history', 'things')
    expect(history.filter((cells) => cells.includes('k'))).toHaveLength(1)
  })

  it('says that a longer value could not be sent again', async () => {
    const { server } = await openThings()
    const proxy = await proxyTo(server.url)
    let taken = 0
    proxy.cutAt = ({ length }) => {
      taken += length
      return taken > 2 * mebibyte ? 'before' : 'no'
    }
    const env = variables(`http://127.0.0.1:${proxy.port}`, server.token)
    const put = await inBash('head -c 9000000 /dev/zero | "$@"', ['put', 'things', 'k', '-'], env)
    expect({ code: put.code, stdout: put.stdout }).toEqual({ code: 1, stdout: '' })
    expect(put.stderr).toMatch(
      /^coatcheck: The connection to the server at \S+ was lost\. The value came from a pipe .*\.\n$/,
    )
  })
})

describe('coatcheck get --out', () => {
  const long = Buffer.alloc(2 * mebibyte, 'x')

  async function openLong() {
    const { commands, server } = await openThings()
    const file = join(createTestFolder(), 'long')
    writeFileSync(file, long)
    await commands.out('put', 'things', 'long', file)
    const get = (out: string): Promise<Finished> =>
      commands.run('get', 'things', 'long', '--out', out)
    return { get, server, env: { COATCHECK_DATA: commands.data } }
  }

  it('replaces what a symbolic link means, and keeps the link', async () => {
    const { get } = await openLong()
    const folder = createTestFolder()
    mkdirSync(join(folder, 'real'))
    const target = join(folder, 'real', 'file')
    symlinkSync(join('real', 'file'), join(folder, 'link'))
    symlinkSync('link', join(folder, 'second'))
    // Once while the target does not exist, and once while it does.
    for (const link of ['second', 'link']) {
      expect((await get(join(folder, link))).code).toBe(0)
      expect(lstatSync(join(folder, link)).isSymbolicLink()).toBe(true)
      expect(readFileSync(target).equals(long)).toBe(true)
    }
    expect(readdirSync(join(folder, 'real'))).toEqual(['file'])
    expect((await get('/dev/null')).code).toBe(0)
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true)
  })

  it('syncs the file before it has its name, and the folder afterwards', async () => {
    const { env } = await openLong()
    const folder = createTestFolder()
    const log = join(folder, 'log')
    const out = join(folder, 'file')
    const under = straceWords(['-y', '-e', 'trace=fsync,rename,renameat2', '-o', log])
    const args = ['get', 'things', 'long', '--out', out]
    expect((await runCoatcheck({ args, env, under })).code).toBe(0)
    const calls = readSystemCalls(log).filter(({ args }) => args.includes(folder))
    expect(calls.map(({ name }) => name)).toEqual(['fsync', 'rename', 'fsync'])
    expect(calls[0]?.args).toContain('.part>')
    expect(calls[2]?.args).toContain(`<${folder}>`)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves no half file after %s', async (signal) => {
    const { server } = await openLong()
    const folder = createTestFolder()
    const proxy = await proxyTo(server.url)
    proxy.repliedBytesMax = mebibyte
    const remote = variables(`http://127.0.0.1:${proxy.port}`, server.token)
    const args = ['get', 'things', 'long', '--out', join(folder, 'file')]
    const { child } = spawnCoatcheck({ args, env: remote })
    const ended = new Promise((resolve) => child.once('close', (_, by) => resolve(by)))
    onTestFinished(() => void child.kill('SIGKILL'))
    while (readdirSync(folder).length === 0) await sleep(5)
    child.kill(signal)
    expect(await ended).toBe(signal)
    expect(readdirSync(folder)).toEqual([])
  })

  it('names a folder that does not exist', async () => {
    const { get } = await openLong()
    const out = join(createTestFolder(), 'absent', 'file')
    const { code, stderr } = await get(out)
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${out} was not written. ENOENT`)])
  })
})

it('coatcheck get says that a value is not complete if the connection breaks', async () => {
  const { server, commands } = await openThings()
  const file = join(createTestFolder(), 'long')
  writeFileSync(file, Buffer.alloc(2 * mebibyte, 'x'))
  await commands.out('put', 'things', 'long', file)
  const proxy = await proxyTo(server.url)
  proxy.repliedBytesMax = mebibyte
  const env = variables(`http://127.0.0.1:${proxy.port}`, server.token)
  const { child, stdout, stderr } = spawnCoatcheck({ args: ['get', 'things', 'long'], env })
  const ended = new Promise((resolve) => child.once('close', resolve))
  while (stdout.text === '') await sleep(5)
  await proxy.stop()
  expect(await ended).toBe(1)
  expect(stderr.text).toMatch(
    /^coatcheck: The value is not complete\. The connection .* was lost\.\n$/,
  )
})

describe('a value that is held in memory', () => {
  it('has a bound, which the message names', async () => {
    const { commands } = await openThings()
    const file = join(createTestFolder(), 'long')
    writeFileSync(file, Buffer.alloc(16 * mebibyte + 1, ' '))
    await commands.out('put', 'things', 'k', file)
    const { code, stdout, stderr } = await commands.run('get', 'things', 'k', '--json')
    const why = 'The value of k is longer than 16777216 bytes: get it without --json.'
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: `coatcheck: ${why}\n` })
    const patch = await commands.run('patch', 'things', 'k', '--json-patch', file)
    expect([patch.code, patch.stderr]).toEqual([
      1,
      'coatcheck: The JSON Patch is longer than 16777216 bytes.\n',
    ])
  })

  it('is shown as it is: JSON, text, or bytes', async () => {
    const { commands } = await openThings()
    const file = join(createTestFolder(), 'value')
    const shown = async (value: string | Buffer, type: string) => {
      writeFileSync(file, value)
      await commands.out('put', 'things', 'k', file, '--type', type)
      return commands.json('get', 'things', 'k')
    }
    expect(await shown('{"a":1}', 'application/json')).toMatchObject({ value: { a: 1 } })
    expect(await shown('{"a', 'application/json')).toMatchObject({ value: '{"a' })
    expect(await shown('é', 'text/plain')).toMatchObject({ value: 'é', size: 2 })
    expect(await shown(Buffer.from([0xe9]), 'text/plain')).toMatchObject({ base64: '6Q==' })
  })
})

it('a watch ends with the store, with the right to read it, and with its reader', async () => {
  const { server, commands } = await openThings()
  const token = (await commands.out('user', 'add', 'jane')).trim()
  await commands.out('store', 'share', 'things', 'jane', 'read')
  const args = ['watch', 'owner~things']
  const watch = (secret: string) => {
    const { child, ...printed } = spawnCoatcheck({ args, env: variables(server.url, secret) })
    onTestFinished(() => void child.kill('SIGKILL'))
    return { ...printed, ended: new Promise((resolve) => child.once('close', resolve)) }
  }
  const [own, ofJane] = [watch(server.token), watch(token)]
  let isRead = false
  const read = inBash('"$@" | head -n 1', args, variables(server.url, server.token))
  void read.then(() => {
    isRead = true
  })
  // A watcher is told nothing of what was before: so there are changes until all have seen one.
  while (!isRead || own.stdout.text === '' || ofJane.stdout.text === '') {
    await commands.out('patch', 'things', 'n', '--increment', '1')
    await sleep(20)
  }
  expect(await read).toMatchObject({ code: 0, stderr: '' })
  await commands.out('store', 'share', 'things', 'jane', 'none')
  expect([await ofJane.ended, ofJane.stderr.lines.length]).toEqual([1, 1])
  await commands.out('store', 'delete', 'things', '--yes')
  expect([await own.ended, own.stderr.text]).toEqual([0, ''])
  expect(own.stdout.lines.at(-1)?.split('\t')[1]).toBe('drop')
})

it('a server that does not answer at an address is named, without a stack', async () => {
  const env = variables('http://127.0.0.1:1', 'x')
  for (const words of [
    ['ls', 'things'],
    ['rm', 'things', 'k'],
    ['watch', 'things'],
  ]) {
    const { code, stderr } = await runInProcess({ args: words, env })
    expect([code, stderr]).toEqual([1, 'coatcheck: No server answers at http://127.0.0.1:1.\n'])
  }
})
