import { find } from '../page/element.ts'
import { isLoopbackHost } from '../page/loopback.ts'
import type { ProjectAddress } from './projects.ts'

/** Stands for an address that only the user can find out. */
const exampleHost = '192.168.1.20'
/** The server's port unless an option names another one. */
const presetPort = '8288'

/** Shows a link with which others can work on a project without a token. */
export class ShareDialog {
  readonly #dialog = find('share-dialog', HTMLDialogElement)
  readonly #link = new CopiedText('share-link', 'copy', 'copied')
  readonly #options = new CopiedText('share-options', 'copy-options', 'options-copied')

  show(address: ProjectAddress): void {
    const { port } = location
    const url = `http://${exampleHost}${port === '' ? '' : `:${port}`}`
    const portOption = port === '' || port === presetPort ? '' : ` --port ${port}`
    this.#link.show(shareLink(address))
    this.#options.show(`--host 0.0.0.0${portOption} --public-url ${url}`)
    find('share-address', HTMLElement).textContent = new URL(location.pathname, url).href
    find('share-local', HTMLElement).hidden = !isLoopbackHost(location.hostname)
    this.#open('')
    this.#link.select()
  }

  /** Says why there is no link. */
  complain(sentence: string): void {
    this.#open(sentence)
  }

  #open(trouble: string): void {
    find('share-trouble', HTMLElement).textContent = trouble
    find('share-parts', HTMLElement).hidden = trouble !== ''
    if (!this.#dialog.open) this.#dialog.showModal()
  }
}

/** A text in a field, with a button that copies it. */
class CopiedText {
  readonly #field: HTMLInputElement
  readonly #said: HTMLElement

  constructor(fieldId: string, buttonId: string, saidId: string) {
    this.#field = find(fieldId, HTMLInputElement)
    this.#said = find(saidId, HTMLElement)
    find(buttonId, HTMLButtonElement).addEventListener('click', () => this.#copy())
  }

  show(text: string): void {
    this.#field.value = text
    this.#said.textContent = ''
  }

  select(): void {
    this.#field.select()
    // The beginning tells more than the end.
    this.#field.scrollLeft = 0
  }

  async #copy(): Promise<void> {
    this.select()
    try {
      await navigator.clipboard.writeText(this.#field.value)
      this.#said.textContent = 'Copied.'
    } catch {
      // Browsers allow this only for secure pages and for pages of this machine.
      this.#said.textContent = 'Press Ctrl-C to copy.'
    }
  }
}

function shareLink({ channelId, pageKey }: ProjectAddress): string {
  const query = new URLSearchParams({ channel: channelId, ...(pageKey && { key: pageKey }) })
  return new URL(`?${query}`, location.href).href.replace(/#.*$/, '')
}

/** The project in the share link that opened this page; undefined without a share link. */
export function sharedAddress(): ProjectAddress | undefined {
  const query = new URLSearchParams(location.search)
  const channelId = query.get('channel')
  if (!channelId) return undefined
  return { channelId, pageKey: query.get('key') || undefined }
}
