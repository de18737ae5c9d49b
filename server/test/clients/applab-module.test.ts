import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startTestServer, type TestServer } from '../support/network/test-server.ts'
import { ApplabProject } from '../support/pages/applab-project.ts'
import { PageSite } from '../support/pages/page-site.ts'
import { clientNodes, InstalledClient } from '../support/processes/installed-client.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

let server: TestServer
let project: ApplabProject
let client: InstalledClient

beforeAll(async () => {
  server = await startTestServer()
  project = await ApplabProject.create(server, { isOpen: false })
  client = await InstalledClient.create()
})

afterAll(async () => {
  await server.close()
  client.remove()
})

describe.each(clientNodes)('coatcheck-client/applab, on %s', (_, node) => {
  it('does what its README says', async () => {
    const { stdout, stderr } = await runProgram(node, example('js'))
    expect({ stdout, stderr }).toEqual({ stdout: '{ ada: 100 } undefined\n', stderr: '' })
    expect(await project.get('highScore')).toEqual({ ada: 100 })
  })

  it('cannot wait without await, and says so', async () => {
    const { stdout } = await runProgram(
      node,
      `${creating}
      for (const wait of [() => app.setKeyValueSync('k', 1), () => app.getKeyValueSync('k'), app.getUserId]) {
        try { wait() } catch (error) { console.log(error.name, error.message) }
      }
      await app.getKeyValue('k')
      console.log(/^[\\w-]{22}$/.test(app.getUserId()))`,
    )
    const sentence =
      'TypeError Only a web page can block until the server answers. Elsewhere, await getKeyValue() ' +
      'or setKeyValue(); after the first call, getUserId() knows the user.'
    expect(stdout.trimEnd().split('\n')).toEqual([
      sentence,
      sentence,
      sentence,
      'done get k',
      'true',
    ])
  })

  it('warns with the line, runs callbacks, and announces successful calls', async () => {
    const { stdout, stderr } = await runProgram(
      node,
      `${creating}
const { setKeyValue, getKeyValue } = app
setKeyValue(5, 'five', () => getKeyValue('5', (value) => console.log('read', value)))
setKeyValue('key', () => 1, undefined, (error) => console.log(JSON.stringify(error)))`,
    )
    expect(stderr.trimEnd().split('\n')).toEqual([
      'WARNING: Line: 9: setKeyValue() key parameter value (5) is not a string.',
      'WARNING: Line: 10: setKeyValue() value parameter value (function) is not a string, number, ' +
        'boolean, undefined or null.',
    ])
    expect(stdout.trimEnd().split('\n').toSorted()).toEqual([
      'done get 5',
      'done set 5',
      'read five',
      '{"msg":"Value must be specified","type":"Value must be specified"}',
    ])
  })
})

it('has types that a program can be checked with', async () => {
  const program = (key: string) => `
    import { AppLabError, createAppLab, type Refusal } from 'coatcheck-client/applab'
    const { setKeyValue, getKeyValue, getUserId } = createAppLab({ baseUrl: 'http://h', channelId: 'c' })
    const stored: Promise<void> = setKeyValue(${key}, [1])
    setKeyValue('key', 1, () => {}, ({ msg, type }: Refusal) => console.log(msg, type))
    const value: unknown = await getKeyValue('key')
    getKeyValue('key', (value) => console.log(value))
    const id: string | undefined = getUserId()
    console.log(stored, value, id, AppLabError)`
  const programs = { 'right.mts': program(`'key'`), 'wrong.mts': program('5') }
  expect(await client.typeErrors(programs)).toEqual([
    expect.stringMatching(/^wrong\.mts\(\d+,\d+\): error TS2345$/),
  ])
})

describe('in Chromium', () => {
  let site: PageSite
  beforeAll(async () => {
    site = await PageSite.open()
  })
  afterAll(() => site.close())

  it('the script does what the README says', async () => {
    const page = await site.visit(`<body>${here(example('html'))}`)
    await expect.poll(() => page.page.textContent('body')).toBe('high score is: 100')
    expect([page.printed, page.uncaught]).toEqual([[], []])
  })

  it('the module waits like the script', async () => {
    const modules = createServer(({ url = '' }, response) => {
      const isScript = url.endsWith('.js')
      response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
      response.end(isScript ? readFileSync(client.path(`dist${url}`)) : '')
    })
    await new Promise<void>((listens) => modules.listen(0, '127.0.0.1', listens))
    onTestFinished(() => void modules.close())
    const page = await (await site.newBrowser()).newPage()
    await page.goto(`http://127.0.0.1:${(modules.address() as AddressInfo).port}/`)
    const { channelId, pageKey } = project
    const options = JSON.stringify({ baseUrl: server.url, channelId, pageKey })
    const outcome = await page.evaluate(`import('/applab/app-lab.js').then(({ createAppLab }) => {
      const app = createAppLab(${options})
      return [app.setKeyValueSync('sync', [1]), app.getKeyValueSync('sync'), app.getUserId().length]
    })`)
    expect(outcome).toEqual([true, [1], 22])
  })
})

/** The first seven lines of a program: they make `app`, which prints its calls. */
const creating = `import { createAppLab } from 'coatcheck-client/applab'
const app = createAppLab({
  baseUrl: 'http://127.0.0.1:8288/',
  channelId: 'CHANNEL',
  pageKey: 'PAGE_KEY',
  onDone: ({ kind, key }) => console.log('done', kind, key),
})`

function runProgram(node: string, program: string): Promise<{ stdout: string; stderr: string }> {
  return client.run(node, here(program))
}

/** Replaces the server and the project by those of the test. */
function here(text: string): string {
  const found = text
    .replace('http://127.0.0.1:8288', server.url)
    .replace('CHANNEL', project.channelId)
    .replace('PAGE_KEY', project.pageKey)
  expect(found).not.toBe(text)
  return found
}

/** A code block of the section in the README. */
function example(language: string): string {
  const readme = readFileSync(join(root, 'client/README.md'), 'utf8')
  const [, section = ''] = readme.split("\n## App Lab's functions\n")
  const [, text = ''] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(section) ?? []
  return text
}
