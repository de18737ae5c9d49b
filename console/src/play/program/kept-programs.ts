import type { Keeps } from '../page/kept.ts'

/** A program that is a copy has an id that begins so. */
const copyPrefix = 'own-'

/**
 * The programs of a project that differ from the examples, as the browser keeps them for all its
 * tabs, and what this tab wrote last. If the two differ, another tab has changed the program since.
 */
export class KeptPrograms {
  readonly #keeps: Keeps
  readonly #channelId: string

  constructor(keeps: Keeps, channelId: string) {
    this.#keeps = keeps
    this.#channelId = channelId
  }

  /** The id of the program that this tab showed last, or else any tab. */
  get choice(): string | undefined {
    const { tab, browser } = this.#keeps
    const name = `choice ${this.#channelId}`
    return tab.getText(name) ?? browser.getText(name)
  }

  set choice(id: string) {
    const { tab, browser } = this.#keeps
    for (const kept of [tab, browser]) kept.set(`choice ${this.#channelId}`, id)
  }

  code(id: string): string | undefined {
    return this.#codes[id]
  }

  /** Undefined: as the example. Returns false if it lasts only as long as the page. */
  setCode(id: string, code: string | undefined): boolean {
    return this.#keeps.browser.set(this.#codesName, { ...this.#codes, [id]: code })
  }

  /** What this tab wrote last; undefined if it wrote nothing. */
  draft(id: string): string | undefined {
    return this.#drafts[id]
  }

  setDraft(id: string, code: string | undefined): void {
    this.#keeps.tab.set(this.#draftsName, { ...this.#drafts, [id]: code })
  }

  /** The ids of all copies, the oldest first. */
  get copies(): readonly string[] {
    return Object.keys(this.#codes).filter((id) => id.startsWith(copyPrefix))
  }

  /** Adds a copy, unless there is the same one already. */
  copy(code: string): { readonly id: string; readonly isKept: boolean } {
    const same = this.copies.find((id) => this.#codes[id] === code)
    const id = same ?? copyPrefix + crypto.getRandomValues(new Uint32Array(1))[0]
    return { id, isKept: this.setCode(id, code) }
  }

  /** Copies without text need not be kept. */
  dropBlankCopies(): void {
    const blank = this.copies.filter((id) => this.#codes[id]?.trim() === '')
    for (const id of blank) this.setCode(id, undefined)
  }

  /** Calls the listener when another tab has changed a program of this project. */
  listen(listener: () => void, signal: AbortSignal): void {
    this.#keeps.browser.listen(this.#codesName, listener, signal)
  }

  get #codes(): Record<string, string> {
    return this.#keeps.browser.getTexts(this.#codesName)
  }

  get #drafts(): Record<string, string> {
    return this.#keeps.tab.getTexts(this.#draftsName)
  }

  get #codesName(): string {
    return `code ${this.#channelId}`
  }

  get #draftsName(): string {
    return `drafts ${this.#channelId}`
  }
}
