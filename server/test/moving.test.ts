import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTestFolder } from './support/data/test-folder.ts'
import { PageSite } from './support/pages/page-site.ts'
import { coatcheckWords } from './support/processes/command.ts'
import { type OwnServer, startOwnServer } from './support/processes/own-server.ts'

vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const text = readFileSync(new URL('../../docs/moving-from-code-org.md', import.meta.url), 'utf8')
const channel = 'Yp05MnSdVubn04tBoEZn_g-of-code-org'
const long = 'x'.repeat(5_000)
/** Pairs as code.org returns them, with a null that an old version kept instead of deleting it. */
const pairs = `{"highScore":100,"id":9007199254740993,"gone":null,"__proto__":"🧥","long":"${long}"}`

/** The code blocks of the page in one language, in order. */
function blocks(language: 'js' | 'sh' | 'html'): string[] {
  const found = text.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)
  const all = [...found].filter(([, name]) => name === language)
  return all.map(([, , block = '']) => block.replaceAll('CHANNEL', channel))
}

/** A folder with a server that runs until the test ends. */
async function openFolder(): Promise<{ server: OwnServer; folder: string }> {
  const folder = createTestFolder()
  const server = await startOwnServer({ data: join(folder, 'coatcheck-data') })
  writeFileSync(join(folder, 'pairs.json'), pairs)
  return { server, folder }
}

/** Runs shell commands as in a clone, where `npx` finds `coatcheck`. */
async function shell(folder: string, commands: string): Promise<string> {
  const words = coatcheckWords([]).map((word) => `'${word}'`)
  const npx = `npx() { shift; ${words.join(' ')} "$@"; }`
  const options = { cwd: folder, env: { PATH: process.env.PATH } }
  const { stdout } = await run('bash', ['-ec', `${npx}\n${commands}`], options)
  return stdout
}

describe('docs/moving-from-code-org.md', () => {
  let site: PageSite
  beforeAll(async () => {
    site = await PageSite.open()
  })
  afterAll(() => site.close())

  it("copies the pairs with the code for the browser's console", async () => {
    const codeOrg = createServer(({ url }, response) => {
      const isPairs = url === `/datablock_storage/${channel}/get_key_values`
      response.setHeader('Content-Type', isPairs ? 'application/json' : 'text/html')
      response.end(isPairs ? pairs : '<!doctype html><title>App Lab</title>')
    })
    await new Promise<void>((listens) => codeOrg.listen(0, '127.0.0.1', listens))
    onTestFinished(() => void codeOrg.close())
    const page = await (await site.newBrowser()).newPage()
    const { port } = codeOrg.address() as AddressInfo
    await page.goto(`http://127.0.0.1:${port}/projects/applab/${channel}/edit`)
    const tools = await page.context().newCDPSession(page)
    await tools.send('Runtime.enable')
    const { promise, resolve } = Promise.withResolvers<unknown>()
    // The text that `copy` of the console puts into the clipboard.
    tools.on('Runtime.inspectRequested', ({ object, hints }) =>
      resolve('copyToClipboard' in hints ? object.value : hints),
    )
    const [expression = ''] = blocks('js')
    const options = { replMode: true, awaitPromise: true, includeCommandLineAPI: true }
    const { exceptionDetails } = await tools.send('Runtime.evaluate', { expression, ...options })
    expect(exceptionDetails).toBeUndefined()
    expect(await promise).toBe(pairs)
  })

  it('moves the pairs into a project of the same channel id, and loses only null', async () => {
    const { folder } = await openFolder()
    const [make = '', show = ''] = blocks('sh')
    const made = await shell(folder, make)
    expect(made).toContain(`channel\t${channel}\n`)
    expect(made).toContain('open without page key\tno\n')
    expect(made).toContain(
      'Pairs of owner~my-game: 4 added, 0 overwritten, 0 kept, 1 left out (their value is null).\n',
    )
    const moved = JSON.parse((await shell(folder, show)).replace('9007199254740993', '"big"'))
    expect(Object.entries(moved).toSorted()).toEqual([
      ['__proto__', '🧥'],
      ['highScore', 100],
      ['id', 'big'],
      ['long', long],
    ])
    const again = text.match(/`npx coatcheck project (?:seed|reset) [^`]+`/g) ?? []
    expect(again).toHaveLength(2)
    const commands = again.map((one) => one.replaceAll('`', '').replace('CHANNEL', channel))
    await shell(folder, `${commands.join('\n')} --yes`)
    expect(await shell(folder, show)).toContain('"id":9007199254740993')
  })

  it("keeps the page working with the script's functions only", async () => {
    const { server, folder } = await openFolder()
    const made = await shell(folder, blocks('sh')[0] ?? '')
    const [, key = ''] = /^page key\t(\S+)$/m.exec(made) ?? []
    const program = `
      getKeyValue('highScore', (score) => setKeyValue('highScore', score + 1, () => {
        getKeyValue('highScore', (now) => {
          console.log('high score is: ' + now)
          getKeyValue('long', ({ length }) => {
            console.log('long has ' + length)
            setKeyValue('long', '${long}', () => console.log('stored'), ({ type }) => {
              console.log(type)
              createRecord('scores', { score: 1 }, () => {})
            })
          })
        })
      }))
      onEvent('button', 'click', () => {})`
    const [tags = ''] = blocks('html')
    const html = tags
      .replace('http://127.0.0.1:8288', server.url)
      .replace('KEY', key)
      .replace('<script src="code.js">', `<script>${program}`)
    expect(html).not.toContain('code.js')
    const page = await site.visit(html)
    const lines = ['high score is: 101', `long has ${long.length}`, 'MAX_VALUE_LENGTH_EXCEEDED']
    await expect.poll(() => page.printed, { timeout: 30_000 }).toEqual(lines)
    const notDefined = ['onEvent is not defined', 'createRecord is not defined']
    await expect.poll(() => page.uncaught).toEqual(notDefined)
    expect(notDefined.filter((sentence) => !text.includes(sentence))).toEqual([])
  })
})
