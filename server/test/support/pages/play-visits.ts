import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
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
  /**
   * The page with an address such as `/play?channel=...#token=...`, which has a project. A page
   * that another test has left, and that knows the projects of that test, may be used again.
   */
  open(address: string, visit?: SharedVisit): Promise<PlayPage>
  /** The page with this project, as its owner: one that was left, or one in the visit's context. */
  openOwned(project: ApplabProject, visit?: OwnedVisit): Promise<PlayPage>
}

interface SharedVisit {
  /** A page in another tab of the same browser. */
  readonly beside?: PlayPage | undefined
}

interface OwnedVisit extends SharedVisit {
  /** The server of the project, if it is another one. */
  readonly on?: TestServer | undefined
  /** The page is a new tab of it. */
  readonly context?: BrowserContext | undefined
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
  const launched = (): Browser => {
    if (!browser) throw new Error('The browser runs only inside tests.')
    return browser
  }
  const newContext = async (options?: BrowserContextOptions): Promise<BrowserContext> => {
    const context = await launched().newContext(options)
    onTestFinished(() => closeContext(context))
    return context
  }
  const left = new Set<Page>()
  const take = (beside?: PlayPage): Page | undefined => {
    const page = [...left].find((one) => !beside || one.context() === beside.page.context())
    if (page) left.delete(page)
    return page
  }
  const open = async (address: string, { beside }: SharedVisit = {}): Promise<PlayPage> => {
    const { url } = running()
    const page = take(beside)
    const context = (page ?? beside?.page)?.context() ?? (await launched().newContext())
    onTestFinished(({ task }) => {
      // What failed may be the page.
      if (task.result?.state === 'fail') return closeContext(context)
    })
    const play = await (page
      ? PlayPage.reopen(page, url, address)
      : PlayPage.open(context, url, address))
    onTestFinished(async ({ task }) => {
      if (task.result?.state === 'fail') return
      await leave(play.page)
      left.add(play.page)
    })
    return play
  }
  return {
    get server() {
      return running()
    },
    newContext,
    open,
    async openOwned({ channelId }, { on, context, beside } = {}) {
      const { url, token } = on ?? running()
      const address = `/play?channel=${channelId}#token=${token}`
      if (!on && !context) return open(address, { beside })
      return PlayPage.open(context ?? (await newContext()), url, address)
    },
  }
}

/** Removes what a test has added to a page. */
async function leave(page: Page): Promise<void> {
  for (const name of ['dialog', 'pageerror', 'request'] as const) page.removeAllListeners(name)
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.context().setOffline(false)
  await page.context().clearPermissions()
}

/** Requests that a test holds up may still wait. */
async function closeContext(context: BrowserContext): Promise<void> {
  for (const page of context.pages()) await page.unrouteAll({ behavior: 'ignoreErrors' })
  await context.close()
}
