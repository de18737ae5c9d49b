import type { BrowserContext, Locator, Page } from 'playwright-core'

/** The page to try App Lab's functions on, in a browser. */
export class PlayPage {
  readonly page: Page
  /** Uncaught errors of the page and of programs in it. */
  readonly uncaught: string[] = []
  /** The requests of the page to other servers than its own. */
  readonly strange: string[] = []

  private constructor(page: Page, url: string) {
    this.page = page
    page.on('pageerror', (error) => this.uncaught.push(error.message))
    page.on('request', (request) => {
      const isOwn = request.url().startsWith(`${url}/`) || request.url().startsWith('data:')
      if (!isOwn) this.strange.push(request.url())
    })
  }

  /** `address` is the path after the server's URL, such as `/play#token=...`. */
  static async open(browser: BrowserContext, url: string, address: string): Promise<PlayPage> {
    const page = await browser.newPage()
    const play = new PlayPage(page, url)
    await page.goto(url + address)
    return play
  }

  /** A page that is open already, with another address, which `follow` opens. */
  static async reopen(page: Page, url: string, address: string): Promise<PlayPage> {
    const play = new PlayPage(page, url)
    await play.follow(address)
    return play
  }

  /**
   * Opens an address as a link to sign in does in a tab with this page, which is not loaded again:
   * that takes most of the time. It shows nothing of before, because all projects are left first.
   */
  async follow(address: string): Promise<void> {
    const { search, hash } = new URL(address, this.page.url())
    await this.page.evaluate(`(async () => {
      for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()
      for (const [search, hash] of [['', '#token='], ${JSON.stringify([search, hash || '#token='])}]) {
        const heard = new Promise((hear) => addEventListener('hashchange', hear, { once: true }))
        history.replaceState(null, '', location.pathname + search)
        location.hash = hash
        await heard
      }
    })()`)
    await this.page.locator('#workbench, #trouble').filter({ visible: true }).waitFor()
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true })
  }

  /** Makes a first project when the page asks for one. */
  async makeFirstProject(): Promise<void> {
    await this.button('Make it').click()
    await this.button('Run').waitFor()
  }

  async choose(program: string): Promise<void> {
    await this.field('Program').selectOption({ label: program })
  }

  /** Replaces the program in the editor. */
  async write(code: string): Promise<void> {
    await this.choose('My program')
    await this.page.locator('.cm-content').focus()
    await this.page.keyboard.press('ControlOrMeta+A')
    await this.page.keyboard.insertText(code)
  }

  /** Runs the program in the editor from its start. */
  async run(): Promise<void> {
    await this.page.locator('#run').click()
  }

  async writeAndRun(code: string): Promise<void> {
    await this.write(code)
    await this.run()
  }

  /** The program in the editor. */
  async code(): Promise<string> {
    return (await this.page.locator('.cm-line').allInnerTexts())
      .map((line) => line.replace(/\n$/, ''))
      .join('\n')
  }

  /** The lines of the program's console. */
  printed(): Promise<string[]> {
    return this.page.locator('#lines .line').allInnerTexts()
  }

  /** The page's text about the state of the program. */
  state(): Promise<string> {
    return this.page.locator('#running').innerText()
  }

  /** Shows the table next to the program, where it is hidden. */
  async viewData(): Promise<void> {
    await this.page.locator('#workbench').waitFor()
    if (await this.page.locator('#data').isHidden()) await this.button('View data').click()
  }

  /** Keys and values, as the table shows them. */
  async pairs(): Promise<string[][]> {
    // In one call: a table may have hundreds of rows.
    const rows = "document.querySelectorAll('#pairs tbody tr:not(.add, .empty, .said)')"
    const texts = "[...row.querySelectorAll('th, td.value')].map((cell) => cell.innerText)"
    return this.page.evaluate(`[...${rows}].map((row) => ${texts})`)
  }

  /** Makes the table read all pairs at once, as when its tab is shown again. */
  async readAll(): Promise<void> {
    await this.page.evaluate("void document.dispatchEvent(new Event('visibilitychange'))")
  }

  /** Fills the first row of the table and adds the pair. */
  async add(key: string, value: string): Promise<void> {
    await this.field('Key of a new pair').fill(key)
    await this.field('Value of a new pair').fill(value)
    await this.button('Add pair').click()
  }

  /** A button of a pair's row. */
  action(name: 'Edit' | 'Save' | 'Cancel' | 'Delete', key: string): Locator {
    return this.button(`${name} ${JSON.stringify(key)}`)
  }

  /** The lines about deleted pairs, the newest first. */
  deleted(key: string): Locator {
    const name = this.page.locator('code').filter({ hasText: JSON.stringify(key) })
    return this.page.locator('#deletions li').filter({ has: name })
  }

  /** Opens the dialog with the share link, and returns the link. */
  async shareLink(): Promise<string> {
    await this.button('Share link').click()
    const link = this.page.locator('#share-link')
    await link.waitFor()
    return link.inputValue()
  }

  /**
   * From now on the server answers requests for this address, but its answers do not arrive.
   * Returns a function that waits for the first one and lets them arrive.
   */
  async hold(address: string): Promise<() => Promise<void>> {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    await this.page.route(address, async (route) => {
      const response = await route.fetch()
      await released
      await route.fulfill({ response })
      arrive()
    })
    return async () => {
      release()
      await arrived
      // The page has taken the answer when it takes this later one.
      await this.page.evaluate("fetch('play/frame').then((response) => response.text())")
    }
  }

  /** All error texts on the page. */
  async complaints(): Promise<string[]> {
    const texts = await this.page.getByRole('alert').allInnerTexts()
    return texts.map((text) => text.trim()).filter((text) => text !== '')
  }
}
