import { execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from './support/processes/free-port.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const run = promisify(execFile)
const installMs = 300_000
const oldestNode = join(root, 'server/test/node_modules/node-22/bin/node')

describe('the published package', { timeout: installMs }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-package-'))
  const installed = join(folder, 'node_modules/coatcheck')

  beforeAll(() => {
    const packed = npm(['pack', '-w', 'server', '--pack-destination', folder, '--json'], root)
    const [tarball] = Object.values<{ filename: string }>(JSON.parse(packed))
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    const quick = ['--prefer-offline', '--no-audit', '--no-fund']
    npm(['install', ...quick, join(folder, tarball?.filename ?? '')], folder)
  }, installMs)

  afterAll(() => rmSync(folder, { recursive: true }))

  it('holds built JavaScript, no sources and no tests', () => {
    const files = execFileSync('find', ['.', '-type', 'f', '-not', '-path', '*/node_modules/*'], {
      cwd: installed,
    })
    const names = files.toString().split('\n').filter(Boolean)
    expect(names).toEqual(
      expect.arrayContaining([
        './bin/coatcheck.js',
        './dist/server/main.js',
        './dist/server/json-schema-process.js',
        './dist/pages/applab.js',
        './dist/pages/play/play.html',
        './dist/pages/play/play.js',
        './README.md',
        './LICENSE',
      ]),
    )
    const wrong = names.filter((name) => /\.ts$|\.test\.|conformance|faulty|testing/.test(name))
    expect(wrong).toEqual([])
  })

  it('names its Node version, and exact versions of its dependencies', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({ name: 'coatcheck', engines: { node: '>=22.18' } })
    for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d/)
  })

  it.each([
    ['the Node of the project', process.execPath],
    ['the oldest Node that is supported', oldestNode],
  ])('serves on %s', async (_, node) => {
    const { stdout: version } = await run(node, [join(installed, 'bin/coatcheck.js'), '--version'])
    expect(version).toBe('0.1.0\n')
    const data = mkdtempSync(join(folder, 'data-'))
    const { url, stop } = await serve(node, data)
    const token = readFileSync(join(data, 'first-token'), 'utf8').trim()
    const headers = { Authorization: `Bearer ${token}` }
    const store = `${url}/v2/key-value-stores`
    expect((await fetch(`${store}?name=packed`, { method: 'POST', headers })).status).toBe(201)
    const record = `${store}/~packed/records/KEY`
    expect((await fetch(record, { method: 'PUT', body: 'x', headers })).status).toBe(201)
    expect(await (await fetch(record, { headers })).text()).toBe('x')
    const script = readFileSync(join(installed, 'dist/pages/applab.js'), 'utf8')
    expect(await (await fetch(`${url}/applab.js`)).text()).toBe(script)
    expect(await (await fetch(`${url}/play`)).text()).toContain('src="play/play.js"')
    expect((await fetch(`${url}/play/play.js`)).status).toBe(200)
    await checkSchemas(store, headers)
    const list = [join(installed, 'bin/coatcheck.js'), 'store', 'list', 'packed', '--data', data]
    expect((await run(node, list)).stdout).toContain('\tpacked\t1\t1\t')
    const { code, errors } = await stop()
    expect(code).toBe(0)
    const lines = errors.split('\n').filter((line) => !line.includes('A NEW INSTALLATION'))
    expect(lines.map((line) => line.replace(/^\S+Z /, ''))).toEqual([
      'Coatcheck is stopping: it received SIGTERM',
      'Coatcheck has stopped',
      '',
    ])
    const check = await run(node, [join(installed, 'bin/coatcheck.js'), 'check', '--data', data])
    expect(check.stdout).toContain('everything is sound')
    expect((await run(node, list)).stdout).toContain('\tpacked\t1\t1\t')
  })

  it('refuses to run on a Node that is too old, and says so', async () => {
    expect(existsSync(oldestNode)).toBe(true)
    const program = readFileSync(join(installed, 'bin/coatcheck.js'), 'utf8')
    const pretending = program.replaceAll('process.versions.node', "'20.19.0'")
    const file = join(installed, 'bin/pretending.mjs')
    writeFileSync(file, pretending)
    const outcome = run(process.execPath, [file, '--version'])
    await expect(outcome).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('needs Node.js 22.18 or newer'),
    })
  })

  describe('its README', () => {
    const read = (name: string): string => readFileSync(join(installed, name), 'utf8')
    const blocks = (language: string): string[] =>
      [...read('README.md').matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)]
        .filter(([, name]) => name === language)
        .map(([, , text = '']) => text)

    it('is about the package: what it names is in it, and nothing of a clone is needed', () => {
      const text = read('README.md')
      const { engines, bin } = JSON.parse(read('package.json'))
      expect(text).toContain(`Node.js ${engines.node.replace('>=', '')} or newer`)
      expect(Object.keys(bin)).toEqual(['coatcheck'])
      expect(text).not.toMatch(/npm (start|test|run)|docs\/|clone|workspace/)
      const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
      for (const link of links.filter((one) => !/^https:\/\//.test(one))) {
        expect(existsSync(join(installed, link)), link).toBe(true)
      }
    })

    it('has commands that work in a folder where the package is installed', async () => {
      const [start = '', curl = '', manage = '', check = ''] = blocks('sh')
      expect(blocks('sh')).toHaveLength(4)
      const port = await freePort()
      // The machine's own Node may be too old for the package.
      const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
      const own = { PATH: path, COATCHECK_PORT: String(port), COATCHECK_NEMESIS_PORT: 'off' }
      const options = { cwd: folder, env: { ...withoutSettings(), ...own } }
      // As `npx` does for a program that is installed, which takes it most of a second each time.
      const npx = 'npx() { local program=$1; shift; "node_modules/.bin/$program" "$@"; }\n'
      const shell = (text: string, program = npx) =>
        run('bash', ['-ec', program + text.replaceAll('8288', String(port))], options)
      const server = spawn('bash', ['-c', `exec ${start}`], { ...options, detached: true })
      const ended = new Promise((resolve) => server.once('close', resolve))
      try {
        let output = ''
        for (const stream of [server.stdout, server.stderr]) {
          stream.on('data', (part) => {
            output += part
          })
        }
        await expect.poll(() => output, { timeout: 60_000 }).toContain('Coatcheck is listening on')
        expect((await shell(curl)).stdout).toMatch(/"name":"notes".*hello$/s)
        const { stdout } = await shell(manage)
        expect(stdout).toContain('is now shared (read) with jane')
        expect(stdout).toMatch(/\tnotes\t/)
        expect((await shell('npx coatcheck status', '')).stdout).toContain('status\tok')
        const script = await fetch(`http://127.0.0.1:${port}/applab.js`)
        expect([script.status, blocks('html')[0]]).toEqual([
          200,
          expect.stringContaining('/applab.js'),
        ])
      } finally {
        const isRunning = server.exitCode === null && server.signalCode === null
        if (isRunning && server.pid !== undefined) process.kill(-server.pid, 'SIGINT')
        await ended
      }
      const checked = async (): Promise<string> =>
        (await shell(check).catch(({ stderr }) => ({ stdout: stderr }))).stdout
      // npm may end a moment before the server does.
      await expect.poll(checked, { timeout: 30_000 }).toContain('everything is sound')
    })
  })

  /** Schemas are checked by a separate program in the package. */
  async function checkSchemas(stores: string, headers: Record<string, string>): Promise<void> {
    const contentTypes = ['application/json']
    const collection = { key: 'K', contentTypes, jsonSchema: { type: 'number' } }
    const collections = { c: collection }
    const schema = { actorKeyValueStoreSchemaVersion: 1, title: 'T', collections }
    const json = { ...headers, 'Content-Type': 'application/json' }
    const made = { method: 'POST', body: JSON.stringify({ schema }), headers: json }
    expect((await fetch(`${stores}?name=schema`, made)).status).toBe(201)
    const put = async (body: string): Promise<number> => {
      const init = { method: 'PUT', body, headers: json }
      return (await fetch(`${stores}/~schema/records/K`, init)).status
    }
    expect([await put('1'), await put('"1"')]).toEqual([201, 400])
  }

  async function serve(
    node: string,
    data: string,
  ): Promise<{ url: string; stop(): Promise<{ code: number; errors: string }> }> {
    const ports = ['--port', '0', '--nemesis-port', '0'] // no conflict with other servers on this machine
    const args = [join(installed, 'bin/coatcheck.js'), 'serve', ...ports, '--data', data]
    const child = spawn(node, args, { env: withoutSettings() })
    const { promise: exit, resolve: exited } = Promise.withResolvers<number>()
    const { promise: url, resolve: listens } = Promise.withResolvers<string>()
    let errors = ''
    let output = ''
    child.stderr.on('data', (part) => {
      errors += part
    })
    child.stdout.on('data', (part) => {
      output += part
      const found = /listening on (\S+)\n/.exec(output)
      if (found?.[1]) listens(found[1])
    })
    child.on('close', (code) => {
      exited(code ?? -1)
      listens(`it ended: ${errors}`)
    })
    const stop = async (): Promise<{ code: number; errors: string }> => {
      child.kill('SIGTERM')
      return { code: await exit, errors }
    }
    return { url: await url, stop }
  }
})

/** The environment without settings of the tests themselves. */
function withoutSettings(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env)
  return Object.fromEntries(variables.filter(([name]) => !name.startsWith('COATCHECK_')))
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', ['--loglevel=error', ...args], { cwd, stdio: 'pipe' }).toString()
}
