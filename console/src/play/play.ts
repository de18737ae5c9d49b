import { OwnedPairs } from './data/owned-pairs.ts'
import { PagePairs } from './data/page-pairs.ts'
import { element, find, formIn } from './page/element.ts'
import { type Keeps, Kept } from './page/kept.ts'
import { QuestionForm } from './page/question-form.ts'
import { Refusal, sentenceOf } from './page/refusal.ts'
import { type ListedProject, labelOf, type ProjectAddress, Projects } from './projects/projects.ts'
import { Server } from './projects/server.ts'
import { isTokenText, SessionToken } from './projects/session-token.ts'
import { ShareDialog, sharedAddress } from './projects/share-dialog.ts'
import { Workbench } from './workbench.ts'

const views = ['sign-in', 'first-project', 'trouble', 'workbench'] as const
const serverUrl = new URL('.', location.href).href

/** The page: who is signed in, and which project is open. */
class Play {
  readonly #keeps: Keeps = {
    browser: new Kept(() => localStorage),
    tab: new Kept(() => sessionStorage),
  }
  readonly #token = new SessionToken(this.#keeps.tab)
  readonly #workbench = new Workbench(this.#keeps)
  readonly #share = new ShareDialog()
  readonly #select = find('project', HTMLSelectElement)
  readonly #newDialog = find('new-dialog', HTMLDialogElement)
  readonly #signIn: QuestionForm
  #server = new Server(serverUrl)
  #projects = new Projects(this.#server)
  #listed: readonly ListedProject[] = []
  #address: ProjectAddress | undefined
  /** The channel id of the project that is open, or about to be. */
  #wanted: string | undefined

  constructor() {
    this.#signIn = new QuestionForm(formIn('sign-in'), (text) => this.#signInWith(text))
    new QuestionForm(formIn('first-project'), (name) => this.#make(name))
    new QuestionForm(formIn('new-dialog'), (name) => this.#make(name))
    this.#select.addEventListener('change', () =>
      this.#attempt(() => this.#open(this.#select.value)),
    )
    onClick('new-project', () => this.#newDialog.showModal())
    onClick('share', () => this.#shareLink())
    onClick('sign-out', () => this.#leave(''))
    onClick('try-again', () => this.start())
    for (const dialog of document.querySelectorAll('dialog')) listenForClose(dialog)
    addEventListener('hashchange', () => this.#token.takeFromAddress() && this.start())
  }

  /** Shows the view that fits the token in the browser and the share link in the address. */
  async start(): Promise<void> {
    this.#token.takeFromAddress()
    const shared = sharedAddress()
    if (this.#token.text !== undefined) await this.#attempt(() => this.#enter(shared))
    else if (shared) await this.#openShared(shared)
    else this.#show('sign-in')
  }

  async #signInWith(text: string): Promise<void> {
    if (!isTokenText(text))
      throw new Refusal(400, 'A token has no spaces and no letters with accents.')
    await this.#assertValid(text)
    find('token', HTMLInputElement).value = ''
    this.#token.text = text
    await this.start()
  }

  async #assertValid(token: string): Promise<void> {
    try {
      await new Projects(new Server(serverUrl, token)).list()
    } catch (error) {
      throw isInvalidToken(error) ? new Refusal(401, 'This token is not valid.') : error
    }
  }

  /** Signs in with the stored token. Rejects with Refusal. */
  async #enter(shared: ProjectAddress | undefined): Promise<void> {
    const projects = this.#use(this.#token.text)
    const listed = await projects.list()
    // The user may have signed out meanwhile, or in with another token.
    if (this.#projects !== projects) return
    this.#listed = listed
    const isOwn = ({ channelId }: ListedProject): boolean => channelId === shared?.channelId
    if (shared && !this.#listed.some(isOwn)) return this.#openShared(shared)
    const { tab, browser } = this.#keeps
    const wanted = shared?.channelId ?? tab.getText('project') ?? browser.getText('project')
    const chosen = this.#listed.find(({ channelId }) => channelId === wanted) ?? this.#listed[0]
    if (!chosen) return this.#show('first-project')
    this.#listProjects()
    await this.#open(chosen.channelId)
  }

  /** What is asked from now on is asked with this token. */
  #use(token: string | undefined): Projects {
    this.#server = new Server(serverUrl, token)
    this.#projects = new Projects(this.#server)
    return this.#projects
  }

  async #make(name: string): Promise<void> {
    const made = await this.#projects.create(name)
    this.#listed = [...this.#listed, made]
    this.#listProjects()
    await this.#open(made.channelId)
    this.#newDialog.close()
    find('new-name', HTMLInputElement).value = ''
  }

  #listProjects(): void {
    const options = this.#listed.map((project) =>
      element('option', { value: project.channelId }, labelOf(project, this.#listed)),
    )
    this.#select.replaceChildren(...options)
  }

  /** Opens one of the user's own projects. */
  async #open(channelId: string): Promise<void> {
    this.#wanted = channelId
    const address = await this.#projects.address(channelId)
    // The user may have chosen another project meanwhile, or signed out.
    if (this.#wanted !== channelId) return
    this.#address = address
    // Another tab may have another project open.
    for (const kept of [this.#keeps.tab, this.#keeps.browser]) kept.set('project', channelId)
    this.#select.value = channelId
    // The browser remembers the open project, so the share link in the address is not needed any
    // more.
    history.replaceState(null, '', location.pathname)
    this.#workbench.open(address, new OwnedPairs(this.#server, channelId))
    this.#show('workbench', 'own')
  }

  /** Opens another user's project, as a page of it. A link that does not work says so at once. */
  async #openShared(address: ProjectAddress): Promise<void> {
    const pairs = new PagePairs(new Server(serverUrl), address, this.#keeps.browser)
    try {
      await pairs.assertLetIn()
    } catch (error) {
      return this.#showTrouble(sentenceOf(error))
    }
    this.#workbench.open(address, pairs)
    this.#show('workbench', 'shared')
  }

  /** Asks for the page key again: it may have changed since the project was opened. */
  async #shareLink(): Promise<void> {
    const channelId = this.#address?.channelId
    if (channelId === undefined) return
    try {
      const address = await this.#projects.address(channelId)
      if (this.#address?.channelId === channelId) this.#share.show(address)
    } catch (error) {
      this.#share.complain(sentenceOf(error))
    }
  }

  /** Runs an action. A failure shows the trouble view, or asks for another token. */
  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      const sentence = sentenceOf(error)
      if (isInvalidToken(error))
        return this.#leave('This token is not valid, or is not valid any more.')
      this.#showTrouble(sentence)
    }
  }

  #showTrouble(sentence: string): void {
    this.#workbench.close()
    find('trouble-text', HTMLElement).textContent = sentence
    this.#show('trouble')
  }

  #leave(sentence: string): void {
    this.#token.text = undefined
    this.#use(undefined)
    this.#wanted = undefined
    this.#address = undefined
    this.#workbench.close()
    this.#show('sign-in')
    this.#signIn.complain(sentence)
  }

  #show(shown: (typeof views)[number], bar?: 'own' | 'shared'): void {
    for (const view of views) find(view, HTMLElement).hidden = view !== shown
    for (const id of ['own', 'shared']) find(id, HTMLElement).hidden = id !== bar
    if (shown !== 'workbench') find(shown, HTMLElement).querySelector('input')?.focus()
  }
}

function isInvalidToken(error: unknown): boolean {
  return error instanceof Refusal && error.status === 401
}

function onClick(id: string, action: () => void): void {
  find(id, HTMLButtonElement).addEventListener('click', () => action())
}

function listenForClose(dialog: HTMLDialogElement): void {
  for (const button of dialog.querySelectorAll('[data-close]')) {
    button.addEventListener('click', () => dialog.close())
  }
}

new Play().start()
