import { execFile, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from './support/pages/chromium.ts'
import { freePort } from './support/processes/free-port.ts'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const run = promisify(execFile)
const installMs = 300_000
const sound = '4 stores, 3 records, 24 bytes: everything is sound\n'

/** A code block of the README, and its language. */
interface Block {
  readonly language: string
  readonly text: string
}

describe('the README', { timeout: installMs }, () => {
  const clone = mkdtempSync(join(process.env.COATCHECK_TEST_DISK ?? tmpdir(), 'coatcheck-readme-'))
  const blocks = readBlocks()
  let port = 0
  let start: Started | undefined
  let browser: Awaited<ReturnType<typeof launchChromium>> | undefined

  beforeAll(async () => {
    port = await freePort()
    copyProject(clone)
  }, installMs)

  afterAll(async () => {
    await browser?.close()
    await start?.stop()
    rmSync(clone, { recursive: true })
  }, installMs)

  it('has the code blocks that these tests run', () => {
    expect(blocks.map(({ language }) => language)).toEqual([
      'sh',
      'sh',
      'sh',
      'js',
      'js',
      'html',
      'sh',
      'sh',
      'sh',
    ])
    expect(blocks.at(-1)?.text).toBe('npm test')
  })

  it('starts from a fresh clone with one command', async () => {
    start = new Started(block(0), { clone, port })
    await start.ready()
    expect(start.output()).toMatch(/^Your token is in \S+first-token$/m)
    expect(start.output()).toContain(`Coatcheck is listening on http://127.0.0.1:${port}`)
  })

  it('stores a first record with curl', async () => {
    const { stdout } = await run('bash', ['-ec', withPort(block(2))], { cwd: clone })
    expect(stdout).toContain('"name":"my-first-store"')
    expect(stdout.endsWith('{"hello":"world"}')).toBe(true)
  })

  it('stores a first record with apify-client', async () => {
    const clients = join(root, 'server/test/node_modules')
    symlinkSync(clients, join(clone, 'server/test/node_modules'))
    const token = readFileSync(join(clone, 'coatcheck-data/first-token'), 'utf8').trim()
    const script = join(clone, 'server/test/first-record.mjs')
    writeFileSync(script, `const token = '${token}'\n${withPort(block(3))}`)
    const { stdout } = await run(process.execPath, [script])
    expect(stdout).toBe("{ hello: 'world' }\n")
  })

  it("opens a first session as NemesisDB's clients do", async () => {
    const script = join(clone, 'first-session.mjs')
    const ending = "socket.addEventListener('message', () => socket.close())"
    writeFileSync(script, `${withPort(block(4))}\n${ending}`)
    const { stdout } = await run(process.execPath, [script])
    expect(stdout).toMatch(/^\{"SH_NEW_RSP":\{"st":1,"name":"my first session","tkn":\d+\}\}\n$/)
  })

  it.each(['', ' --open off'])(
    'keeps the count of a page without a backend%s',
    async (openness) => {
      const readme = readFileSync(join(root, 'README.md'), 'utf8')
      const command = /`(npx coatcheck project create [^`]+)`/.exec(readme)?.[1] ?? ''
      const { stdout } = await run('bash', ['-ec', command + openness], { cwd: clone })
      const channel = /\bchannel\s+(\S+)/i.exec(stdout)?.[1] ?? stdout
      const key = /\bpage key\s+(\S+)/i.exec(stdout)?.[1] ?? stdout
      const file = join(clone, 'visits.html')
      writeFileSync(file, withPort(block(5)).replace('CHANNEL', channel).replace('KEY', key))
      browser ??= await launchChromium()
      const page = await (await browser.newContext()).newPage()
      for (const visit of ['1', '2']) {
        await page.goto(pathToFileURL(file).href)
        await page.waitForFunction(`document.body.textContent.trim() === '${visit}'`)
      }
    },
  )

  it('shares the store with another user, by commands to the running server', async () => {
    const { stdout } = await run('bash', ['-ec', block(6)], { cwd: clone })
    const [hers = '', shared, scraper = ''] = stdout.split('\n')
    expect(shared).toBe('The store owner~my-first-store is now shared (write) with jane.')
    const store = `http://127.0.0.1:${port}/v2/key-value-stores/owner~my-first-store`
    for (const token of [hers, scraper]) {
      const headers = { Authorization: `Bearer ${token}` }
      const write = async (method: string): Promise<number> =>
        (await fetch(`${store}/records/DRAFT`, { method, headers })).status
      expect([await write('PUT'), await write('DELETE')]).toEqual([201, 204])
    }
  })

  it('lists the options', async () => {
    const { stdout } = await run('npx', ['coatcheck', '--help'], { cwd: clone })
    expect(stdout).toContain('--port')
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('`npx coatcheck --help`')
  })

  it('checks the data after the server has stopped', async () => {
    await start?.stop()
    const check = async (): Promise<string> =>
      (await run('bash', ['-ec', block(7)], { cwd: clone })).stdout
    // npm may end a moment before the server does.
    await expect.poll(check, { timeout: 10_000 }).toBe(sound)
  })

  it('accepts options after --', async () => {
    const data = join(clone, 'elsewhere')
    const command = block(1).replace('9000', String(port)).replace('/path/to/data', data)
    start = new Started(command, { clone, port })
    await start.ready()
    expect(readFileSync(join(data, 'first-token'), 'utf8')).toMatch(/^coatcheck_/)
    await start.stop()
  })

  it('names scripts and files that exist', () => {
    const text = readFileSync(join(root, 'README.md'), 'utf8')
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const [, name = ''] of text.matchAll(/npm run (\w+)/g))
      expect(scripts).toHaveProperty(name)
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link)
    expect(links.length).toBeGreaterThan(5)
    const known = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
    const files = known.toString().split('\n')
    for (const link of links) {
      expect(
        files.some((file) => file === link || file.startsWith(`${link}/`)),
        link,
      ).toBe(true)
    }
  })

  function block(index: number): string {
    return blocks[index]?.text ?? ''
  }

  function withPort(text: string): string {
    return text.replaceAll('8288', String(port))
  }
})

