import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../support/network/test-server.ts'
import { launchChromium } from '../support/pages/chromium.ts'
import { clientNodes, InstalledClient } from '../support/processes/installed-client.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

describe('the built coatcheck-client', () => {
  let server: TestServer
  let client: InstalledClient

  beforeAll(async () => {
    server = await startTestServer({ nemesisPort: 0 })
    client = await InstalledClient.create()
  })

  afterAll(async () => {
    await server.close()
    client.remove()
  })

  it.each(clientNodes)('does what its README says on %s', async (_, node) => {
    const { stdout } = await client.run(node, here(example('js')))
    expect(stdout).toBe(
      [
        'Map(3) {',
        "  'cellar' => { temp: 12 },",
        "  'serial' => 12728784288890246945n,",
        "  'nowhere' => undefined",
        '}',
        "[ 'kitchen' ]",
        '',
      ].join('\n'),
    )
  })

  it('has types that a program can be checked with', async () => {
    const program = (token: string) => `
      import { NemesisClient, NemesisError, status, type JsonValue } from 'coatcheck-client'
      const client = await NemesisClient.connect('ws://127.0.0.1', { signal: AbortSignal.timeout(9) })
      const value: JsonValue | undefined = await client.session(${token}).getOne('key')
      const text: string | undefined = await client.session('5').getOne('key', { raw: true })
      console.log(value, text, status.Ok, NemesisError)`
    await client.checkTypes(program('5n'))
    const wrong = client.checkTypes(program('5'))
    await expect(wrong).rejects.toMatchObject({ stdout: expect.stringContaining('TS2345') })
  })

  describe('in Chromium', () => {
    let browser: Browser
    let origin = ''
    let close = (): void => undefined

    beforeAll(async () => {
      const pages = createServer(({ url = '' }, response) => {
        const prefix = '/coatcheck-client/'
        const isScript = url.startsWith(prefix)
        const script = client.path(`dist/${url.slice(prefix.length)}`)
        const body = isScript ? readFileSync(script, 'utf8') : `<body>${here(example('html'))}`
        response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
        response.end(body)
      })
      await new Promise<void>((listens) => pages.listen(0, '127.0.0.1', listens))
      origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
      browser = await launchChromium()
      close = () => pages.close()
    })

    afterAll(async () => {
      await browser?.close()
      close()
    })

    it('does what its README says', async () => {
      const page = await browser.newPage()
      const errors: Error[] = []
      page.on('pageerror', (error) => errors.push(error))
      await page.goto(origin)
      await expect.poll(() => page.textContent('body')).toBe('1, 12728784288890246945')
      expect(errors).toEqual([])
      await page.close()
    })

    it('rejects a page of another origin without a token', async () => {
      const page = await browser.newPage()
      await page.goto(origin)
      const outcome = await page.evaluate(`
        import('/coatcheck-client/index.js')
          .then(({ NemesisClient }) => NemesisClient.connect('${server.nemesisUrl}'))
          .then(() => 'connected', ({ name, outcome }) => name + ' ' + outcome)`)
      expect(outcome).toBe('NemesisConnectionError not-sent')
      await page.close()
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
      const page = await browser.newPage()
      await page.goto(origin)
      const message = await page.evaluate(`
        import('/coatcheck-client/index.js')
          .then(({ NemesisClient }) => NemesisClient.connect('${url()}', ${options}))
          .then(() => 'connected', ({ message }) => message)`)
      expect(message).toMatch(/^No connection to ws:\/\/\S+: code 1006\. Likely causes: /)
      expect(message).toMatch(cause)
      await page.close()
    })
  })

  /** Replaces the server and token in a block of the README by those of the test. */
  function here(text: string): string {
    const found = text.replace('ws://127.0.0.1:1987', server.nemesisUrl)
    expect(found).not.toBe(text)
    return found.replace('coatcheck_...', server.token)
  }
})

function example(language: string): string {
  const readme = readFileSync(join(root, 'client/README.md'), 'utf8')
  const [, text = ''] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(readme) ?? []
  return text
}
