import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../support/network/test-server.ts'
import { launchChromium } from '../support/pages/chromium.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const run = promisify(execFile)
const oldestNode = join(root, 'server/test/node_modules/node-22/bin/node')
const compiler = join(root, 'node_modules/typescript/bin/tsc')

const installMs = 300_000

describe('the published coatcheck-client', { timeout: installMs }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-client-'))
  const installed = join(folder, 'node_modules/coatcheck-client')
  const dist = join(installed, 'dist')
  let server: TestServer

  beforeAll(async () => {
    server = await startTestServer({ nemesisPort: 0 })
    const packed = npm(['pack', '-w', 'client', '--pack-destination', folder, '--json'], root)
    const [tarball] = Object.values<{ filename: string }>(JSON.parse(packed))
    writeFileSync(join(folder, 'package.json'), '{"private":true}')
    npm(['install', join(folder, tarball?.filename ?? '')], folder)
  }, installMs)

  afterAll(async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  })

  it('holds built JavaScript with its types, no sources and no tests, and needs no other package', () => {
    const names = readdirSync(installed, { recursive: true }).map(String)
    expect(names).toEqual(
      expect.arrayContaining([
        'dist/index.js',
        'dist/index.d.ts',
        'dist/applab/app-lab.d.ts',
        'dist/applab.js',
        'README.md',
        'LICENSE',
      ]),
    )
    const wrong = names.filter((name) => /(?<!\.d)\.ts$|\.test\.|\.map$|tsconfig/.test(name))
    expect(wrong).toEqual([])
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({ name: 'coatcheck-client', engines: { node: '>=22.18' } })
    expect(manifest).not.toHaveProperty('private')
    expect(manifest).not.toHaveProperty('dependencies')
    for (const { types, default: script } of Object.values<Record<string, string>>(
      manifest.exports,
    )) {
      for (const file of [types, script].filter((one) => one !== undefined)) {
        expect(existsSync(join(installed, file)), file).toBe(true)
      }
    }
  })

  it('has a README that needs nothing of a clone', () => {
    const text = readFileSync(join(installed, 'README.md'), 'utf8')
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
    const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchorOf(title))
    expect(links.length).toBeGreaterThan(5)
    for (const link of links.filter((one) => !one.startsWith('https://'))) {
      expect(anchors).toContain(link)
    }
  })

  describe.each([
    ['the Node of the project', process.execPath],
    ['the oldest Node that is supported', oldestNode],
  ])('on %s', (_, node) => {
    it.each(['Stores and records', 'NemesisClient'])(
      'does what its README says: %s',
      async (title) => {
        const program = blocksOf('js', title).join('\n')
        const script = join(folder, 'example.mjs')
        const own = await startTestServer({ nemesisPort: 0 })
        try {
          writeFileSync(script, at(own, program))
          const { stdout } = await run(node, [script])
          expect(stdout.trimEnd().split('\n')).toEqual(printedBy(program))
        } finally {
          await own.close()
        }
      },
    )
  })

  it('has types that a program can be checked with', async () => {
    const program = (token: string) => `
      import { CoatcheckClient, NemesisClient, NemesisError, status } from 'coatcheck-client'
      import type { Change, JsonValue, StoredRecord } from 'coatcheck-client'
      import { createAppLab } from 'coatcheck-client/applab'
      const client = await NemesisClient.connect('ws://127.0.0.1', { signal: AbortSignal.timeout(9) })
      const value: JsonValue | undefined = await client.session(${token}).getOne('key')
      const text: string | undefined = await client.session('5').getOne('key', { raw: true })
      const store = new CoatcheckClient({ url: 'http://127.0.0.1' }).store('s')
      const record: StoredRecord | undefined = await store.get('k')
      if (record?.kind === 'bytes') record.value.byteLength
      for await (const change of store.watch()) {
        const all: Change = change
        if (change.kind === 'put') console.log(change.key, all.revision)
      }
      console.log(value, text, status.Ok, NemesisError, createAppLab)`
    const programs = { 'right.mts': program('5n'), 'wrong.mts': program('5') }
    for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text)
    const files = Object.keys(programs).map((name) => join(folder, name))
    const language = ['--target', 'es2024', '--module', 'nodenext', '--lib', 'es2024,dom']
    const checked = compile(['--ignoreConfig', '--noEmit', '--strict', ...language, ...files])
    const { stdout } = await checked.catch((error: { readonly stdout: string }) => error)
    expect(stdout.match(/[^/\n]*: error TS\d+/g)).toEqual([
      expect.stringMatching(/^wrong\.mts\(\d+,\d+\): error TS2345$/),
    ])
  })

  describe('in Chromium', () => {
    let browser: Browser
    /** An empty page of another origin, which can import the client. */
    let page: Page
    let origin = ''
    let close = (): void => undefined
    const [httpPage = ''] = blocksOf('html', 'Stores and records')
    const [nemesisPage = ''] = blocksOf('html', 'NemesisClient')

    beforeAll(async () => {
      const pages = createServer(({ url = '' }, response) => {
        const prefix = '/coatcheck-client/'
        const isScript = url.startsWith(prefix)
        const html = { '/http': httpPage, '/nemesis': nemesisPage }[url]
        const body = isScript
          ? readFileSync(join(dist, url.slice(prefix.length)), 'utf8')
          : `<body>${html ? at(server, html) : ''}`
        response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
        response.end(body)
      })
      await new Promise<void>((listens) => pages.listen(0, '127.0.0.1', listens))
      origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
      browser = await launchChromium()
      close = () => pages.close()
      page = await browser.newPage()
      await page.goto(origin)
    })

    afterAll(async () => {
      await browser?.close()
      close()
    })

    it.each([
      ['/http', 'visits: 1'],
      ['/nemesis', '1, 12728784288890246945'],
    ])('does what its README says at %s', async (path, text) => {
      const page = await browser.newPage()
      const errors: Error[] = []
      page.on('pageerror', (error) => errors.push(error))
      await page.goto(origin + path)
      await expect.poll(() => page.textContent('body')).toBe(text)
      expect(errors).toEqual([])
      await page.close()
    })

    it('stores and reads values of every kind, with their revisions, from another origin', async () => {
      const outcome = await page.evaluate(`(async () => {
        const { CoatcheckClient } = await import('/coatcheck-client/index.js')
        const client = new CoatcheckClient({ url: '${server.url}', token: '${server.token}' })
        const store = await client.stores.create()
        const first = await store.put('a/😀', { n: 12728784288890246945n }, { ifAbsent: true })
        await store.put('stream', new Blob(['streamed']).stream())
        const again = await store.put('a/😀', 1, { ifAbsent: true }).catch(({ type }) => type)
        const found = await store.get('a/😀')
        const read = await store.stream('stream')
        const text = await new Response(read.body).text()
        const keys = []
        for await (const { key } of store.keys()) keys.push(key)
        const wrong = await new CoatcheckClient({ url: '${server.url}', token: 'x', retries: 0 })
          .stores.create().catch(({ status, type }) => status + ' ' + type)
        const gone = await new CoatcheckClient({ url: 'http://127.0.0.1:9', retries: 0 })
          .store('s').get('k').catch(({ type }) => type)
        return [found.revision === first.revision, found.text, again, text, keys, wrong, gone]
      })()`)
      expect(outcome).toEqual([
        true,
        '{"n":12728784288890246945}',
        'condition-failed',
        'streamed',
        ['a/😀', 'stream'],
        '401 user-or-token-not-found',
        'connection-failed',
      ])
    })

    it('rejects a page of another origin without a token', async () => {
      const outcome = await page.evaluate(`
        import('/coatcheck-client/index.js')
          .then(({ NemesisClient }) => NemesisClient.connect('${server.nemesisUrl}'))
          .then(() => 'connected', ({ name, outcome }) => name + ' ' + outcome)`)
      expect(outcome).toBe('NemesisConnectionError not-sent')
    })

    // A browser tells a page only "code 1006", whatever the reason is.
    it.each<[what: string, url: () => string, options: string, cause: RegExp]>([
      ['without a token', () => server.nemesisUrl, '{}', /origin needs an API token: connect/],
      [
        'with a wrong token',
        () => server.nemesisUrl,
        "{ token: 'w' }",
        /token is wrong, expired or/,
      ],
      ['where no server is', () => 'ws://127.0.0.1:9', '{}', /no server is running at 127.0.0.1:9/],
      [
        'at another path',
        () => `${server.url.replace('http', 'ws')}/else`,
        "{ token: 'w' }",
        /path is not \/nemesis/,
      ],
    ])('names the likely causes to a page that is refused %s', async (_, url, options, cause) => {
      const message = await page.evaluate(`
        import('/coatcheck-client/index.js')
          .then(({ NemesisClient }) => NemesisClient.connect('${url()}', ${options}))
          .then(() => 'connected', ({ message }) => message)`)
      expect(message).toMatch(/^No connection to ws:\/\/\S+: code 1006\. Likely causes: /)
      expect(message).toMatch(cause)
    })
  })
})