/** A command of the README that serves until it is stopped. */
class Started {
  readonly #child
  readonly #exit: Promise<number>
  #output = ''

  constructor(command: string, { clone, port }: { clone: string; port: number }) {
    // Like a machine that has only Node and npm: the tools of this test run are not on the path.
    const path = (process.env.PATH ?? '')
      .split(delimiter)
      .filter((folder) => !folder.startsWith(root))
      .join(delimiter)
    const env = { ...process.env, PATH: path, COATCHECK_PORT: String(port) }
    this.#child = spawn('bash', ['-c', `exec ${command}`], {
      cwd: clone,
      env,
      detached: true,
    })
    this.#child.stdout.on('data', (part) => this.#take(part))
    this.#child.stderr.on('data', (part) => this.#take(part))
    const { promise, resolve: exited } = Promise.withResolvers<number>()
    this.#child.on('close', (code) => exited(code ?? -1))
    this.#exit = promise
  }

  output(): string {
    return this.#output
  }

  async ready(): Promise<void> {
    const ended = this.#exit.then((code) => `ended with ${code}`)
    while (!this.#output.includes('Coatcheck is listening on')) {
      const tick = new Promise((resolve) => setTimeout(resolve, 50))
      const outcome = await Promise.race([tick, ended])
      if (typeof outcome === 'string') throw new Error(`npm start ${outcome}: ${this.#output}`)
    }
  }

  /** Sends the signal to npm and to all its child processes, as Ctrl-C in a terminal does. */
  stop(): Promise<number> {
    const { pid, exitCode, signalCode } = this.#child
    const isRunning = pid !== undefined && exitCode === null && signalCode === null
    if (isRunning) process.kill(-pid, 'SIGINT')
    return this.#exit
  }

  #take(part: Buffer): void {
    this.#output += part.toString()
  }
}

function readBlocks(): Block[] {
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  const found = text.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)
  return [...found].map(([, language = '', block = '']) => ({ language, text: block }))
}

/** Copies the working tree like a clone, but with uncommitted changes. */
function copyProject(to: string): void {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
  for (const file of listed.toString().split('\n').filter(Boolean)) {
    cpSync(join(root, file), join(to, file), { recursive: true })
  }
}
