import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { startTestServer, type TestServer } from '../network/test-server.ts'
import type { ApplabProject } from './applab-project.ts'
import { launchChromium } from './chromium.ts'
import { PlayPage } from './play-page.ts'

/** What all tests of one file about the page `/play` share. */
export interface PlayVisits {
  readonly server: TestServer
  /** The browser of somebody who was never there, until the end of the test. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>
  /** The page with this project, as its owner. */
  openOwned(project: ApplabProject, visit?: OwnedVisit): Promise<PlayPage>
}

interface OwnedVisit {
  /** The server of the project, if it is another one. */
  readonly on?: TestServer
  /** Undefined: a new one. */
  readonly context?: BrowserContext
}

/** Starts a server and a browser before the tests of this file. */
export function usePlayVisits(): PlayVisits {
  let server: TestServer | undefined
  let browser: Browser | undefined
  beforeAll(async () => {
    server = await startTestServer()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
  const running = (): TestServer => {
    if (!server) throw new Error('The server runs only inside tests.')
    return server
  }
  const newContext = async (options?: BrowserContextOptions): Promise<BrowserContext> => {
    if (!browser) throw new Error('The browser runs only inside tests.')
    const context = await browser.newContext(options)
    onTestFinished(() => closeContext(context))
    return context
  }
  return {
    get server() {
      return running()
    },
    newContext,
    async openOwned({ channelId }, { on = running(), context } = {}) {
      const address = `/play?channel=${channelId}#token=${on.token}`
      return PlayPage.open(context ?? (await newContext()), on.url, address)
    },
  }
}

/** Requests that a test holds up may still wait. */
async function closeContext(context: BrowserContext): Promise<void> {
  for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' })
  await context.close()
}
