import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  type DataCommands,
  longSuitePlaces,
  openPlace,
  openServedFolder,
} from './support/data/data-commands.ts'
import { createTestFolder } from './support/data/test-folder.ts'
import { Client } from './support/network/client.ts'
import { coatcheckWords, spawnCoatcheck } from './support/processes/command.ts'
import { ServerProcess } from './support/processes/server-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const keys = ['plain', 'a/😀', '', '.', '..', '%41', 'two words', '-x', 'tab\there']

/** Runs a line of a shell in which `coatcheck` is a command. */
async function shell(
  line: string,
  env: Readonly<Record<string, string>>,
): Promise<{ stdout: Buffer; stderr: string; code: number }> {
  const words = coatcheckWords([]).map((word) => `'${word}'`)
  const script = `coatcheck() { ${words.join(' ')} "$@"; }\n${line}`
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('COATCHECK_'))
  const options = {
    env: { ...Object.fromEntries(own), ...env },
    encoding: 'buffer',
    maxBuffer: 2 ** 26,
  } as const
  try {
    const { stdout, stderr } = await run('bash', ['-c', script], options)
    return { stdout, stderr: stderr.toString(), code: 0 }
  } catch (error) {
    const { stdout, stderr, code } = Object(error)
    return { stdout, stderr: String(stderr), code }
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe.each(longSuitePlaces)('records on the command line, with %s', (place) => {
  let commands: DataCommands
  let folder = ''

  async function open(): Promise<void> {
    const opened = await openPlace(place)
    commands = opened.commands
    folder = createTestFolder()
    writeFileSync(join(folder, 'value.json'), '{"id":9007199254740993}')
    // The only way to make a store by commands is a project.
    await commands.out('project', 'create', 'things')
  }

  const file = (name: string): string => join(folder, name)

  it('are stored, read, listed and deleted under any key', async () => {
    await open()
    for (const key of keys) await commands.out('put', 'things', '--', key, file('value.json'))
    for (const key of keys) {
      expect(await commands.out('get', 'things', '--', key)).toBe('{"id":9007199254740993}')
    }
    const listed = (await commands.json('ls', 'things')).items.map(
      ({ key }: { key: string }) => key,
    )
    const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
    expect(listed).toEqual(keys.toSorted(byBytes))
    const type = 'application/json; charset=utf-8'
    expect(await commands.rows('ls', 'things', 'a/')).toEqual([['a/😀', '23', type, isoTime]])
    const { items, count } = await commands.json('ls', 'things', 'a/')
    const { revision } = await commands.json('get', 'things', 'a/😀')
    const listedItem = { key: 'a/😀', size: 23, contentType: type, modifiedAt: isoTime, revision }
    expect({ items, count }).toEqual({ items: [listedItem], count: 1 })
    const [gone, ...others] = keys
    await commands.out('rm', 'things', '--', ...others)
    expect(await commands.rows('ls', 'things')).toEqual([[gone, '23', type, isoTime]])
  })

  it('change in one step, with all digits', async () => {
    await open()
    await commands.out('put', 'things', 'k', file('value.json'))
    expect(await commands.out('patch', 'things', 'k', '{"b":1.50,"id":null}')).toBe('{"b":1.50}\n')
    const big = await commands.out('patch', 'things', 'n', '--increment', '9007199254740993')
    expect(big).toBe('9007199254740993\n')
    expect(await commands.out('patch', 'things', 'n', '--increment', '-1')).toBe(
      '9007199254740992\n',
    )
    expect(await commands.out('patch', 'things', 'n', '--max', '5')).toBe('9007199254740992\n')
    expect(await commands.out('patch', 'things', 'n', '--min', '5')).toBe('5\n')
    await commands.out('patch', 'things', 'list', '--append', '"a"')
    expect(await commands.out('patch', 'things', 'list', '--append', '2', '--keep-last', '1')).toBe(
      '[2]\n',
    )
    writeFileSync(file('patch.json'), '[{"op":"add","path":"/-","value":3}]')
    expect(await commands.out('patch', 'things', 'list', '--json-patch', file('patch.json'))).toBe(
      '[2,3]\n',
    )
    const { stdout } = await commands.run('get', 'things', 'n', '--json')
    expect(stdout).toMatch(/^\{"key":"n",.*"size":1,"value":5\}\n$/)
  })

  it('are refused clearly', async () => {
    await open()
    const refusal = async (...words: string[]): Promise<[number | null, string]> => {
      const { code, stderr } = await commands.run(...words)
      return [code, stderr.split('\n')[0] ?? '']
    }
    expect(await refusal('get', 'things', 'none')).toEqual([1, 'coatcheck: Record was not found.'])
    expect((await refusal('get', 'nothing', 'k'))[1]).toMatch(/There is no store nothing/)
    expect(await refusal('put', 'things', 'k', file('none'))).toEqual([
      1,
      `coatcheck: ${file('none')} can't be read. There is no such file.`,
    ])
    expect((await refusal('put', 'things', 'k', folder))[1]).toContain('is a folder')
    await commands.out('put', 'things', 'k', file('value.json'), '--if-absent')
    expect((await refusal('put', 'things', 'k', file('value.json'), '--if-absent'))[0]).toBe(1)
    expect((await refusal('put', 'things', 'k', file('value.json'), '--if-revision', '1'))[0]).toBe(
      1,
    )
    expect((await refusal('put', 'things', 'k', file('value.json'), '--if-revision', 'x'))[0]).toBe(
      2,
    )
    expect((await refusal('patch', 'things', 'k'))[0]).toBe(2)
    expect((await refusal('patch', 'things', 'k', '{}', '--increment', '1'))[0]).toBe(2)
    expect((await refusal('patch', 'things', 'k', '--increment', 'x'))[0]).toBe(2)
    expect((await refusal('patch', 'things', 'k', '--increment', '1'))[1]).toContain(
      'needs a number',
    )
    expect((await refusal('ls', 'things', '--token', 'x'))[0]).toBe(2)
    expect((await refusal('ls', 'things', '--url', 'ftp://x', '--token', 'x'))[0]).toBe(2)
  })
})

describe('records on the command line', () => {
  let server: ServerProcess
  let commands: DataCommands
  let env: Record<string, string> = {}

  const start = async (): Promise<void> => {
    const opened = await openServedFolder()
    server = opened.server
    commands = opened.commands
    const client = new Client({ url: server.url, token: server.token })
    await client.openStore('things')
    client.close()
    env = { COATCHECK_DATA: server.data }
  }

  const big = randomBytes(5_000_000)

  it('go through pipes byte by byte, to a folder and to a server at a URL', async () => {
    await start()
    const folder = createTestFolder()
    const path = join(folder, 'big')
    writeFileSync(path, big)
    const remote = { COATCHECK_URL: server.url, COATCHECK_TOKEN: server.token }
    for (const [at, place] of [env, remote].entries()) {
      const stored = await shell(`cat ${path} | coatcheck put things big${at} -`, place)
      expect([stored.code, stored.stderr]).toEqual([0, ''])
      const { stdout, stderr } = await shell(`coatcheck get things big${at}`, place)
      expect([digestOf(stdout), stderr]).toEqual([digestOf(big), ''])
      await shell(`coatcheck get things big${at} --out ${folder}/copy${at}`, place)
      expect(digestOf(readFileSync(join(folder, `copy${at}`)))).toBe(digestOf(big))
    }
    const cut = await shell('set -o pipefail; coatcheck get things big1 | head -c 10', env)
    expect([cut.stdout.length, cut.stderr]).toEqual([10, ''])
    expect((await shell('coatcheck ls things', { ...remote, COATCHECK_TOKEN: 'wrong' })).code).toBe(
      1,
    )
    expect(readdirSync(folder).toSorted()).toEqual(['big', 'copy0', 'copy1'])
  })

  it('leave no half file when the server goes away', async () => {
    await start()
    const folder = createTestFolder()
    writeFileSync(join(folder, 'big'), Buffer.alloc(30_000_000, 'x'))
    await commands.out('put', 'things', 'big', join(folder, 'big'))
    const out = join(folder, 'copy')
    const { child, stderr } = spawnCoatcheck({ args: ['get', 'things', 'big', '--out', out], env })
    const ended = new Promise((resolve) => child.once('close', resolve))
    while (!readdirSync(folder).some((name) => name.endsWith('.part'))) await sleep(5)
    await server.kill()
    const code = await ended
    // It may have been complete before the kill.
    expect(code === 0 ? existsSync(out) : !existsSync(out)).toBe(true)
    if (code !== 0) expect(stderr.text).toContain('was not written')
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it('are told as they change, over a restart of the server', async () => {
    await start()
    const { child, stdout } = spawnCoatcheck({ args: ['watch', 'things', 'a'], env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = new Promise((resolve) => child.once('close', resolve))
    const rows = (): string[][] =>
      stdout.text
        .split('\n')
        .slice(0, -1)
        .map((line) => line.split('\t'))
    const patch = (key: string): Promise<unknown> =>
      commands.out('patch', 'things', key, '--increment', '9007199254740993')
    await vi.waitUntil(
      async () => {
        await patch('a')
        return rows().length > 0
      },
      { timeout: 20_000, interval: 200 },
    )
    await patch('b')
    await commands.out('rm', 'things', 'a')
    await expect.poll(() => rows().at(-1)?.slice(1), { timeout: 20_000 }).toEqual(['delete', 'a'])
    expect(rows()[0]?.[3]).toMatch(/^\d{16,}$/)
    expect(rows().some(([, , key]) => key === 'b')).toBe(false)
    await server.stop()
    server = await ServerProcess.start({ data: server.data })
    await patch('a2')
    await expect.poll(() => rows().at(-1)?.[2], { timeout: 30_000 }).toBe('a2')
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })
})
