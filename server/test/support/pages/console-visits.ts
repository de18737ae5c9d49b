import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { Config } from '../../../src/installation/config.ts'
import { startTestServer, type TestServer } from '../network/test-server.ts'
import { launchChromium } from './chromium.ts'
import { ConsolePage } from './console-page.ts'

/** What all tests of one file about the console share. */
export interface ConsoleVisits {
  readonly server: TestServer
  /** A browser of its own, until the end of the test. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>
  /** A tab of the admin, signed in, in the browser that all tests of this file share. */
  open(at?: string): Promise<ConsolePage>
}

/** Starts a server on LMDB and a browser before the tests of this file. */
export function useConsoleVisits(settings: Partial<Config> = {}): ConsoleVisits {
  let server: TestServer | undefined
  let browser: Browser | undefined
  let shared: BrowserContext | undefined
  beforeAll(async () => {
    server = await startTestServer({ engine: 'lmdb', ...settings })
    browser = await launchChromium()
    shared = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
  const running = (): TestServer => {
    if (!server) throw new Error('The server runs only inside tests.')
    return server
  }
  return {
    get server() {
      return running()
    },
    async newContext(options) {
      if (!browser) throw new Error('The browser runs only inside tests.')
      const context = await browser.newContext(options)
      onTestFinished(() => context.close())
      return context
    },
    async open(at = '') {
      if (!shared) throw new Error('The browser runs only inside tests.')
      const { url, token } = running()
      const opened = await ConsolePage.open(shared, url, { token, at })
      onTestFinished(() => opened.page.close())
      return opened
    },
  }
}