/** Replaces the addresses and the token in a block of the README by those of a server. */
function at({ url, nemesisUrl, token }: TestServer, text: string): string {
  const found = text
    .replace('ws://127.0.0.1:1987', nemesisUrl)
    .replace('http://127.0.0.1:8288', url)
    .replace('coatcheck_...', token)
  expect(found).not.toBe(text)
  return found
}

/** The blocks of a language below a title of the README. */
function blocksOf(language: string, title: string): string[] {
  const readme = readFileSync(join(root, 'client/README.md'), 'utf8')
  const [, section = ''] = readme.split(`\n## ${title}\n`)
  const [own = ''] = section.split('\n## ')
  const blocks = own.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)
  return [...blocks].filter(([, name]) => name === language).map(([, , text = '']) => text)
}

/** The lines that a program prints, as the comments behind its calls of console.log say. */
function printedBy(program: string): string[] {
  const calls = program.split('\n').filter((line) => line.includes('console.log('))
  return calls.flatMap((line) => {
    const said = line.split(' // ')[1] ?? ''
    return /^\s/.test(line) ? said.split(', ') : [said]
  })
}

/** As pages of the registry make them. */
function anchorOf(title: string): string {
  return `#${title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')}`
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', ['--loglevel=error', ...args], { cwd, stdio: 'pipe' }).toString()
}

function compile(args: readonly string[]): Promise<{ readonly stdout: string }> {
  return run(process.execPath, [compiler, ...args])
}
