import type { BrowserContext, Locator, Page } from 'playwright-core'

/** The name under which the console keeps its token in a tab. */
const keptToken = 'coatcheck-console-token'

/** The console in a tab of a real browser. */
export class ConsolePage {
  readonly page: Page
  readonly url: string
  /** What the page has logged as an error, and what it threw. */
  readonly errors: string[]

  private constructor(page: Page, url: string, errors: string[]) {
    this.page = page
    this.url = url
    this.errors = errors
  }

  /** A new tab at an address such as `#/storage/projects`; with a token it is signed in. */
  static async open(
    context: BrowserContext,
    url: string,
    { token, at = '' }: { readonly token?: string; readonly at?: string } = {},
  ): Promise<ConsolePage> {
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
    if (token !== undefined) {
      await page.addInitScript(
        ([name, kept]) => {
          if (sessionStorage.getItem(name) === null) sessionStorage.setItem(name, kept)
        },
        [keptToken, token] as const,
      )
    }
    await page.goto(`${url}/${at}`)
    return new ConsolePage(page, url, errors)
  }

  /** Opens another place of the console in this tab. */
  async go(at: string): Promise<void> {
    await this.page.goto(`${this.url}/${at}`)
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name })
  }

  link(name: string | RegExp): Locator {
    return this.page.getByRole('link', { name })
  }

  field(name: string | RegExp): Locator {
    return this.page.getByRole('textbox', { name })
  }

  /** The row of a list that contains this text. */
  row(text: string | RegExp): Locator {
    return this.page.getByRole('row').filter({ hasText: text })
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog').or(this.page.getByRole('alertdialog'))
  }

  /** The messages at the edge of the page. */
  get messages(): Locator {
    return this.page.getByLabel('Messages')
  }
}
