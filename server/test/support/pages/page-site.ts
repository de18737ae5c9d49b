import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'

/** A web site with another origin than every server, and a browser that visits it. */
export class PageSite {
  readonly #browser: Browser
  readonly #server: Server
  readonly #pages: Map<string, string>
  #tab: Page | undefined

  static async open(): Promise<PageSite> {
    const pages = new Map<string, string>()
    const server = createServer(({ url = '' }, response) => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8')
      response.end(pages.get(url) ?? '')
    })
    await new Promise<void>((listens) => server.listen(0, '127.0.0.1', listens))
    return new PageSite(await launchChromium(), server, pages)
  }

  private constructor(browser: Browser, server: Server, pages: Map<string, string>) {
    this.#browser = browser
    this.#server = server
    this.#pages = pages
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** A new browser context, without cookies or storage. */
  newBrowser(): Promise<BrowserContext> {
    return this.#browser.newContext()
  }

  /** Adds a page to the site; returns its address. */
  add(html: string): string {
    const path = `/${this.#pages.size}.html`
    this.#pages.set(path, html)
    return this.url + path
  }

  /** Adds a page to the site and visits it, in a new browser if none is given. */
  async visit(html: string, browser?: BrowserContext): Promise<Visit> {
    const page = await (browser ?? (await this.newBrowser())).newPage()
    const visit = new Visit(page)
    await page.goto(this.add(html))
    return visit
  }

  /**
   * Visits a new page of the site in the tab of the page before, or else in a new browser: only one
   * of them is open at once. What the browser keeps of other pages of the site, it still has.
   */
  async visitNext(html: string): Promise<Visit> {
    this.#tab ??= await (await this.newBrowser()).newPage()
    await this.#tab.goto('about:blank')
    for (const name of ['console', 'pageerror', 'request'] as const) {
      this.#tab.removeAllListeners(name)
    }
    await this.#tab.unrouteAll({ behavior: 'ignoreErrors' })
    const visit = new Visit(this.#tab)
    await this.#tab.goto(this.add(html))
    return visit
  }

  async close(): Promise<void> {
    await this.#browser.close()
    this.#server.close()
  }
}

/** A page that is open in a browser, with its console output and errors. */
export class Visit {
  readonly page: Page
  /** The lines of its console, without those of the browser about failed requests. */
  readonly printed: string[] = []
  /** Uncaught errors. */
  readonly uncaught: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('console', (message) => {
      const isOurs = !message.text().startsWith('Failed to load resource')
      if (isOurs) this.printed.push(message.text())
    })
    page.on('pageerror', (error) => this.uncaught.push(error.message))
  }

  /** The value of an expression in the page; waits if it is a promise. */
  evaluate(expression: string): Promise<unknown> {
    return this.page.evaluate(expression)
  }

  /**
   * Calls a function with these arguments, which are JavaScript, followed by a callback and an
   * onError. Returns the arguments of the callback that was called.
   */
  call(name: 'setKeyValue' | 'getKeyValue', ...args: readonly string[]): Promise<unknown> {
    return this.evaluate(`new Promise((resolve) => ${name}(
      ${args.join()},
      (...given) => resolve({ callback: given }),
      (...given) => resolve({ onError: given }),
    ))`)
  }
}
