import type { Locator } from 'playwright-core'
import { Remote } from '../network/remote.ts'
import type { TestServer } from '../network/test-server.ts'
import type { ConsolePage } from './console-page.ts'

/** A store of one test, and its records as the console shows them. */
export class RecordPage {
  readonly storeId: string
  readonly #server: TestServer
  readonly #console: ConsolePage

  private constructor(server: TestServer, shown: ConsolePage, storeId: string) {
    this.#server = server
    this.#console = shown
    this.storeId = storeId
  }

  /** With a new store. */
  static async make(server: TestServer, shown: ConsolePage): Promise<RecordPage> {
    const { url, token } = server
    const made = await new Remote(url).do('/v2/key-value-stores', { method: 'POST', token })
    return new RecordPage(server, shown, made.data.id)
  }

  /** The path of a record in the API. */
  pathOf(key: string): string {
    return `/v2/key-value-stores/${this.storeId}/record?key=${encodeURIComponent(key)}`
  }

  async put(
    key: string,
    body: string | Uint8Array,
    contentType: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { url, token } = this.#server
    const asked = {
      method: 'PUT',
      token,
      body,
      headers: { 'Content-Type': contentType, ...headers },
    }
    await new Remote(url).do(this.pathOf(key), asked)
  }

  /** What is stored, as the server sends it. */
  async stored(key: string): Promise<{ status: number; text: string; headers: Headers }> {
    const { url, token } = this.#server
    return new Remote(url).send(this.pathOf(key), { token })
  }

  async delete(key: string): Promise<void> {
    const { url, token } = this.#server
    await new Remote(url).do(this.pathOf(key), { method: 'DELETE', token })
  }

  /** Opens a record in the console. */
  async open(key: string, rest = ''): Promise<void> {
    const at = `#/storage/key-value-stores/${this.storeId}/records?key=${encodeURIComponent(key)}`
    await this.#console.go(`${at}${rest}`)
    await this.pane.getByRole('navigation', { name: 'Ways to see the record' }).waitFor()
  }

  get pane(): Locator {
    return this.#console.page.locator('.record')
  }

  button(name: string | RegExp): Locator {
    return this.pane.getByRole('button', { name })
  }

  /** The value that View shows. */
  value(as: string | RegExp): Locator {
    return this.pane.getByRole('region', { name: as })
  }

  /** The editor, once it is there. */
  async edit(): Promise<Locator> {
    await this.button('Edit').click()
    return this.pane.getByRole('textbox', { name: 'Value' })
  }
}
