import { find } from '../page/element.ts'
import { isLoopbackHost } from '../page/loopback.ts'
import type { ProjectAddress } from './projects.ts'

/** Shows a link with which others can work on a project without a token. */
export class ShareDialog {
  readonly #dialog = find('share-dialog', HTMLDialogElement)
  readonly #link = find('share-link', HTMLInputElement)
  readonly #copied = find('copied', HTMLElement)

  constructor() {
    find('copy', HTMLButtonElement).addEventListener('click', () => this.#copy())
  }

  show(address: ProjectAddress): void {
    this.#link.value = shareLink(address)
    this.#copied.textContent = ''
    find('share-local', HTMLElement).hidden = !isLoopbackHost(location.hostname)
    this.#dialog.showModal()
    this.#link.select()
  }

  async #copy(): Promise<void> {
    this.#link.select()
    try {
      await navigator.clipboard.writeText(this.#link.value)
      this.#copied.textContent = 'Copied.'
    } catch {
      // Browsers allow this only for secure pages and for pages of this machine.
      this.#copied.textContent = 'Press Ctrl-C to copy.'
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
